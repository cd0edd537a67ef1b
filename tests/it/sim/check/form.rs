//! Every message of the server is well formed, and its addresses lead back to it.

use ratatosk::base::Limits;
use ratatosk::config::{Face, Peer};
use ratatosk::effect::Transport;
use ratatosk::sip::Message;

use super::{Found, Said};
use crate::sim::text::{Packet, host_of, uri_of};
use crate::sim::world::{Who, World};

/// Looks at every message that a server sent.
pub fn check(world: &World, said: &[Said<'_>], found: &mut Found) {
    let limits = Limits::default();
    for one in said.iter().filter(|one| !one.line.again) {
        let Who::Server(cluster) = one.line.from else { continue };
        if one.line.to == Who::Nobody {
            if !world.has_nobody {
                found.push((one.place, "sent to nobody".to_owned()));
            }
            continue;
        }
        if let Some(fault) = fault_of(&one.packet) {
            found.push((one.place, fault));
        }
        match Message::parse(one.line.bytes.clone(), &limits) {
            Ok(message) => found.extend(message.fault().map(|fault| (one.place, fault.to_string()))),
            Err(error) => found.push((one.place, error.to_string())),
        }
        let (face, by) = match one.line.to {
            Who::Phone(phone) => {
                let transport = world.phones[phone].transport;
                (Face::Access, Some(transport).filter(|own| one.line.stream && own.is_reliable()))
            }
            // A long request to a cluster by datagrams goes by a stream too, and says where datagrams go.
            Who::Server(_) | Who::Nobody => {
                let peers = &world.clusters[usize::from(cluster)].settings.peers;
                let transport = |peer: &Peer| peer.at.map_or(Transport::Tcp, |at| at.transport);
                let by = peers.iter().map(transport).find(|transport| transport.is_reliable());
                (Face::Federation, by.filter(|_| one.line.stream))
            }
        };
        let listeners = &world.clusters[usize::from(cluster)].settings.listeners;
        let ours: Vec<&str> = listeners
            .iter()
            .filter(|listener| listener.face == face)
            .map(|listener| listener.advertise.as_str())
            .collect();
        let faults = [address_fault(&one.packet, &ours, by), secrecy_fault(&one.packet)];
        found.extend(faults.into_iter().flatten().map(|fault| (one.place, fault)));
    }
}

fn fault_of(packet: &Packet<'_>) -> Option<String> {
    for name in ["Via", "From", "To", "Call-ID", "CSeq", "Content-Length"] {
        if packet.get(name).is_none() {
            return Some(format!("no {name}"));
        }
    }
    for name in ["From", "To", "Call-ID", "CSeq", "Content-Length", "Max-Forwards", "Content-Type", "Expires"]
    {
        if packet.all(name).count() > 1 {
            return Some(format!("{name} twice"));
        }
    }
    if packet.get("Content-Length").and_then(|digits| digits.parse().ok()) != Some(packet.body.len()) {
        return Some("Content-Length does not match".to_owned());
    }
    if !packet.body.is_empty() && packet.get("Content-Type").is_none() {
        return Some("a body without Content-Type".to_owned());
    }
    if packet.from_tag().is_empty() {
        return Some("no From tag".to_owned());
    }
    // In a response it is the phone's own, which may be of RFC 2543.
    if packet.method().is_some() && !packet.branch().starts_with("z9hG4bK") {
        return Some(format!("branch {:?}", packet.branch()));
    }
    let (number, method) = packet.cseq();
    if number == 0 || number >= 1 << 31 {
        return Some(format!("CSeq number {number}"));
    }
    match (packet.method(), packet.status()) {
        (Some(verb), _) if verb != method => Some(format!("CSeq of {method}")),
        (Some(_), _) => request_fault(packet),
        (None, Some(status)) => response_fault(packet, status),
        (None, None) => Some("neither request nor response".to_owned()),
    }
}

fn request_fault(packet: &Packet<'_>) -> Option<String> {
    let forwards: Option<u8> = packet.get("Max-Forwards").and_then(|digits| digits.parse().ok());
    match forwards {
        None => return Some("no Max-Forwards".to_owned()),
        Some(hops) if hops > 70 => return Some(format!("Max-Forwards {hops}")),
        Some(_) => {}
    }
    if packet.all("Via").count() != 1 {
        return Some("a Via that is not ours".to_owned());
    }
    let creates = packet.method() == Some("INVITE");
    (creates && packet.all("Contact").count() != 1).then(|| "INVITE without one Contact".to_owned())
}

fn response_fault(packet: &Packet<'_>, status: u16) -> Option<String> {
    if status > 100 && packet.to_tag().is_empty() {
        return Some(format!("{status} without a To tag"));
    }
    let sure = packet.all("Require").any(|tags| tags.contains("100rel"));
    if sure != packet.get("RSeq").is_some() || (sure && !(101..200).contains(&status)) {
        return Some("half a reliable response".to_owned());
    }
    let needs = match status {
        401 => "WWW-Authenticate",
        405 => "Allow",
        407 => "Proxy-Authenticate",
        415 => "Accept",
        420 => "Unsupported",
        422 => "Min-SE",
        423 => "Min-Expires",
        489 => "Allow-Events",
        _ => return None,
    };
    packet.get(needs).is_none().then(|| format!("{status} without {needs}"))
}

/// Where others are told to send has to be us, by the transport that they use.
fn address_fault(packet: &Packet<'_>, ours: &[&str], by: Option<Transport>) -> Option<String> {
    let invite = packet.cseq().1 == "INVITE";
    let names_us = match (packet.method(), packet.status()) {
        (Some("INVITE"), _) => true,
        (None, Some(101..300)) => invite,
        _ => false,
    };
    if names_us {
        let Some(contact) = packet.contact() else { return Some("no Contact".to_owned()) };
        if !ours.contains(&host_of(contact)) {
            return Some(format!("Contact {contact} is not ours"));
        }
        let says_how = |by: Transport| contact.contains(&format!(";transport={}", by.as_param()));
        let fits = by.is_none_or(|by| says_how(by) || (by.is_secure() && contact.starts_with("sips:")));
        if !fits {
            return Some(format!("Contact {contact} by {by:?}"));
        }
    }
    if packet.method().is_some() {
        let via = packet.get("Via").unwrap_or_default();
        let wanted = by.map_or("SIP/2.0/".to_owned(), |by| format!("SIP/2.0/{} ", by.as_via()));
        if !via.starts_with(&wanted) || !ours.iter().any(|own| via.contains(own)) {
            return Some(format!("Via {via}"));
        }
    }
    None
}

/// What is by `sips:` goes over TLS only, and its answers do (RFC 3261 §12.1.1, RFC 5630 §5.1).
fn secrecy_fault(packet: &Packet<'_>) -> Option<String> {
    let uris = [Some(packet.uri()), packet.get("From").map(uri_of), packet.get("To").map(uri_of)];
    let asks = uris.into_iter().flatten().any(|uri| uri.starts_with("sips:"));
    // A refusal says nothing but that it refuses.
    if !asks || packet.status().is_some_and(|status| status >= 300) {
        return None;
    }
    if !packet.get("Via").is_some_and(|via| via.starts_with("SIP/2.0/TLS ")) {
        return Some("by sips: in the clear".to_owned());
    }
    let contact = packet.contact().unwrap_or("sips:");
    (!contact.starts_with("sips:")).then(|| format!("Contact {contact} where all is by sips:"))
}
