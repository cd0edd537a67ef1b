//! What can be wrong with received bytes.
//!
//! A [`Fault`] is a value, not an error: the message is there, and can be answered with it. Only
//! bytes that nobody could answer are [`Unreadable`].

use std::fmt;

/// What is wrong with a message that could still be read: how to answer it, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The status of the answer.
    pub status: u16,
    /// The reason, in plain words; goes into the reason phrase and the log.
    pub reason: &'static str,
}

impl Fault {
    /// A 400 with this reason.
    pub(super) const fn bad(reason: &'static str) -> Self {
        Self { status: 400, reason }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.reason)
    }
}

/// Why bytes are no message at all, so that nothing but silence is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Nothing but line ends: a keep-alive.
    #[error("nothing but a keep-alive")]
    KeepAlive,
    /// The first line is neither a request line nor a status line of SIP.
    #[error("the first line is not SIP")]
    StartLine,
    /// There is no Via, so nobody knows where an answer would go.
    #[error("there is no Via to answer along")]
    NoVia,
    /// The bytes do not fit the index (4 GB).
    #[error("larger than any message")]
    Size,
}
