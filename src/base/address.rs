//! How far an address reaches, which decides where a server may be told to send.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The reach of an address, from narrow to wide.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// This machine only.
    Loopback,
    /// This link only.
    LinkLocal,
    /// A site: RFC 1918, unique local, shared (RFC 6598).
    Private,
    /// The Internet.
    Global,
}

/// The reach of an address; `None` for what is no target at all (unspecified, multicast,
/// broadcast).
pub fn scope(ip: IpAddr) -> Option<Scope> {
    match canonical(ip) {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            if v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast() || a == 0 {
                None
            } else if v4.is_loopback() {
                Some(Scope::Loopback)
            } else if v4.is_link_local() {
                Some(Scope::LinkLocal)
            } else if v4.is_private() || (a == 100 && b & 0xc0 == 64) {
                Some(Scope::Private)
            } else {
                Some(Scope::Global)
            }
        }
        IpAddr::V6(v6) => scope_v6(v6),
    }
}

/// Whom an address stands for when sources are counted: whoever has one IPv6 address has a whole /64 of
/// them.
pub fn source_of(ip: IpAddr) -> IpAddr {
    match canonical(ip) {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

fn scope_v6(v6: Ipv6Addr) -> Option<Scope> {
    if v6.is_unspecified() || v6.is_multicast() {
        None
    } else if v6.is_loopback() {
        Some(Scope::Loopback)
    } else if v6.is_unicast_link_local() {
        Some(Scope::LinkLocal)
    } else if v6.is_unique_local() {
        Some(Scope::Private)
    } else {
        Some(Scope::Global)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let of = |text: &str| scope(text.parse().unwrap());
        assert_eq!(of("127.0.0.9"), Some(Scope::Loopback));
        assert_eq!(of("::ffff:127.0.0.1"), Some(Scope::Loopback));
        assert_eq!(of("192.168.1.1"), Some(Scope::Private));
        assert_eq!(of("100.64.0.1"), Some(Scope::Private));
        assert_eq!(of("fe80::1"), Some(Scope::LinkLocal));
        assert_eq!(of("fd00::1"), Some(Scope::Private));
        assert_eq!(of("2001:db8::1"), Some(Scope::Global));
        assert_eq!(of("224.0.1.75"), None);
        assert_eq!(of("0.0.0.0"), None);
    }
}
