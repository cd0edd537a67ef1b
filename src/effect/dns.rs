//! What is asked of the DNS, and what it answers.

use std::net::IpAddr;

use super::net::Transport;

/// A question to the DNS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// Which services a domain has (NAPTR, RFC 3403).
    Naptr(String),
    /// Where a service is (SRV, RFC 2782).
    Srv(String),
    /// The addresses of a host (A and AAAA).
    Addresses(String),
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A way to find a service.
    Naptr {
        /// Lower comes first, and what comes first and can be used is the only one.
        order: u16,
        /// Among those of one order, lower is better.
        preference: u16,
        /// What the replacement is: `s` for a name with SRV records.
        flags: String,
        /// The service: `SIP+D2T`.
        service: String,
        /// Where to go on.
        replacement: String,
    },
    /// A server of a service.
    Srv {
        /// Lower comes first.
        priority: u16,
        /// The share of those of one priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host; `.` if there is no such service.
        target: String,
    },
    /// An address.
    Address(IpAddr),
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The records; none if there are none, or if nobody answered.
    pub records: Vec<Record>,
    /// Seconds that they hold.
    pub ttl_s: u32,
    /// Whether the DNS has answered at all.
    pub is_answered: bool,
}

impl Answer {
    /// Nobody has answered, or nothing that makes sense.
    pub const SILENCE: Self = Self { records: Vec::new(), ttl_s: 0, is_answered: false };
}

/// A place where a message can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: std::net::SocketAddr,
}
