//! What a tree answers: the action at a place, and the place itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::lex::escape;
use super::pattern::Address;
use super::week::Length;
use super::words::Direction;
use crate::base::Uid;

/// Where in a profile a call stands: a plain number, good for as long as the profile's text is
/// the same, on this server or another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct Place(u32);

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Ring the targets; the outcome leads on ([`super::Profile::follow`]).
    Try(Try),
    /// The caller hears that he was declined.
    Decline,
    /// The caller hears busy.
    Busy,
    /// The caller is never told.
    Ignore,
    /// Another user's routing takes over.
    Forward(Uid),
    /// An outgoing request goes out.
    Send,
    /// The caller is refused, and told why.
    Refuse(Arc<str>),
    /// The one who asks is answered with the stock message of that name, and that is all.
    Reply(Arc<str>),
    /// A page is kept until its reader is available.
    Hold,
    /// The caller is told to ask another user himself.
    Redirect(Uid),
}

/// What is done besides an action, whatever becomes of that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Side {
    /// A copy of a message goes there.
    Also(Target),
    /// The one who asks is answered with the stock message of that name.
    Reply(Arc<str>),
    /// A property of the tree's owner, by its key, gets this value; an empty one removes it.
    Set(Arc<str>, Arc<str>),
    /// This text stands in the event log.
    Log(Arc<str>),
}

/// Targets rung together, or one after another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Try {
    /// Whom to ring and when; never empty.
    pub targets: Box<[TimedTarget]>,
    /// How long to ring in all; without it the call's own limit rules.
    pub ring_for: Option<Duration>,
}

/// A target and how long after the start of its `try` it begins to ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimedTarget {
    /// Whom to ring.
    pub target: Target,
    /// After how long.
    pub after: Duration,
}

/// Whom a `try` rings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Every registered client that can take the mode.
    Clients,
    /// The registered client of that name.
    Client(Arc<str>),
    /// Another user, by his own routing.
    User(Uid),
    /// The user's inbox.
    Inbox,
    /// The user's voicemail.
    Voicemail,
    /// A device of the user's by its name.
    Device(Arc<str>),
    /// A way to the telephone network by its name, and the number that the one who is called sees;
    /// without one it is for the operator to say.
    Trunk(Arc<str>, Option<Arc<str>>),
}

impl Place {
    const OUTGOING: u32 = 1 << 31;

    pub(super) fn new(direction: Direction, line: u16) -> Self {
        let line = u32::from(line);
        match direction {
            Direction::Incoming => Self(line),
            Direction::Outgoing => Self(line | Self::OUTGOING),
        }
    }

    /// The tree it is a place of.
    pub const fn direction(self) -> Direction {
        if self.0 & Self::OUTGOING == 0 { Direction::Incoming } else { Direction::Outgoing }
    }

    pub(super) fn line(self) -> usize {
        usize::try_from(self.0 & !Self::OUTGOING).unwrap_or(usize::MAX)
    }
}

impl Action {
    /// The word that it begins with.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Try(_) => "try",
            Self::Decline => "decline",
            Self::Busy => "busy",
            Self::Ignore => "ignore",
            Self::Forward(_) => "forward",
            Self::Send => "send",
            Self::Refuse(_) => "refuse",
            Self::Reply(_) => "reply",
            Self::Hold => "hold",
            Self::Redirect(_) => "redirect",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Try(plan) => plan.fmt(f),
            Self::Decline => f.write_str("decline"),
            Self::Busy => f.write_str("busy"),
            Self::Ignore => f.write_str("ignore"),
            Self::Forward(uid) => write!(f, "forward {}", Address(uid.as_str())),
            Self::Send => f.write_str("send"),
            Self::Refuse(why) => write!(f, "refuse {}", escape(why)),
            Self::Reply(name) => write!(f, "reply {}", escape(name)),
            Self::Hold => f.write_str("hold"),
            Self::Redirect(uid) => write!(f, "redirect {}", Address(uid.as_str())),
        }
    }
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, timed) in self.targets.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "try " } else { ", " }, timed.target)?;
            if !timed.after.is_zero() {
                write!(f, " after {}", Length(timed.after))?;
            }
        }
        self.ring_for.map_or(Ok(()), |ring_for| write!(f, " for {}", Length(ring_for)))
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Also(copy) => write!(f, "also {copy}"),
            Self::Reply(name) => write!(f, "reply {}", escape(name)),
            Self::Set(key, value) => write!(f, "set {} {}", escape(key), escape(value)),
            Self::Log(text) => write!(f, "log {}", escape(text)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients => f.write_str("clients"),
            Self::Client(name) => write!(f, "client {}", escape(name)),
            Self::User(uid) => write!(f, "user {}", Address(uid.as_str())),
            Self::Inbox => f.write_str("inbox"),
            Self::Voicemail => f.write_str("voicemail"),
            Self::Device(name) => f.write_str(&escape(name)),
            Self::Trunk(name, None) => write!(f, "trunk {}", escape(name)),
            Self::Trunk(name, Some(number)) => write!(f, "trunk {} as {}", escape(name), escape(number)),
        }
    }
}
