//! `[[listen]]`, `[http]` and `[dns]`: the addresses of this server, and the files by which it proves who it is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::check::{at, is_host};
use super::fault::Code;
use super::file::{Listen, Sources};
use super::reader::{Given, Place, Section, list, suggestion};
use super::settings::{Face, TlsFiles};
use crate::effect::Transport;
use crate::sip::{Scheme, Uri};

/// The port of SIP.
pub(super) const PORT: u16 = 5060;
/// The port of DNS.
const DNS_PORT: u16 = 53;
/// The port of the HTTP API.
pub const HTTP_PORT: u16 = 8080;
/// Most listeners: a flow names its own in a byte.
const LISTENERS_MAX: usize = 64;

/// Where a server listens that was told nothing.
pub(super) fn default() -> Vec<Listen> {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
    [Transport::Udp, Transport::Tcp].map(|transport| Listen::plain(transport, address)).into()
}

impl Listen {
    /// A listener for phones of which nothing more is said.
    pub fn plain(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            advertise: None,
            face: Face::Access,
            tls: None,
            origins: Vec::new(),
            service_route: String::new(),
        }
    }
}

/// The `[[listen]]` tables, or `RATATOSK_LISTEN` instead of all of them.
pub(super) fn listeners(root: &Section<'_, '_, '_>, sources: &Sources<'_>) -> Option<Vec<Listen>> {
    let sections = root.sections("listen");
    let listed = match root.variable("listen") {
        Some(variable) => from_variable(root, &variable),
        None if sections.is_empty() => return Some(default()),
        None => sections.into_iter().map(|section| listener(section, sources)).collect(),
    };
    let mut listeners: Vec<Listen> = Vec::new();
    for (place, listen) in listed {
        let Some(listen) = listen else { continue };
        // Whatever it carries, a stream's port is one of TCP.
        let same = |other: &&Listen| {
            other.transport.is_reliable() == listen.transport.is_reliable() && other.address == listen.address
        };
        if let Some(other) = listeners.iter().find(same).filter(|other| other.address.port() != 0) {
            let (message, help) = if other.transport == listen.transport {
                (format!("{} {} stands here twice", listen.transport, listen.address), "leave one of them")
            } else {
                let (first, second) = (other.transport, listen.transport);
                let message = format!("{second} and {first} cannot both have {}", listen.address);
                (message, "give each a port of its own; usual are 5060 for tcp, 5061 for tls and 443 for wss")
            };
            root.fault(Code::Repeated, &place, message, help);
        }
        if listeners.len() == LISTENERS_MAX {
            root.fault(Code::BadValue, &place, "too many listeners", format!("at most {LISTENERS_MAX}"));
        }
        listeners.push(listen);
    }
    (!listeners.is_empty()).then_some(listeners)
}

/// `http.address`. Where there is no such section, nobody listens; one that says nothing means this
/// machine alone.
pub(super) fn http(http: &Section<'_, '_, '_>) -> Option<SocketAddr> {
    match http.text("address") {
        Some(given) => address(http, &given, "127.0.0.1:8080"),
        None => http.is_there().then_some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), HTTP_PORT)),
    }
}

/// `http.metrics`.
pub(super) fn open_metrics(http: &Section<'_, '_, '_>) -> bool {
    match http.text("metrics") {
        Some(given) if given.value == "open" => true,
        Some(given) if given.value != "token" => {
            let message = format!("`metrics` is \"token\" or \"open\", not {:?}", given.value);
            let help = "\"open\" tells the figures to whoever reaches the address; they tell of no user";
            http.fault(Code::BadValue, &given.place, message, help);
            false
        }
        Some(_) | None => false,
    }
}

/// `dns.servers`.
pub(super) fn name_servers(dns: &Section<'_, '_, '_>) -> Vec<SocketAddr> {
    let given = dns.texts("servers").unwrap_or_default();
    let server = |given: &Given<String>| match given.value.parse::<IpAddr>() {
        Ok(ip) => Some(SocketAddr::new(ip, DNS_PORT)),
        Err(_) => address(dns, given, "192.0.2.53:53"),
    };
    given.iter().filter_map(server).collect()
}

