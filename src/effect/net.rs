//! Flows: where a message came from and how it is answered.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::base::Cid;

/// A transport protocol of SIP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams, RFC 3261 §18.
    Udp,
    /// Streams framed by Content-Length, RFC 3261 §18.3.
    Tcp,
    /// The same inside TLS, RFC 3261 §26.2.1.
    Tls,
    /// A message a WebSocket message, RFC 7118.
    Ws,
    /// The same inside TLS.
    Wss,
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

    /// Likewise, but of those streams one whose far end has proved by its certificate that it is of this
    /// cluster.
    pub fn of_cluster(cluster: &Cid) -> Self {
        Self(cluster.fingerprint() | Self::OF_CLUSTER)
    }

    /// Whether it stands for any stream to the flow's address.
    pub const fn is_any(self) -> bool {
        self.0 == Self::ANY.0 || self.0 & Self::OF_CLUSTER != 0
    }

    /// No stream has a number so high.
    const OF_CLUSTER: u64 = 1 << 63;
}

impl Transport {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// Whether the transport itself repeats what is lost (no timers A, E, G; RFC 3261 §17).
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// Whether nobody on the way can read or change what goes by it.
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether a browser can speak it.
    pub const fn is_web(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The port that goes without saying (RFC 3261 §19.1.2, RFC 7118 §5.2).
    pub const fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// The word in a Via header.
    pub const fn as_via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The word in the configuration, in listings and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The word in a `transport` parameter of a URI; there is none for `wss` (RFC 7118 §5.2).
    pub const fn as_param(self) -> &'static str {
        match self {
            Self::Wss => "ws",
            Self::Udp | Self::Tcp | Self::Tls | Self::Ws => self.as_str(),
        }
    }
}

impl Flow {
    /// Whether it goes to a server that has to prove to be of this cluster.
    pub fn is_of_cluster(&self, cluster: &Cid) -> bool {
        self.stream == Some(StreamId::of_cluster(cluster))
    }

    /// Whether nothing is lost on it.
    pub const fn is_reliable(&self) -> bool {
        self.stream.is_some()
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
