//! One Via: where a request came through, and so where its answer goes.
//!
//! Reading needs only the part an answer needs (transport and sent-by); whether the parameters
//! are written soundly is asked apart, so that a request with a bad Via can still be refused.
//!
//! Implements: RFC 3261 §20.42, §18.2.2; RFC 3581 §3 (rport); RFC 5118 §4.5 (received).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::chars::{HOST, TOKEN, after, between, small, take, trim, trim_start};
use super::params::Params;

/// A Via.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS`, …, as it came.
    pub transport: &'a [u8],
    /// The host of sent-by; an IPv6 address stands without brackets.
    pub host: &'a [u8],
    /// The port of sent-by.
    pub port: Option<u16>,
    /// The branch; empty in requests of RFC 2543.
    pub branch: &'a [u8],
    /// Where the request was really seen to come from, brackets cut.
    pub received: Option<&'a [u8]>,
    /// Absent, present without value (a wish), or the port the request came from.
    pub rport: Option<Option<u16>>,
    /// A host to send the answer to instead (multicast, and RFC 2543).
    pub maddr: Option<&'a [u8]>,
    /// The time to live that goes with a multicast `maddr`.
    pub ttl: Option<u8>,
    /// All parameters.
    pub params: Params<'a>,
    /// The whole element as it came.
    pub raw: &'a [u8],
}

impl<'a> Via<'a> {
    /// Reads one element of a Via header.
    pub fn parse(element: &'a [u8]) -> Option<Self> {
        let raw = trim(element);
        let (_, rest) = part(raw)?;
        let (_, rest) = part(slash(rest)?)?;
        let (transport, rest) = part(slash(rest)?)?;
        let (host, rest) = host(rest)?;
        let (port, rest) = port(rest)?;
        let mut via = Self {
            transport,
            host,
            port,
            branch: b"",
            received: None,
            rport: None,
            maddr: None,
            ttl: None,
            params: Params::of(rest),
            raw,
        };
        for (name, value) in via.params.raw() {
            via.take(name, value);
        }
        Some(via)
    }

    fn take(&mut self, name: &'a [u8], value: Option<&'a [u8]>) {
        let text = value.unwrap_or_default();
        if self.branch.is_empty() && name.eq_ignore_ascii_case(b"branch") {
            self.branch = text;
        } else if name.eq_ignore_ascii_case(b"rport") {
            self.rport = Some(small(text));
        } else if name.eq_ignore_ascii_case(b"received") {
            self.received = Some(unbracket(text));
        } else if name.eq_ignore_ascii_case(b"maddr") {
            self.maddr = Some(unbracket(text));
        } else if name.eq_ignore_ascii_case(b"ttl") {
            self.ttl = small(text);
        }
    }

    /// The host of sent-by, if it is an IP address.
    pub fn ip(&self) -> Option<IpAddr> {
        ip(self.host)
    }

    /// The address in `received`, if there is a sound one.
    pub fn received_ip(&self) -> Option<IpAddr> {
        self.received.and_then(ip)
    }

    /// Everything before the parameters.
    pub(super) fn head(&self) -> &'a [u8] {
        between(self.raw, 0, self.raw.len().saturating_sub(self.params.as_bytes().len()))
    }
}

/// Reads an IP address written without brackets.
pub(super) fn ip(text: &[u8]) -> Option<IpAddr> {
    if text.contains(&b':') {
        std::str::from_utf8(text).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    } else {
        std::str::from_utf8(text).ok()?.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    }
}

/// One token of the sent-protocol.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (token, rest) = take(bytes, TOKEN);
    (!token.is_empty()).then(|| (token, trim_start(rest)))
}

fn slash(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(b"/").map(trim_start)
}

fn host(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (host, rest) = if let Some(inner) = bytes.strip_prefix(b"[") {
        let end = memchr::memchr(b']', inner)?;
        let host = between(inner, 0, end);
        (ip(host).is_some_and(|ip| ip.is_ipv6()).then_some(host)?, after(inner, end + 1))
    } else {
        take(bytes, HOST)
    };
    (!host.is_empty()).then(|| (host, trim_start(rest)))
}

fn port(bytes: &[u8]) -> Option<(Option<u16>, &[u8])> {
    let Some(rest) = bytes.strip_prefix(b":") else {
        return Some((None, bytes));
    };
    let (digits, rest) = take(trim_start(rest), TOKEN);
    Some((Some(small(digits)?), trim_start(rest)))
}

fn unbracket(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(text)
}
