//! What conditions compare with besides parties, times and words: texts of somebody's choosing, and
//! amounts.

use std::fmt;
use std::sync::Arc;

use super::lex::escape;

/// A fact that is a text of somebody's choosing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Named {
    /// The kind of account that the tree's owner has.
    Account,
    /// A property of his, by its key.
    Property(Arc<str>),
    /// Which of his devices sends what goes out.
    Device,
}

/// A fact that is a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Amount {
    /// What is left on the account.
    Credit,
    /// Bytes of a message.
    Size,
}

/// Which numbers are meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Bound {
    /// Those below it.
    Under(i64),
    /// Those above it.
    Over(i64),
}

/// What the store keeps of a user for his trees to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The kind of account, as the operator names it.
    pub kind: Box<str>,
    /// What is left on it, in the operator's own unit.
    pub credit: i64,
    /// His properties, key and value.
    pub properties: Box<[(Box<str>, Box<str>)]>,
}

impl Account {
    /// The kind of account of a user of whom nothing else is said.
    pub const STANDARD: &str = "standard";

    /// The value of a property; `None` if it is not set.
    pub fn property(&self, key: &str) -> Option<&str> {
        self.properties.iter().find(|(own, _)| **own == *key).map(|(_, value)| &**value)
    }
}

impl Default for Account {
    fn default() -> Self {
        Self { kind: Self::STANDARD.into(), credit: 0, properties: Box::default() }
    }
}

impl Bound {
    /// Whether a number is meant.
    pub(super) fn holds(self, number: i64) -> bool {
        match self {
            Self::Under(bound) => number < bound,
            Self::Over(bound) => number > bound,
        }
    }

    /// The smallest number at which what it says of smaller ones is no longer true.
    pub(super) fn turn(self) -> i64 {
        match self {
            Self::Under(bound) => bound,
            Self::Over(bound) => bound.saturating_add(1),
        }
    }
}

impl Amount {
    /// The smallest that there can be.
    pub(super) const fn least(self) -> i64 {
        match self {
            Self::Credit => i64::MIN,
            Self::Size => 0,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("account"),
            Self::Property(key) => write!(f, "property {}", escape(key)),
            Self::Device => f.write_str("device"),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credit => "account credit",
            Self::Size => "size",
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Under(bound) => write!(f, "under {bound}"),
            Self::Over(bound) => write!(f, "over {bound}"),
        }
    }
}
