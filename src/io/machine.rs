//! What this machine is: its addresses and its processors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The addresses of this machine, the one that others reach it by first; loopback and link-local
/// ones are left out.
pub fn addresses() -> Vec<IpAddr> {
    let mut addresses = outward();
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    for interface in interfaces {
        let Some(address) = interface.address else { continue };
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        let v6 = address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()));
        addresses.extend(v4.or(v6).filter(|ip| is_of_use(*ip)));
    }
    let mut seen = std::collections::BTreeSet::new();
    addresses.retain(|ip| seen.insert(*ip));
    addresses
}

/// How many threads can run at once.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The addresses that packets to the Internet would leave from: the system is asked for the route,
/// and nothing is sent.
fn outward() -> Vec<IpAddr> {
    let to = |ip: IpAddr, any: IpAddr| {
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
        socket.connect(SocketAddr::new(ip, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip()).filter(|ip| is_of_use(*ip))
    };
    // Documentation addresses (RFC 5737, RFC 3849), which belong to nobody.
    let v4 = to(Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::UNSPECIFIED.into());
    let v6 = to(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(), Ipv6Addr::UNSPECIFIED.into());
    v4.into_iter().chain(v6).collect()
}

fn is_of_use(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !link_local
}