fn listener(section: Section<'_, '_, '_>, sources: &Sources<'_>) -> (Place, Option<Listen>) {
    let transport = section.text("transport");
    let place = at(transport.as_ref(), &section);
    let transport = match transport {
        Some(given) => transport_of(&section, &given),
        None => {
            let help = "write `transport = \"udp\"`, or tcp, tls, ws or wss";
            section.fault(Code::Missing, &section.place, "this listener has no `transport`", help);
            None
        }
    };
    let address = match section.text("address") {
        Some(given) => address(&section, &given, "127.0.0.1:5060"),
        None => {
            let help = "write `address = \"127.0.0.1:5060\"`, or \"[::]:5060\" for every address";
            section.fault(Code::Missing, &section.place, "this listener has no `address`", help);
            None
        }
    };
    let advertise = section.text("advertise").and_then(|given| advertised(&section, given));
    let face = section.text("face").map_or(Some(Face::Access), |given| face_of(&section, &given));
    let tls = transport.map(|transport| tls(&section, (transport, face), sources));
    let origins = origins(&section, transport);
    let service_route = service_route(&section, face);
    section.finish();
    let listen = transport.zip(address).zip(face).zip(tls.flatten());
    (
        place,
        listen.map(|(((transport, address), face), tls)| Listen {
            advertise,
            face,
            tls,
            origins,
            service_route,
            ..Listen::plain(transport, address)
        }),
    )
}

/// The files by which a listener proves who it is. `None` is a fault, `Some(None)` none are needed.
#[allow(clippy::option_option, reason = "nothing said and nothing needed are two things")]
fn tls(
    section: &Section<'_, '_, '_>,
    (transport, face): (Transport, Option<Face>),
    sources: &Sources<'_>,
) -> Option<Option<TlsFiles>> {
    let keys = ["certificate", "key", "authorities", "revocations", "client_certificates"];
    let [certificate, key, authorities, revocations, shown] = keys.map(|key| section.text(key));
    if !transport.is_secure() {
        for given in [certificate, key, authorities, revocations, shown].into_iter().flatten() {
            let message = format!("a listener for {transport} proves nothing by a certificate");
            let help = "leave it out, or write `transport = \"tls\"` (phones) or \"wss\" (browsers)";
            section.fault(Code::BadValue, &given.place, message, help);
        }
        return Some(None);
    }
    let Some(certificate) = certificate else {
        let help = "write `certificate = \"north.pem\"` and `key = \"north.key\"`";
        let message = format!("this listener for {transport} has no `certificate`");
        section.fault(Code::Missing, &section.place, message, help);
        return None;
    };
    if let (None, Some(given)) = (&authorities, &revocations) {
        let help = "write `authorities = \"authorities.pem\"` too: whose lists these are";
        section.fault(Code::BadValue, &given.place, "without `authorities` nobody shows a certificate", help);
    }
    let demands = shown.is_none_or(|given| demands(section, &given, face, authorities.is_some()));
    let path = |given: &Given<String>| sources.directory.join(&given.value);
    Some(Some(TlsFiles {
        key: path(key.as_ref().unwrap_or(&certificate)),
        certificate: path(&certificate),
        authorities: authorities.as_ref().map(path),
        demands,
        revocations: revocations.as_ref().map(path),
    }))
}

/// Whether a phone has to show a certificate.
fn demands(
    section: &Section<'_, '_, '_>,
    given: &Given<String>,
    face: Option<Face>,
    has_authorities: bool,
) -> bool {
    if !["ask", "demand"].contains(&given.value.as_str()) {
        let message = format!("`client_certificates` is \"ask\" or \"demand\", not {:?}", given.value);
        let help = "\"ask\" lets phones in that show none; they have their passwords all the same";
        section.fault(Code::BadValue, &given.place, message, help);
    } else if face.is_some_and(|face| face != Face::Access) {
        let message = "only phones are asked for certificates by choice, and none come here";
        let help = "leave it out: what a cluster has to show says `tls` in its [[federation]]";
        section.fault(Code::BadValue, &given.place, message, help);
    } else if !has_authorities {
        let help = "write `authorities = \"authorities.pem\"` too: whose certificates are good";
        section.fault(Code::BadValue, &given.place, "without `authorities` nobody shows a certificate", help);
    }
    given.value != "ask"
}

/// The web pages that may connect.
fn origins(section: &Section<'_, '_, '_>, transport: Option<Transport>) -> Vec<String> {
    let given = section.texts("origins").unwrap_or_default();
    let is_web = transport.is_none_or(Transport::is_web);
    for origin in &given {
        if !is_web {
            let message = "only browsers have origins, and they speak ws and wss";
            section.fault(Code::BadValue, &origin.place, message, "leave `origins` out");
        } else if !is_origin(&origin.value) {
            let message = format!("`{}` is no origin of a web page", origin.value);
            let help = "write `https://phone.north.test`, with a port if it has one, and without a path";
            section.fault(Code::BadValue, &origin.place, message, help);
        }
    }
    given.into_iter().map(|origin| origin.value.to_ascii_lowercase()).collect()
}

