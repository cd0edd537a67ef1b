//! The settings that the core reads: plain data, checked once at the start.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::base::address::canonical;
use crate::base::{Cid, Limits};
use crate::effect::dns::Target;
use crate::effect::{Flow, StreamId, Transport};
use crate::routing::{Mode, Profile};

/// Everything of the configuration that decides how a message is handled.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cluster's name: the domain part of every UID, and the digest realm.
    pub cid: Cid,
    /// Names and addresses that also count as the cluster, lower case, without port: the aliases,
    /// what the listeners advertise, and the listeners' own addresses.
    pub own_hosts: BTreeSet<String>,
    /// Where we listen; a flow names its listener by index.
    pub listeners: Vec<Listener>,
    /// Digest algorithms, in the order they are offered.
    pub digest: Vec<Algorithm>,
    /// The key of nonces (and other tokens that only we can make).
    pub key: [u8; 32],
    /// Counts the starts of this server: a nonce of an older epoch is stale.
    pub epoch: u32,
    /// The profile of a user who has set none.
    pub default_profile: Arc<Profile>,
    /// How phones name profiles.
    pub features: Features,
    /// Other clusters that we speak with.
    pub peers: Vec<Peer>,
    /// How many user servers share the slots in this process.
    pub servers: u8,
    /// The servers that are asked for names; empty: those of the system.
    pub dns: Vec<SocketAddr>,
    /// What wakes sleeping phones, if anything does.
    pub push: Option<Arc<PushHook>>,
    /// The limits.
    pub limits: Limits,
}

/// How phones name the profiles of their users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// The header of a request that is to be sent under a profile; its value is the profile's name.
    pub header: String,
    /// What is dialled before the digit of a profile that is to serve; empty: nothing is.
    pub activate: String,
    /// What is dialled before the digit of a profile and the number to be called under it; empty: nothing is.
    pub under: String,
}

impl Default for Features {
    fn default() -> Self {
        Self { header: "X-Profile".to_owned(), activate: "*70".to_owned(), under: "*71".to_owned() }
    }
}

/// One address we listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The protocol.
    pub transport: Transport,
    /// The bound address.
    pub address: SocketAddr,
    /// What phones are told in Via and Contact: `host` or `host:port`.
    pub advertise: String,
    /// The same for phones that speak IPv4, where a listener takes both families.
    pub advertise_v4: Option<String>,
    /// Who comes here.
    pub face: Face,
    /// How it proves who it is, if its transport is TLS.
    pub tls: Option<TlsFiles>,
    /// The web pages that may connect, as `https://phone.north.test`; empty: every page.
    pub origins: Vec<String>,
    /// The Service-Route that its phones are told, as a header has it; empty for none.
    pub service_route: String,
}

/// The files of a listener for TLS. All are PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose certificates the far end may show.
    pub authorities: Option<PathBuf>,
    /// Whether a phone has to show one, where there are authorities.
    pub demands: bool,
    /// Lists of certificates that these authorities have revoked.
    pub revocations: Option<PathBuf>,
}

/// Whom a listener serves: each face has its own trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Face {
    /// Phones. Every request is challenged.
    #[default]
    Access,
    /// Other clusters: only configured peers are admitted.
    Federation,
    /// Gateways.
    Trunk,
}

/// A digest algorithm (RFC 7616, RFC 8760).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// `MD5`, what most phones know.
    #[serde(rename = "MD5")]
    Md5,
    /// `SHA-256`.
    #[serde(rename = "SHA-256")]
    Sha256,
}

/// Another cluster that we speak with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub cid: Cid,
    /// Where it is reached; `None`: where the DNS says (RFC 3263).
    pub at: Option<Target>,
    /// By what it is believed.
    pub trust: Trust,
    /// What it may send, and be sent.
    pub allow: Allow,
}

/// By what another cluster is believed, and believes us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// A secret between the two clusters.
    Secret(Secret),
    /// The certificates of both, for their domains (RFC 5922): it is never spoken to but over TLS.
    Certificate,
}

/// The HTTP hook that has push services wake phones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushHook {
    /// Its host: a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// A file of those one of whom has to have signed its certificate, where it is asked by https.
    pub authorities: Option<PathBuf>,
    /// The path that is asked for, with its query.
    pub path: String,
    /// What it is shown as `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// The services that it knows, as phones name them (`pn-provider`).
    pub providers: Vec<String>,
}

/// A secret that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

/// What another cluster may send, and be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allow {
    modes: u8,
    presence: bool,
}

impl Secret {
    /// Takes a secret.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// What it is, for those who have to prove it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Allow {
    /// Every mode, and presence.
    pub const EVERYTHING: Self = Self { modes: u8::MAX, presence: true };
    /// Nothing at all.
    pub const NOTHING: Self = Self { modes: 0, presence: false };

    /// This mode too.
    #[must_use]
    pub fn with(self, mode: Mode) -> Self {
        Self { modes: self.modes | bit(mode), ..self }
    }

    /// Presence too.
    #[must_use]
    pub fn with_presence(self) -> Self {
        Self { presence: true, ..self }
    }

