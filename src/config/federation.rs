//! `[[federation]]`: the other clusters that this one speaks with.
//!
//! Where a peer is may be said; else the server looks for its servers in the DNS by its name. A host name
//! that is said is resolved once, by the system, when a server reads the file; a command that does not serve leaves names
//! and secrets alone, so that it works wherever it is typed.

use std::net::{IpAddr, SocketAddr};

use super::check::{allowed, follow, is_host};
use super::fault::Code;
use super::file::{Listen, PeerAddress, Peering, Sources};
use super::reader::{Given, Section};
use super::settings::{Allow, Face, Secret, Trust};
use crate::base::Cid;
use crate::effect::Transport;
use crate::sip::{Scheme, Uri};

const SECRET_HELP: &str = "write `secret = \"env:SOUTH_SECRET\"` (or \"file:…\"), the same at both clusters";
const TLS_HELP: &str = "or `tls = true` if both prove themselves by certificates";
const NO_AUTHORITIES: &str = "nothing says whose certificates of other clusters are to be believed";
const AUTHORITIES_HELP: &str = "write `authorities = \"authorities.pem\"` in the [[listen]] for them";
const ADDRESS_HELP: &str = "write `address = \"sip:192.0.2.7:5070;transport=tcp\"`";

/// The `[[federation]]` tables.
pub(super) fn federation(
    root: &Section<'_, '_, '_>,
    sources: &Sources<'_>,
    (own, aliases): (Option<&Cid>, &[String]),
    listeners: &[Listen],
) -> Vec<Peering> {
    let mut peerings = Vec::new();
    let mut known = Vec::new();
    for section in root.sections("federation") {
        let cid = id(&section, (own, aliases), &known);
        known.extend(cid.clone());
        let trust = trust(&section, sources, listeners);
        let is_certified = trust == Some(Trust::Certificate);
        let address = address(&section, sources, listeners, is_certified);
        let allow = section.texts("allow").map_or(Allow::EVERYTHING, |words| allowed(&section, &words));
        section.finish();
        if let (Some(cid), Some(address), Some(trust)) = (cid, address, trust) {
            peerings.push(Peering { cid, address, trust, allow });
        }
    }
    peerings
}

fn id(
    section: &Section<'_, '_, '_>,
    (own, aliases): (Option<&Cid>, &[String]),
    known: &[Cid],
) -> Option<Cid> {
    let Some(id) = section.text("id") else {
        let help = "write `id = \"south.test\"`, the part of its users' addresses after the @";
        section.fault(Code::Missing, &section.place, "this cluster has no `id`", help);
        return None;
    };
    let cid = Cid::new(&id.value);
    let (code, message, help) = if !is_host(&id.value) {
        (Code::BadValue, format!("`{}` is no domain name", id.value), "for instance south.test")
    } else if own == Some(&cid) || aliases.iter().any(|alias| alias == cid.as_str()) {
        let message = format!("`{}` is this cluster itself", id.value);
        (Code::BadValue, message, "a [[federation]] names another cluster")
    } else if known.contains(&cid) {
        let message = format!("`{}` stands here twice", id.value);
        (Code::Repeated, message, "one [[federation]] for each cluster")
    } else {
        return Some(cid);
    };
    section.fault(code, &id.place, message, help);
    None
}

/// By what it is believed: `tls` or `secret`, and not both.
fn trust(section: &Section<'_, '_, '_>, sources: &Sources<'_>, listeners: &[Listen]) -> Option<Trust> {
    let (tls, secret) = (section.flag("tls").filter(|tls| tls.value), section.text("secret"));
    match (tls, secret) {
        (None, Some(given)) => self::secret(section, given, sources).map(Trust::Secret),
        (None, None) => {
            let message = "nothing says by what this cluster is believed: it has neither `secret` nor `tls`";
            section.fault(Code::Missing, &section.place, message, format!("{SECRET_HELP}, {TLS_HELP}"));
            None
        }
        (Some(_), Some(given)) => {
            let message = "a cluster is believed by its certificate or by a secret, not by both";
            let help = "leave `secret` out where `tls = true`";
            section.fault(Code::BadValue, &given.place, message, help);
            None
        }
        (Some(tls), None) => {
            let is_of_tls = |own: &Listen| own.face == Face::Federation && own.transport == Transport::Tls;
            if !listeners.iter().any(is_of_tls) {
                let message =
                    "there is no tls listener for other clusters, so that no certificate can be shown";
                let help = "add a [[listen]] with `transport = \"tls\"` and `face = \"federation\"`";
                section.fault(Code::Missing, &tls.place, message, help);
            } else if !has_authorities(listeners) {
                section.fault(Code::Missing, &tls.place, NO_AUTHORITIES, AUTHORITIES_HELP);
            }
            Some(Trust::Certificate)
        }
    }
}

/// Whether every listener for TLS with other clusters knows whose certificates to believe.
fn has_authorities(listeners: &[Listen]) -> bool {
    let believes = |listen: &Listen| listen.tls.as_ref().is_some_and(|files| files.authorities.is_some());
    let of_tls = |listen: &&Listen| listen.face == Face::Federation && listen.transport == Transport::Tls;
    listeners.iter().filter(of_tls).all(believes)
}

