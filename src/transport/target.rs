//! Where a phone is called, told from its Contact and the flow that it came by.

use std::net::SocketAddr;

use crate::base::address::{canonical, scope};
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
    /// It reaches less far than the flow it came by: it names somebody else's neighbour.
    #[error("the Contact names an address that is nearer to us than to you")]
    Scope,
}

/// The flow on which a Contact (or the topmost Path) is called.
///
/// Streams: the connection. Datagrams: the URI's address if `trusted_host` (a Path) or if its host
/// is where the request came from; else, behind a NAT, where the request came from. Never an
/// address of narrower scope than its source, and never one of our own listeners.
pub fn target(settings: &Settings, flow: Flow, uri: &Uri<'_>, trusted_host: bool) -> Result<Flow, Refused> {
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
    let names_us = || {
        let host = uri.host_text();
        let is_ours = settings.is_own_host(host) || host.eq_ignore_ascii_case("localhost");
        is_ours && settings.listeners.iter().any(|own| own.address.port() == port)
    };
    // A Contact by name says nothing: such a phone is called where it is. A Path would be followed.
    if named.map_or_else(|| trusted_host && names_us(), |named| settings.is_own_listener(named)) {
        return Err(Refused::Ourselves);
    }
    if flow.stream.is_some() {
        return Ok(flow);
    }
    let source = canonical(flow.remote.ip());
    let Some(named) = named else { return Ok(flow) };
    if named.ip() == source {
        return Ok(Flow { remote: named, ..flow });
    }
    if trusted_host {
        return match (scope(named.ip()), scope(source)) {
            (Some(there), Some(here)) if there >= here => Ok(Flow { remote: named, ..flow }),
            _ => Err(Refused::Scope),
        };
    }
    Ok(flow)
}
