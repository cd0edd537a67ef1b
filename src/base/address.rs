//! Addresses as they are compared and counted.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Whom an address stands for when sources are counted: whoever has one IPv6 address has a whole /64 of
/// them.
pub fn source_of(ip: IpAddr) -> IpAddr {
    match canonical(ip) {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

/// An IPv4-mapped IPv6 address as the IPv4 address it is (RFC 5118 §4.9).
pub fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// [`canonical`] for an address with a port. The zone of a link-local address is kept: without it
/// nobody could answer there.
pub fn canonical_socket(mut address: SocketAddr) -> SocketAddr {
    if address.ip() != canonical(address.ip()) {
        address.set_ip(canonical(address.ip()));
    }
    address
}