/// The proxies by which its phones are to send their requests.
fn service_route(section: &Section<'_, '_, '_>, face: Option<Face>) -> String {
    let given = section.texts("service_route").unwrap_or_default();
    let is_hop = |text: &str| {
        let uri = Uri::parse(text.as_bytes()).ok();
        uri.is_some_and(|uri| {
            matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && uri.is_loose() && uri.headers.is_empty()
        })
    };
    for hop in &given {
        if face.is_some_and(|face| face != Face::Access) {
            let message = "only phones are told a `service_route`, and none come here";
            section.fault(Code::BadValue, &hop.place, message, "leave it out, or write `face = \"access\"`");
        } else if !is_hop(&hop.value) {
            let message = format!("`{}` is no proxy that a request could go by", hop.value);
            section.fault(Code::BadValue, &hop.place, message, "write `sip:edge.north.test;lr`");
        }
    }
    given.iter().map(|hop| format!("<{}>", hop.value)).collect::<Vec<_>>().join(", ")
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let (host, port) = host_and_port(rest);
    ["http", "https"].contains(&scheme)
        && is_host(host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// `udp:127.0.0.1:5060,tcp:127.0.0.1:5060`.
fn from_variable(root: &Section<'_, '_, '_>, variable: &Given<String>) -> Vec<(Place, Option<Listen>)> {
    let one = |text: &str| {
        let given = |text: &str| Given { value: text.to_owned(), place: variable.place.clone() };
        let Some((transport, at)) = text.split_once(':') else {
            let help = "write transport:address:port, several separated by commas";
            root.fault(Code::BadValue, &variable.place, format!("`{text}` is no listener"), help);
            return (variable.place.clone(), None);
        };
        let transport = transport_of(root, &given(transport));
        let listen = transport
            .zip(address(root, &given(at), "127.0.0.1:5060"))
            .map(|(transport, address)| Listen::plain(transport, address));
        if let Some(Listen { transport, .. }) = listen.as_ref().filter(|listen| listen.transport.is_secure())
        {
            let message =
                format!("a listener for {transport} needs a certificate, and a variable has no place for it");
            root.fault(Code::Missing, &variable.place, message, "write a [[listen]] in the file");
        }
        (variable.place.clone(), listen)
    };
    variable.value.split(',').map(|text| one(text.trim())).collect()
}

fn transport_of(section: &Section<'_, '_, '_>, given: &Given<String>) -> Option<Transport> {
    let found = Transport::ALL.into_iter().find(|transport| transport.as_str() == given.value);
    if found.is_none() {
        let words = || Transport::ALL.iter().map(|transport| transport.as_str());
        let help =
            suggestion(&given.value, words()).unwrap_or_else(|| format!("there are {}", list(words())));
        section.fault(Code::BadValue, &given.place, format!("there is no transport `{}`", given.value), help);
    }
    found
}

fn face_of(section: &Section<'_, '_, '_>, given: &Given<String>) -> Option<Face> {
    match given.value.as_str() {
        "access" => Some(Face::Access),
        "federation" => Some(Face::Federation),
        "trunk" => Some(Face::Trunk),
        other => {
            let help =
                suggestion(other, ["access", "federation", "trunk"].into_iter()).unwrap_or_else(|| {
                    "there are access (phones), federation (other clusters) and trunk (gateways)".into()
                });
            section.fault(Code::BadValue, &given.place, format!("there is no face `{other}`"), help);
            None
        }
    }
}

fn address(section: &Section<'_, '_, '_>, given: &Given<String>, example: &str) -> Option<SocketAddr> {
    let address = given.value.parse().ok();
    if address.is_none() {
        let message = format!("`{}` is no address and port", given.value);
        let help = format!("write \"{example}\", or \"[::1]:5060\" for IPv6; names are for `advertise`");
        section.fault(Code::BadValue, &given.place, message, help);
    }
    address
}

fn advertised(section: &Section<'_, '_, '_>, given: Given<String>) -> Option<String> {
    let (host, port) = host_and_port(&given.value);
    if is_host(host) && port.is_none_or(|port| port.parse::<u16>().is_ok()) {
        return Some(given.value);
    }
    let message = format!("`{}` is no name or address", given.value);
    let help = "write `advertise = \"sip.north.test\"`, with `:5070` behind it if the port differs";
    section.fault(Code::BadValue, &given.place, message, help);
    None
}

/// Takes a `host`, `host:port`, `[v6]` or `[v6]:port` apart; the host without brackets.
pub(super) fn host_and_port(text: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}
