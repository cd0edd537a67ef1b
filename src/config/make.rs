//! From what an operator wrote to what the core reads.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::file::{Config, Listen, Peering};
use super::listen::host_and_port;
use super::settings::{Listener, Peer, Settings};
use crate::effect::Transport;
use crate::effect::dns::Target;
use crate::routing::Profile;

/// What the configuration does not say: only the store and the machine know it.
#[derive(Debug)]
pub struct Known<'a> {
    /// The key of nonces.
    pub key: [u8; 32],
    /// Counts the starts of this server.
    pub epoch: u32,
    /// The default profile, compiled.
    pub default_profile: Arc<Profile>,
    /// The addresses of this machine, the one others reach it by first.
    pub addresses: &'a [IpAddr],
    /// The processors of this machine.
    pub processors: usize,
}

impl Config {
    /// The settings of a server.
    pub fn settings(&self, known: Known<'_>) -> Settings {
        // What crosses from one user server to another wakes it up; the store and the log need a place too.
        let threads = u8::try_from(known.processors / 2).unwrap_or(u8::MAX).clamp(1, 64);
        Settings {
            cid: self.cid.clone(),
            own_hosts: self.own_hosts(known.addresses),
            listeners: self.listeners.iter().map(|listen| listener(listen, known.addresses)).collect(),
            digest: self.digest.clone(),
            key: known.key,
            epoch: known.epoch,
            default_profile: known.default_profile,
            features: self.trees.features.clone(),
            peers: self.federation.iter().filter_map(peer).collect(),
            servers: self.threads.unwrap_or(threads),
            dns: self.dns.clone(),
            push: self.push.clone(),
            limits: self.limits.clone(),
        }
    }

    /// Everything that counts as the cluster in the host of a URI.
    fn own_hosts(&self, addresses: &[IpAddr]) -> BTreeSet<String> {
        let mut hosts: BTreeSet<String> = self.aliases.iter().cloned().collect();
        hosts.insert(self.cid.as_str().to_owned());
        for listen in &self.listeners {
            if let Some(advertise) = &listen.advertise {
                hosts.insert(host_and_port(advertise).0.to_ascii_lowercase());
            }
            let ip = listen.address.ip();
            if !ip.is_unspecified() {
                hosts.insert(ip.to_string());
                continue;
            }
            // `[::]` takes IPv4 too.
            let serves = |address: &&IpAddr| ip.is_ipv6() || address.is_ipv4();
            hosts.extend(addresses.iter().filter(serves).map(IpAddr::to_string));
            hosts.insert(Ipv4Addr::LOCALHOST.to_string());
            if ip.is_ipv6() {
                hosts.insert(Ipv6Addr::LOCALHOST.to_string());
            }
        }
        hosts
    }
}

/// A peer that was read to serve: only then it has a secret and an address.
fn peer(peering: &Peering) -> Option<Peer> {
    Some(Peer {
        cid: peering.cid.clone(),
        at: match &peering.address {
            Some(at) => Some(Target { transport: at.transport, address: at.found? }),
            None => None,
        },
        trust: peering.trust.clone(),
        allow: peering.allow,
    })
}

fn listener(listen: &Listen, addresses: &[IpAddr]) -> Listener {
    let (ip, transport) = (listen.address.ip(), listen.transport);
    let told = |ip| told(ip, listen.address.port(), transport);
    let both = ip.is_unspecified() && ip.is_ipv6() && listen.advertise.is_none();
    let v4 = || reachable(Ipv4Addr::UNSPECIFIED.into(), addresses);
    Listener {
        transport,
        address: listen.address,
        advertise: listen.advertise.clone().unwrap_or_else(|| told(reachable(ip, addresses))),
        advertise_v4: both.then(|| told(v4())),
        face: listen.face,
        tls: listen.tls.clone(),
        origins: listen.origins.clone(),
        service_route: listen.service_route.clone(),
    }
}

/// An address as it stands in Via and Contact.
fn told(ip: IpAddr, port: u16, transport: Transport) -> String {
    match ip {
        _ if port != transport.port() => SocketAddr::new(ip, port).to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    }
}

/// The address by which phones reach a listener: its own, or for one that takes all addresses the
/// first of this machine that fits.
fn reachable(ip: IpAddr, addresses: &[IpAddr]) -> IpAddr {
    if !ip.is_unspecified() {
        return ip;
    }
    let same_family = addresses.iter().find(|address| address.is_ipv4() == ip.is_ipv4());
    let any = same_family.or_else(|| addresses.iter().find(|_| ip.is_ipv6()));
    any.copied().unwrap_or(match ip {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    })
}
