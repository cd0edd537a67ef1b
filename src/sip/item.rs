//! Headers of the form `value;params`, and two small ones with a form of their own.
//!
//! [`Item`] serves Content-Type, Content-Disposition, Event, Subscription-State,
//! Session-Expires, Replaces, Accept and most others; what has an address inside is a
//! [`super::NameAddr`].
//!
//! Implements: RFC 3261 §20.15, §25.1; RFC 3326 §2 (Reason); RFC 3262 §7.2 (RAck).

use super::chars::{after, between, is_space, small, trim, trim_start};
use super::method::Method;
use super::params::Params;

/// A value with parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item<'a> {
    /// What stands before the first `;`, trimmed.
    pub value: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> Item<'a> {
    /// Reads one element.
    pub fn parse(element: &'a [u8]) -> Self {
        let end = memchr::memchr(b';', element).unwrap_or(element.len());
        Self { value: trim(between(element, 0, end)), params: Params::of(after(element, end)) }
    }

    /// Whether the value is this, case ignored (`application/sdp`, `presence`, `active`).
    pub fn is(&self, value: &str) -> bool {
        self.value.eq_ignore_ascii_case(value.as_bytes())
    }

    /// The value of a parameter, without quotes; empty if it has none.
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        self.params.get(name)
    }

    /// The value as a number (Session-Expires, Min-SE, Retry-After).
    pub fn number(&self) -> Option<u32> {
        small(self.value)
    }
}

/// Why a request was sent or a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850`, …
    pub protocol: &'a [u8],
    /// The number of the cause in that protocol.
    pub cause: Option<u16>,
    /// The text, as it came.
    pub text: &'a [u8],
}

impl<'a> Reason<'a> {
    /// Reads one element of a Reason header.
    pub fn parse(element: &'a [u8]) -> Option<Self> {
        let item = Item::parse(element);
        (!item.value.is_empty()).then(|| Self {
            protocol: item.value,
            cause: item.param("cause").and_then(small),
            text: item.param("text").unwrap_or_default(),
        })
    }
}

/// Which reliable provisional answer a PRACK confirms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RAck {
    /// The RSeq of the answer.
    pub rseq: u32,
    /// The number in its CSeq.
    pub cseq: u32,
    /// The method in its CSeq.
    pub method: Method,
}

impl RAck {
    /// Reads the value of a RAck header.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (rseq, rest) = word(value);
        let (cseq, rest) = word(rest);
        let (method, rest) = word(rest);
        let sound = !method.is_empty() && rest.is_empty();
        sound.then_some(Self { rseq: small(rseq)?, cseq: small(cseq)?, method: Method::of(method) })
    }
}

/// Splits off what stands before white space.
pub(super) fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| is_space(*byte)).unwrap_or(bytes.len());
    (between(bytes, 0, end), trim_start(after(bytes, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items() {
        let item = Item::parse(b"multipart/mixed ; boundary=\"a;b\"");
        assert!(item.is("Multipart/Mixed"));
        assert_eq!(item.param("boundary"), Some(&b"a;b"[..]));
        let reason = Reason::parse(b"SIP ;cause=200 ;text=\"Call completed elsewhere\"").unwrap();
        assert_eq!((reason.protocol, reason.cause), (&b"SIP"[..], Some(200)));
        let rack = RAck::parse(b"776656 1 INVITE").unwrap();
        assert_eq!(rack, RAck { rseq: 776_656, cseq: 1, method: Method::Invite });
        assert_eq!(RAck::parse(b"1 INVITE"), None);
    }
}
