//! What is told and kept of a half of a call.

use crate::base::Now;
use crate::base::token::ends_of_name;
use crate::effect::admin::LiveCall;
use crate::effect::fact::CallRecord;
use crate::routing::{Direction, Mode};

use super::call::{Call, State};

/// How a half ended, for its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The one who asked gave up.
    Cancelled,
    /// The tree, or the phones that it rang, refused.
    Refused,
    /// The caller's side hung up.
    HungUpByCaller,
    /// The callee's side hung up.
    HungUpByCallee,
    /// The server ended, and the call with it.
    ShutDown,
    /// Its owner was removed.
    OwnerRemoved,
}

impl Call {
    pub(super) fn record(&self, now: Now, status: u16, end: End) -> CallRecord {
        CallRecord {
            id: self.id.to_string(),
            direction: direction_text(self.direction),
            owner: self.owner.clone(),
            caller: self.route.caller().to_string(),
            callee: self.route.to().to_string(),
            mode: mode_text(self.route.mode()),
            started_ms: self.started.wall_ms,
            answered_ms: self.answered_ms,
            ended_ms: now.wall_ms,
            status,
            end: end.text(),
            rule: self.route.rule(),
            path: self.route.path(),
            question: self.route.recorded_text(),
            ladder: self.ladder.text(&self.route.caller().to_string()),
        }
    }

    /// For listings.
    pub fn listing(&self) -> LiveCall {
        LiveCall {
            id: self.id.to_string(),
            direction: direction_text(self.direction).to_owned(),
            owner: self.owner.to_string(),
            caller: self.route.caller().to_string(),
            callee: self.route.to().to_string(),
            mode: mode_text(self.route.mode()).to_owned(),
            state: match &self.state {
                State::Hunting(hunt) if hunt.is_ringing(|_| true) => "ringing".to_owned(),
                State::Hunting(_) => "routing".to_owned(),
                State::Ignoring => "ignored".to_owned(),
                State::Bridged { .. } => "answered".to_owned(),
                State::Over => "over".to_owned(),
            },
            started_ms: self.started.wall_ms,
            answered_ms: self.answered_ms,
            rule: self.route.rule(),
            path: String::new(),
            ladder: String::new(),
        }
    }

    /// [`Call::listing`] with all that has happened.
    pub fn account(&self) -> LiveCall {
        let ladder = self.ladder.text(&self.route.caller().to_string());
        LiveCall { path: self.route.path(), ladder, ..self.listing() }
    }

    /// Whether it is the call of that name, or as much of a name as there is fits it.
    pub fn is_named(&self, asked: &str) -> bool {
        let (begin, end) = ends_of_name(asked);
        self.id.starts_with(begin) && self.id.ends_with(end)
    }
}

impl End {
    /// What phones are told of it besides (RFC 3326). Why a user is gone is nobody's affair.
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Self::ShutDown => Some("SIP;cause=503;text=\"Server ends\""),
            Self::Cancelled
            | Self::Refused
            | Self::HungUpByCaller
            | Self::HungUpByCallee
            | Self::OwnerRemoved => None,
        }
    }

    /// In plain words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Cancelled => "the caller gave up",
            Self::Refused => "refused",
            Self::HungUpByCaller => "the caller hung up",
            Self::HungUpByCallee => "the callee hung up",
            Self::ShutDown => "the server ended",
            Self::OwnerRemoved => "its user was removed",
        }
    }
}

pub(super) fn mode_text(mode: Mode) -> &'static str {
    mode.as_str()
}

fn direction_text(direction: Direction) -> &'static str {
    match direction {
        Direction::Incoming => "incoming",
        Direction::Outgoing => "outgoing",
    }
}
