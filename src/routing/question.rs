//! What a tree is asked: who wants what of whom, and the facts that conditions look at.

use std::fmt;
use std::sync::Arc;

use super::words::{Mode, Registered};
use crate::base::Uid;

/// Who asks, or who is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party<'a> {
    /// Somebody who does not say who he is.
    Anonymous,
    /// A user of this or another cluster.
    User(&'a Uid),
    /// A telephone number: digits (and `*`, `#`), with or without a leading `+`. Whoever asks
    /// makes sure that a number dialled as `+1900…@cluster` comes as a number too, or a barred
    /// number could be reached by that door.
    Number(&'a str),
}

/// One request, as a tree sees it. Borrowed throughout: asking costs no allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question<'a> {
    /// What is asked for.
    pub mode: Mode,
    /// Who asks.
    pub caller: Party<'a>,
    /// Who is asked for: the owner of an incoming tree, anybody in an outgoing one.
    pub to: Party<'a>,
    /// Whether a client of the tree's owner is registered.
    pub registered: Registered,
    /// The groups of the tree's owner that the other side is in, groups in groups followed.
    pub groups: &'a [Arc<str>],
    /// Whether the other side is one of the owner's contacts at all.
    pub contact: bool,
    /// Whether it is urgent: Priority `urgent` or `emergency` (RFC 3261 §20.26).
    pub urgent: bool,
    /// When it is asked, milliseconds since 1970.
    pub wall_ms: i64,
}

impl fmt::Display for Party<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(uid) => f.write_str(uid.as_str()),
            Self::Number(number) => f.write_str(number),
        }
    }
}