    /// Whether this mode is allowed.
    pub fn has(self, mode: Mode) -> bool {
        self.modes & bit(mode) != 0
    }

    /// Whether presence is.
    pub fn has_presence(self) -> bool {
        self.presence
    }
}

fn bit(mode: Mode) -> u8 {
    let place = Mode::ALL.iter().position(|other| *other == mode).unwrap_or(0);
    1 << (place % 8)
}

impl Trust {
    /// The secret, if it is one.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::Certificate => None,
        }
    }
}

impl Peer {
    /// Whether it is never spoken to but over TLS.
    pub fn is_secure(&self) -> bool {
        self.trust == Trust::Certificate || self.at.is_some_and(|at| at.transport.is_secure())
    }
}

impl Listener {
    /// A listener for phones of which nothing more is said.
    pub fn plain(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            advertise: address.to_string(),
            advertise_v4: None,
            face: Face::Access,
            tls: None,
            origins: Vec::new(),
            service_route: String::new(),
        }
    }
}

impl Settings {
    /// Who may come to a listener.
    pub fn face(&self, listener: u8) -> Option<Face> {
        self.listeners.get(usize::from(listener)).map(|listener| listener.face)
    }

    /// What a flow speaks: what its listener does, or TCP where a listener for datagrams has a stream
    /// made for what is too long for them.
    pub fn transport(&self, flow: Flow) -> Transport {
        let listener = self.listeners.get(usize::from(flow.listener));
        let spoken = listener.map_or(Transport::Udp, |listener| listener.transport);
        match (flow.is_reliable(), spoken.is_reliable()) {
            (true, false) => Transport::Tcp,
            (false, true) => Transport::Udp,
            (true, true) | (false, false) => spoken,
        }
    }

    /// Whether this host of a URI is the cluster: its CID, an alias, or an address we listen on.
    pub fn is_own_host(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(self.cid.as_str())
            || self.own_hosts.contains(host)
            || self.own_hosts.contains(&host.to_ascii_lowercase())
    }

    /// The other cluster of this name, if we speak with it.
    pub fn peer(&self, cluster: &str) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.cid.as_str().eq_ignore_ascii_case(cluster))
    }

    /// The listener that we speak to a server of another cluster from: for other clusters, of its
    /// transport, of a family that reaches it.
    pub fn listener_for(&self, target: Target) -> Option<u8> {
        let reaches =
            |ip: IpAddr| ip.is_ipv4() == target.address.is_ipv4() || (ip.is_ipv6() && ip.is_unspecified());
        let fits = |listener: &Listener| {
            listener.face == Face::Federation
                && listener.transport == target.transport
                && reaches(listener.address.ip())
        };
        (0..).zip(&self.listeners).find(|(_, listener)| fits(listener)).map(|(index, _)| index)
    }

    /// The transports that we speak with other clusters, the best first; `secure`: only such that
    /// nobody can listen to.
    pub fn spoken_abroad(&self, secure: bool) -> Vec<Transport> {
        let speaks = |transport: &Transport| {
            let of_it = |own: &Listener| own.face == Face::Federation && own.transport == *transport;
            self.listeners.iter().any(of_it)
        };
        let wanted: &[Transport] = if secure { &[Transport::Tls] } else { &[Transport::Tcp, Transport::Udp] };
        wanted.iter().copied().filter(speaks).collect()
    }

    /// Whether a flow goes to a server of a cluster that proves itself by its certificate, and has ours.
    pub fn is_certified(&self, flow: Flow) -> bool {
        let is_it = |peer: &Peer| peer.trust == Trust::Certificate && flow.is_of_cluster(&peer.cid);
        flow.stream.is_some_and(StreamId::is_any) && self.peers.iter().any(is_it)
    }

    /// What the far end of a flow is told of this listener: `host` or `host:port`, of its own family.
    pub fn advertised(&self, listener: u8, remote: SocketAddr) -> &str {
        let Some(listener) = self.listeners.get(usize::from(listener)) else { return "" };
        let v4 = listener.advertise_v4.as_deref().filter(|_| canonical(remote.ip()).is_ipv4());
        v4.unwrap_or(&listener.advertise)
    }

    /// The listener for streams that stands beside one for datagrams: of the same face, on the same
    /// address if there is one. Requests too long for a datagram go out in its name.
    pub fn stream_beside(&self, listener: u8) -> Option<u8> {
        let beside = self.listeners.get(usize::from(listener))?;
        let streams = || {
            let of_face =
                |(_, other): &(u8, &Listener)| other.transport == Transport::Tcp && other.face == beside.face;
            (0..).zip(&self.listeners).filter(of_face)
        };
        let same_address = streams().find(|(_, other)| other.address.ip() == beside.address.ip());
        same_address.or_else(|| streams().next()).map(|(index, _)| index)
    }

    /// Whether sending to this address would be sending to ourselves.
    pub fn is_own_listener(&self, address: SocketAddr) -> bool {
        self.listeners.iter().any(|listener| {
            let own = listener.address;
            own.port() == address.port()
                && (own.ip() == address.ip() || (own.ip().is_unspecified() && self.is_local(address.ip())))
        })
    }

    fn is_local(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || self.own_hosts.contains(&ip.to_string())
    }
}
