//! The settings that the core reads: plain data, checked once at the start.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Deserialize;

use crate::base::address::canonical;
use crate::base::{Cid, Limits};
use crate::effect::Transport;
use crate::routing::Profile;

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
    /// How many user servers share the slots in this process.
    pub servers: u8,
    /// The limits.
    pub limits: Limits,
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

impl Settings {
    /// Who may come to a listener.
    pub fn face(&self, listener: u8) -> Option<Face> {
        self.listeners.get(usize::from(listener)).map(|listener| listener.face)
    }

    /// Whether this host of a URI is the cluster: its CID, an alias, or an address we listen on.
    pub fn is_own_host(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(self.cid.as_str())
            || self.own_hosts.contains(host)
            || self.own_hosts.contains(&host.to_ascii_lowercase())
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
