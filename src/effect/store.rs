//! The words between the core and the store.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::Uid;
use crate::routing::Profile;

use super::fact::{CallRecord, PageRecord};
use super::net::Transport;

/// What the core asks of the store. Everything asked is answered, in any order.
#[derive(Debug)]
pub enum StoreOp {
    /// The whole routing record of a user: [`StoreOutcome::User`].
    LoadUser(Uid),
    /// Whose number is this? Digits with an optional leading `+`: [`StoreOutcome::Number`].
    FindNumber(String),
    /// Write and remove bindings of a user, all or nothing: [`StoreOutcome::Saved`] once they are
    /// durable.
    SaveBindings {
        /// Whose.
        uid: Uid,
        /// Written; one with the same key is replaced.
        put: Vec<StoredBinding>,
        /// Keys of those removed.
        remove: Vec<String>,
    },
    /// Add (or, at its end, complete) the record of one half of a call. Answered when durable.
    PutCall(Arc<CallRecord>),
    /// Add the record of a page. Answered when durable.
    PutPage(Arc<PageRecord>),
}

/// What the store answers.
#[derive(Debug)]
pub enum StoreOutcome {
    /// The user, or `None` if there is none by that name.
    User(Option<Box<StoredUser>>),
    /// The user whose number it is.
    Number(Option<Uid>),
    /// It is durable.
    Saved,
    /// It could not be done now: the disk is full, the database is gone. Nothing was changed.
    Failed,
}

/// The routing record: all of a user that a call or page needs, never his inbox or history.
#[derive(Debug, Clone)]
pub struct StoredUser {
    /// Whose.
    pub uid: Uid,
    /// The name shown to those he calls.
    pub name: Option<String>,
    /// The numbers that reach him, each with its leading `+` if it has one.
    pub numbers: Vec<String>,
    /// HA1 per algorithm (RFC 7616 §3.4.2), for the cluster's realm.
    pub secrets: Secrets,
    /// His bindings, expired ones left out.
    pub bindings: Vec<StoredBinding>,
    /// His active profile, compiled; `None`: the cluster's default serves him.
    pub profile: Option<Arc<Profile>>,
}

/// What a password leaves behind, as lower-case hex; equivalent to the password inside its realm.
/// Each algorithm twice, since a phone may call its user `anne` or `anne@north.test`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// MD5(`anne:realm:password`), 32 hex digits.
    pub md5: [u8; 32],
    /// SHA-256(`anne:realm:password`), 64 hex digits.
    pub sha256: [u8; 64],
    /// MD5(`anne@north.test:realm:password`).
    pub md5_uid: [u8; 32],
    /// SHA-256(`anne@north.test:realm:password`).
    pub sha256_uid: [u8; 64],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// A binding as it is kept: AOR ↔ Contact with an expiry (RFC 3261 §10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBinding {
    /// What makes it the same binding: the instance-id and reg-id if it has one, else its Contact.
    pub key: String,
    /// The Contact URI as the phone wrote it.
    pub contact: String,
    /// Where it is called: the far end of its flow.
    pub target: SocketAddr,
    /// How.
    pub transport: Transport,
    /// The listener it registered through, as `udp:127.0.0.1:5060`.
    pub listener: String,
    /// The Path header's values (RFC 3327), comma-separated; empty if there was none.
    pub path: String,
    /// The `q` value in thousandths.
    pub q: u16,
    /// `+sip.instance` (RFC 5626), empty if there was none.
    pub instance: String,
    /// The User-Agent, for listings.
    pub user_agent: String,
    /// The Call-ID and CSeq of the REGISTER that made or last renewed it (RFC 3261 §10.3 step 7).
    pub call_id: String,
    /// See `call_id`.
    pub cseq: u32,
    /// When the store may forget it, seconds since 1970: the granted expiry and half of that again,
    /// so that a restart never forgets a binding that was promised.
    pub expires_s: i64,
    /// Seconds that were granted.
    pub granted_s: u32,
}
