//! Flows: where a message came from and how it is answered.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A transport protocol of SIP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams, RFC 3261 §18.
    Udp,
    /// Streams framed by Content-Length, RFC 3261 §18.3.
    Tcp,
}

/// A stream of this process; never used again after it has closed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StreamId(pub u64);

/// A 5-tuple or connection that reaches one phone (RFC 5626 §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Flow {
    /// The listener it belongs to, an index into `Settings::listeners`.
    pub listener: u8,
    /// The other end.
    pub remote: SocketAddr,
    /// The stream; `None` for datagrams.
    pub stream: Option<StreamId>,
}

impl StreamId {
    /// In a flow of ours to a server: any stream to that address; one is opened if there is none.
    /// What is sent so comes back as [`Outcome::Moved`](super::Outcome) once it is known by which
    /// stream it went, or as unsent.
    pub const ANY: Self = Self(0);
}

impl Transport {
    /// Whether the transport itself repeats what is lost (no timers A, E, G; RFC 3261 §17).
    pub const fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp => true,
        }
    }

    /// The word in a Via header.
    pub const fn as_via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// The word in a `transport` parameter of a URI, and in the configuration.
    pub const fn as_param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

impl Flow {
    /// The transport of this flow.
    pub const fn transport(&self) -> Transport {
        match self.stream {
            Some(_) => Transport::Tcp,
            None => Transport::Udp,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_param())
    }
}
