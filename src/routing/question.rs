//! What a tree is asked: who wants what of whom, and the facts that conditions look at.

use std::fmt;
use std::sync::Arc;

use super::content::Content;
use super::values::{Account, Amount, Named};
use super::words::{Mode, Registered, Status};
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
    /// How the tree's owner can be reached.
    pub status: Status,
    /// Whether we, or the cluster of the other side, can answer for who he is.
    pub verified: bool,
    /// What the store keeps of the tree's owner; nothing is a standard account.
    pub account: Option<&'a Account>,
    /// The name of the owner's device that sends what goes out, if it has one.
    pub device: Option<&'a str>,
    /// What the message says.
    pub content: Option<&'a Content>,
}

impl<'a> Question<'a> {
    /// A question of which nothing else is known: nobody is registered, it is 1970.
    pub const fn new(mode: Mode, caller: Party<'a>, to: Party<'a>) -> Self {
        Self {
            mode,
            caller,
            to,
            registered: Registered::None,
            groups: &[],
            contact: false,
            urgent: false,
            wall_ms: 0,
            status: Status::Offline,
            verified: false,
            account: None,
            device: None,
            content: None,
        }
    }

    /// A fact that is a text; `None` if it is not there.
    pub(super) fn named(&self, of: &Named) -> Option<&'a str> {
        match of {
            Named::Account => Some(self.account.map_or(Account::STANDARD, |account| &account.kind)),
            Named::Property(key) => self.account?.property(key),
            Named::Device => self.device,
        }
    }

    /// A fact that is a number.
    pub(super) fn amount(&self, amount: Amount) -> i64 {
        match amount {
            Amount::Credit => self.account.map_or(0, |account| account.credit),
            Amount::Size => self.content.map_or(0, Content::size),
        }
    }
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