fn secret(section: &Section<'_, '_, '_>, given: Given<String>, sources: &Sources<'_>) -> Option<Secret> {
    if sources.resolve.is_none() {
        return Some(Secret::new(""));
    }
    let given = follow(section, given, sources)?;
    if given.value.is_empty() {
        section.fault(Code::BadValue, &given.place, "an empty `secret` proves nothing", SECRET_HELP);
        return None;
    }
    Some(Secret::new(&given.value))
}

/// Where it is reached: `None` is a fault, `Some(None)` is where the DNS says.
#[allow(clippy::option_option, reason = "nowhere and where the DNS says are two things")]
fn address(
    section: &Section<'_, '_, '_>,
    sources: &Sources<'_>,
    listeners: &[Listen],
    is_certified: bool,
) -> Option<Option<PeerAddress>> {
    let Some(given) = section.text("address") else {
        if !listeners.iter().any(|listen| listen.face == Face::Federation) {
            let message = "there is no listener for other clusters to speak to it from";
            let help = "add a [[listen]] with `face = \"federation\"`, of a transport that it speaks";
            section.fault(Code::Missing, &section.place, message, help);
        }
        return Some(None);
    };
    let (transport, host, port) = parts(section, &given)?;
    if is_certified && transport != Transport::Tls {
        let message =
            format!("a cluster that is believed by its certificate is not spoken to by {transport}");
        let help = "write `;transport=tls` behind the address, or leave `tls` out and give a `secret`";
        section.fault(Code::BadValue, &given.place, message, help);
        return None;
    }
    let has_listener = |family: Option<IpAddr>| {
        listeners.iter().any(|listen| {
            listen.face == Face::Federation
                && listen.transport == transport
                && family.is_none_or(|ip| reaches(listen.address.ip(), ip))
        })
    };
    if !has_listener(host.parse().ok()) {
        let message = format!("there is no {transport} listener for other clusters to speak to it from");
        let help = format!(
            "add a [[listen]] with `transport = \"{transport}\"` and `face = \"federation\"`, and an address of its family"
        );
        section.fault(Code::Missing, &given.place, message, help);
        return None;
    }
    if transport == Transport::Tls && !has_authorities(listeners) {
        if !is_certified {
            section.fault(Code::Missing, &given.place, NO_AUTHORITIES, AUTHORITIES_HELP);
        }
        return None;
    }
    let found = match (host.parse::<IpAddr>(), sources.resolve) {
        (Ok(ip), _) => Some(ip),
        (Err(_), None) => None,
        (Err(_), Some(resolve)) => match resolve(&host) {
            Ok(found) => match found.into_iter().find(|ip| has_listener(Some(*ip))) {
                Some(ip) => Some(ip),
                None => {
                    let message = format!("the name `{host}` has no address that a listener of ours reaches");
                    let help = "add a [[listen]] of that family with `face = \"federation\"`";
                    section.fault(Code::BadValue, &given.place, message, help);
                    return None;
                }
            },
            Err(error) => {
                let message = format!("the name `{host}` cannot be resolved: {error}");
                section.fault(Code::BadValue, &given.place, message, "see to the name, or write an address");
                return None;
            }
        },
    };
    let found = found.map(|ip| SocketAddr::new(ip, port));
    if let Some(own) = found.filter(|found| listeners.iter().any(|listen| listen.address == *found)) {
        let message = format!("{own} is a listener of this server itself");
        section.fault(Code::BadValue, &given.place, message, "the address is that of the other cluster");
        return None;
    }
    Some(Some(PeerAddress { transport, host, port, found }))
}

/// The transport, host and port of a peer's URI.
fn parts(section: &Section<'_, '_, '_>, given: &Given<String>) -> Option<(Transport, String, u16)> {
    let fault = |code, message: String| section.fault(code, &given.place, message, ADDRESS_HELP);
    let uri = match Uri::parse(given.value.as_bytes()) {
        Ok(uri)
            if matches!(uri.scheme, Scheme::Sip | Scheme::Sips)
                && uri.user.is_none()
                && !uri.host_text().is_empty() =>
        {
            uri
        }
        Ok(_) | Err(_) => {
            fault(Code::BadValue, format!("`{}` is no SIP URI of a cluster", given.value));
            return None;
        }
    };
    let transport = match uri.transport().map(<[u8]>::to_ascii_lowercase).as_deref() {
        _ if uri.scheme == Scheme::Sips => Transport::Tls,
        None | Some(b"udp") => Transport::Udp,
        Some(b"tcp") => Transport::Tcp,
        Some(b"tls") => Transport::Tls,
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            let message = format!("clusters speak with each other by udp, tcp and tls, not by `{other}`");
            fault(Code::BadValue, message);
            return None;
        }
    };
    Some((transport, uri.host_text().to_owned(), uri.port.unwrap_or(transport.port())))
}

/// Whether a socket on `own` can send to `ip`: `[::]` takes IPv4 too.
fn reaches(own: IpAddr, ip: IpAddr) -> bool {
    own.is_ipv4() == ip.is_ipv4() || (own.is_ipv6() && own.is_unspecified())
}
