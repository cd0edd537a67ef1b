//! When two URIs are the same.
//!
//! Not an equivalence in the mathematical sense (RFC 3261 says so itself): parameters that only
//! one side has are mostly ignored. So this is a method and not `Eq`, and a key for a table has
//! to be made otherwise.
//!
//! Implements: RFC 3261 §19.1.4; RFC 3966 §4.

use super::chars::{between, hex, split_once};
use super::uri::{Host, Scheme, Uri, is_visual};

/// Parameters that never match their absence, whatever their default. `transport` is not in the
/// rules of the section but in its examples.
const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri<'_> {
    /// Whether both name the same resource.
    pub fn same_as(&self, other: &Uri<'_>) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        match self.scheme {
            Scheme::Sip | Scheme::Sips => {
                same_part(self.user, other.user)
                    && same_part(self.password, other.password)
                    && same_host(self.host, other.host)
                    && self.port == other.port
                    && sip_params_agree(self, other)
                    && sip_params_agree(other, self)
                    && headers_within(self.headers, other.headers)
                    && headers_within(other.headers, self.headers)
            }
            Scheme::Tel => {
                same_number(self.user.unwrap_or_default(), other.user.unwrap_or_default())
                    && tel_params_within(self, other)
                    && tel_params_within(other, self)
            }
            Scheme::Other => same_folded(self.raw, other.raw),
        }
    }
}

/// A letter of a URI: a byte, and whether it is an escaped reserved character, which differs
/// from the plain one.
type Letter = (u8, bool);

fn letters(bytes: &[u8]) -> impl Iterator<Item = Letter> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = tail;
            let byte = high << 4 | low;
            return Some((byte, b";/?:@&=+$,".contains(&byte)));
        }
        let (first, tail) = rest.split_first()?;
        rest = tail;
        Some((*first, false))
    })
}

fn folded((byte, reserved): Letter) -> Letter {
    (byte.to_ascii_lowercase(), reserved)
}

fn same_exactly(one: &[u8], other: &[u8]) -> bool {
    one == other || letters(one).eq(letters(other))
}

fn same_folded(one: &[u8], other: &[u8]) -> bool {
    letters(one).map(folded).eq(letters(other).map(folded))
}

fn same_part(one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same_exactly(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn same_host(one: Host<'_>, other: Host<'_>) -> bool {
    match (one, other) {
        (Host::Name(one), Host::Name(other)) => one.eq_ignore_ascii_case(other),
        (Host::V6(one), Host::V6(other)) => {
            one.parse::<std::net::Ipv6Addr>().ok() == other.parse::<std::net::Ipv6Addr>().ok()
        }
        (Host::None, Host::None) => true,
        (Host::Name(_) | Host::V6(_) | Host::None, _) => false,
    }
}

/// Whether every parameter of `one` agrees with `other`, or may be absent there.
fn sip_params_agree(one: &Uri<'_>, other: &Uri<'_>) -> bool {
    one.params.raw().all(|(name, value)| {
        let theirs = other.params.raw().find(|(theirs, _)| same_folded(theirs, name));
        match theirs {
            Some((_, theirs)) => same_folded(value.unwrap_or_default(), theirs.unwrap_or_default()),
            None => !DECISIVE.iter().any(|decisive| same_folded(name, decisive.as_bytes())),
        }
    })
}

/// Whether every header of `one` is in `other` too.
fn headers_within(one: &[u8], other: &[u8]) -> bool {
    let pair = |header| split_once(header, b'=').unwrap_or((header, b""));
    one.is_empty()
        || one.split(|byte| *byte == b'&').map(pair).all(|(name, value)| {
            let mut theirs = other.split(|byte| *byte == b'&').map(pair);
            theirs.any(|(their_name, their_value)| {
                same_folded(name, their_name) && same_exactly(value, their_value)
            })
        })
}

fn same_number(one: &[u8], other: &[u8]) -> bool {
    let digits = |number: &[u8]| {
        let global = number.first() == Some(&b'+');
        (
            global,
            number.iter().filter(|byte| !is_visual(**byte)).map(u8::to_ascii_lowercase).collect::<Vec<_>>(),
        )
    };
    digits(one) == digits(other)
}

/// Whether every parameter of `one` is in `other` with the same value; a `phone-context` and an
/// `ext` are numbers, so that their visual separators do not count.
fn tel_params_within(one: &Uri<'_>, other: &Uri<'_>) -> bool {
    one.params.raw().all(|(name, value)| {
        let Some((_, theirs)) = other.params.raw().find(|(theirs, _)| same_folded(theirs, name)) else {
            return false;
        };
        let (value, theirs) = (value.unwrap_or_default(), theirs.unwrap_or_default());
        let is_number = name.eq_ignore_ascii_case(b"ext")
            || (name.eq_ignore_ascii_case(b"phone-context") && between(value, 0, 1) == b"+");
        if is_number { same_number(value, theirs) } else { same_folded(value, theirs) }
    })
}
