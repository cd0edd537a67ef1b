//! Who stands between a phone and us, as its REGISTER tells: what is sent to the phone goes by the same
//! proxies, in this order.
//!
//! The first of them is our neighbour. It is spoken to where the REGISTER came from, whatever its Path says:
//! a phone writes its own requests, and must not have us send to a third party.
//!
//! Implements: RFC 3327 §5.3, §5.4, §6.1.

use crate::sip::{Message, Name, NameAddr, Scheme, Uri};

use super::register::Denied;

/// Bytes of a Path: some proxies, each with a token of its own.
const PATH: usize = 2048;

/// The Route of what is sent to a Contact of this REGISTER; empty if nobody stands between.
pub(super) fn route(request: &Message) -> Result<String, Denied> {
    if !request.has(Name::Path) {
        return Ok(String::new());
    }
    // A proxy has put itself between a phone and us that does not know of it.
    if !request.has_token(Name::Supported, "path") {
        return Err(Denied::NoPath);
    }
    let hops: Vec<&[u8]> = request.values(Name::Path).collect();
    if !hops.iter().all(|hop| is_hop(hop)) {
        return Err(Denied::Path);
    }
    let route = String::from_utf8(hops.join(&b", "[..])).map_err(|_| Denied::Path)?;
    if route.len() > PATH { Err(Denied::LongPath) } else { Ok(route) }
}

/// The neighbour of ours that a REGISTER names, if it names one.
pub(super) fn neighbour(request: &Message) -> Option<Uri<'_>> {
    Uri::parse(NameAddr::parse(request.values(Name::Path).next()?)?.uri).ok()
}

/// Whether it can be an element of a Route: a loose router, in angle brackets.
fn is_hop(hop: &[u8]) -> bool {
    let uri = NameAddr::parse(hop).and_then(|hop| Uri::parse(hop.uri).ok());
    hop.contains(&b'<')
        && uri.is_some_and(|uri| {
            matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && uri.is_loose() && uri.headers.is_empty()
        })
}
