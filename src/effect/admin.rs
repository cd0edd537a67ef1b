//! What an operator may ask of a running user server, and what it answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{ServerIndex, Uid};
use crate::config::Settings;

/// A question of an operator.
#[derive(Debug, Clone)]
pub enum AdminRequest {
    /// Every binding held: [`AdminReply::Registrations`].
    Registrations,
    /// Every call in progress: [`AdminReply::Calls`].
    Calls,
    /// Every other cluster: [`AdminReply::Peers`].
    Peers,
    /// Every call in progress whose name begins so, with all that has happened in it:
    /// [`AdminReply::Calls`].
    Call(String),
    /// The store has changed these users (password, profile, numbers, or one is gone): read them again.
    Refresh(Arc<[Uid]>),
    /// The configuration was read again: serve by this from now on. The cluster, the listeners, the
    /// number of servers, the key and the epoch are as they were.
    Configure(Arc<Settings>),
    /// Let another user server go on with a user's half of a call, if it rings here and he is called.
    HandOver {
        /// The name of the call, whole.
        call: String,
        /// Whose half.
        owner: Uid,
        /// Who goes on.
        to: ServerIndex,
    },
    /// Take no new calls and end when those in progress have.
    Drain,
    /// End every call that is left, and tell everybody who is in it.
    HangUp,
    /// How much is left to be said to phones: [`AdminReply::Left`].
    Left,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminReply {
    /// Bindings, by user.
    Registrations(Vec<LiveBinding>),
    /// Calls, by start.
    Calls(Vec<LiveCall>),
    /// Other clusters, by name.
    Peers(Vec<LivePeer>),
    /// Calls that are not yet over, and their legs, which say goodbye for a little longer.
    Left {
        /// Calls.
        calls: usize,
        /// Legs.
        legs: usize,
    },
    /// It is done, or under way.
    Done,
}

impl AdminReply {
    /// The bindings that it tells of.
    pub fn bindings(self) -> Vec<LiveBinding> {
        if let Self::Registrations(bindings) = self { bindings } else { Vec::new() }
    }

    /// The calls that it tells of.
    pub fn calls(self) -> Vec<LiveCall> {
        if let Self::Calls(calls) = self { calls } else { Vec::new() }
    }

    /// The other clusters that it tells of.
    pub fn peers(self) -> Vec<LivePeer> {
        if let Self::Peers(peers) = self { peers } else { Vec::new() }
    }
}

/// A binding that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveBinding {
    /// Whose.
    pub uid: String,
    /// What makes it the same binding, in memory and in the store.
    pub key: String,
    /// Whether its flow works, as far as that is known.
    pub works: bool,
    /// Whether its connection is gone, and its phone has to be woken first.
    pub is_asleep: bool,
    /// The Contact URI as the phone wrote it.
    pub contact: String,
    /// The transport and far end that it is called at.
    pub via: String,
    /// Seconds until it expires.
    pub expires_s: i64,
    /// The `q` value, 0 to 1.
    pub q: String,
    /// `+sip.instance`, if it has one.
    pub instance: String,
    /// What the phone calls itself.
    pub user_agent: String,
}

/// Half of a call in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveCall {
    /// The call.
    pub id: String,
    /// `outgoing` or `incoming`: whose half this is.
    pub direction: String,
    /// Whose.
    pub owner: String,
    /// Who asked.
    pub caller: String,
    /// Who was asked for.
    pub callee: String,
    /// `voice`, `video`, …
    pub mode: String,
    /// `ringing`, `answered`, …
    pub state: String,
    /// Milliseconds since 1970.
    pub started_ms: i64,
    /// Milliseconds since 1970; `None` while nobody has answered.
    pub answered_ms: Option<i64>,
    /// The deciding rule in one line.
    pub rule: String,
    /// The whole decision path, one step a line; only if it was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What was said and heard; only if it was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ladder: String,
}

/// Another cluster, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivePeer {
    /// Its name.
    pub cid: String,
    /// The transport and address it is reached by.
    pub address: String,
    /// `up`, `down`, `suspect` or `unknown`.
    pub state: String,
    /// Since when, milliseconds since 1970; 0 if it was never asked.
    pub since_ms: i64,
    /// What went wrong last; empty if nothing did.
    pub error: String,
}
