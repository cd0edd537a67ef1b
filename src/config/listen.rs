//! `[[listen]]` and `[http]`: the addresses of this server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::check::{at, is_host};
use super::fault::Code;
use super::file::Listen;
use super::reader::{Given, Place, Section, suggestion};
use super::settings::Face;
use crate::effect::Transport;

/// The port of SIP.
pub(super) const PORT: u16 = 5060;
/// Most listeners: a flow names its own in a byte.
const LISTENERS_MAX: usize = 64;

/// Where a server listens that was told nothing.
pub(super) fn default() -> Vec<Listen> {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
    [Transport::Udp, Transport::Tcp]
        .map(|transport| Listen { transport, address, advertise: None, face: Face::Access })
        .into()
}

/// The `[[listen]]` tables, or `RATATOSK_LISTEN` instead of all of them.
pub(super) fn listeners(root: &Section<'_, '_, '_>) -> Option<Vec<Listen>> {
    let sections = root.sections("listen");
    let listed = match root.variable("listen") {
        Some(variable) => from_variable(root, &variable),
        None if sections.is_empty() => return Some(default()),
        None => sections.into_iter().map(listener).collect(),
    };
    let mut listeners: Vec<Listen> = Vec::new();
    for (place, listen) in listed {
        let Some(listen) = listen else { continue };
        let same = |other: &&Listen| other.transport == listen.transport && other.address == listen.address;
        if listen.address.port() != 0 && listeners.iter().any(|other| same(&other)) {
            let message = format!("{} {} stands here twice", listen.transport, listen.address);
            root.fault(Code::Repeated, &place, message, "leave one of them");
        }
        if listeners.len() == LISTENERS_MAX {
            root.fault(Code::BadValue, &place, "too many listeners", format!("at most {LISTENERS_MAX}"));
        }
        listeners.push(listen);
    }
    (!listeners.is_empty()).then_some(listeners)
}

/// `http.address`.
pub(super) fn http(http: &Section<'_, '_, '_>) -> Option<SocketAddr> {
    let given = http.text("address")?;
    address(http, &given, "127.0.0.1:8080")
}

fn listener(section: Section<'_, '_, '_>) -> (Place, Option<Listen>) {
    let transport = section.text("transport");
    let place = at(transport.as_ref(), &section);
    let transport = match transport {
        Some(given) => transport_of(&section, &given),
        None => {
            let help = "write `transport = \"udp\"` or `transport = \"tcp\"`";
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
    section.finish();
    let listen = transport.zip(address).zip(face);
    (place, listen.map(|((transport, address), face)| Listen { transport, address, advertise, face }))
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
            .map(|(transport, address)| Listen { transport, address, advertise: None, face: Face::Access });
        (variable.place.clone(), listen)
    };
    variable.value.split(',').map(|text| one(text.trim())).collect()
}

fn transport_of(section: &Section<'_, '_, '_>, given: &Given<String>) -> Option<Transport> {
    match given.value.as_str() {
        "udp" => Some(Transport::Udp),
        "tcp" => Some(Transport::Tcp),
        later @ ("tls" | "ws" | "wss") => {
            let help = "use \"udp\" and \"tcp\", and put what needs protection into a tunnel";
            let message = format!("this version listens on udp and tcp; `{later}` comes later");
            section.fault(Code::Later, &given.place, message, help);
            None
        }
        other => {
            let help = suggestion(other, ["udp", "tcp"].into_iter())
                .unwrap_or_else(|| "there are udp and tcp".into());
            section.fault(Code::BadValue, &given.place, format!("there is no transport `{other}`"), help);
            None
        }
    }
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
