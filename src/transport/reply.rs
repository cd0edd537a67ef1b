//! The way back of a response.

use std::net::SocketAddr;

use crate::effect::Flow;
use crate::sip::Message;

/// Where the responses to a request go: over the stream it came on; for a datagram, to its source
/// if it asked so with `rport` (RFC 3581 §4), else to its source's address at the port of its Via
/// (RFC 3261 §18.2.2). `maddr` is not followed: it would aim our answers at others.
pub fn reply_flow(flow: Flow, request: &Message) -> Flow {
    if flow.stream.is_some() {
        return flow;
    }
    match request.via() {
        Some(via) if via.rport.is_none() => {
            let port = via.port.unwrap_or(5060);
            Flow { remote: SocketAddr::new(flow.remote.ip(), port), ..flow }
        }
        Some(_) | None => flow,
    }
}
