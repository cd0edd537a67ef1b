//! Where a phone is called, told from its Contact and the flow that it came by.

use std::net::SocketAddr;

use crate::base::address::canonical;
use crate::config::Settings;
use crate::effect::{Flow, Transport};
use crate::sip::{Scheme, Uri};

/// Why a Contact or Path is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not a SIP URI.
    #[error("the Contact is not a sip: or sips: URI")]
    Scheme,
    /// It asks for TLS, and came without: it would be called in the clear.
    #[error("the Contact asks for TLS; register it over TLS, or write it without")]
    Secure,
    /// It is one of our own listeners: a loop.
    #[error("the Contact names this server itself")]
    Ourselves,
}

/// The flow on which a Contact (or the topmost Path or Route) is called.
///
/// Streams: the connection. Datagrams: the URI's address if its host is where the request came from; else,
/// behind a NAT or a name, where the request came from. So nobody has us send to a third party; and never to
/// one of our own listeners.
pub fn target(settings: &Settings, flow: Flow, uri: &Uri<'_>) -> Result<Flow, Refused> {
    if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
        return Err(Refused::Scheme);
    }
    let tls = uri.transport().is_some_and(|word| word.eq_ignore_ascii_case(b"tls"));
    let is_secure = uri.scheme == Scheme::Sips || tls;
    if is_secure && !settings.transport(flow).is_secure() {
        return Err(Refused::Secure);
    }
    let usual = if is_secure { Transport::Tls } else { Transport::Udp };
    let port = uri.port.unwrap_or(usual.port());
    let named = uri.ip().map(|ip| SocketAddr::new(canonical(ip), port));
    if named.is_some_and(|named| settings.is_own_listener(named)) {
        return Err(Refused::Ourselves);
    }
    let is_there = |named: &SocketAddr| named.ip() == canonical(flow.remote.ip());
    Ok(match named.filter(is_there) {
        Some(remote) if flow.stream.is_none() => Flow { remote, ..flow },
        Some(_) | None => flow,
    })
}
