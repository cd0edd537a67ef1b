//! Reading a URI: the grammar, strictly.
//!
//! One reading for every URI that is acted on: what does not fit the grammar is refused, with
//! three exceptions that phones make necessary (`#` in a user part, `_` in a host name, a local
//! telephone number without its context).
//!
//! Implements: RFC 3261 §19.1.1, §19.1.2, §25.1; RFC 3966 §3; RFC 5118 §4.1 to §4.4, §4.10.

use std::net::Ipv6Addr;

use super::chars::{
    ABSOLUTE, HEADERS, HOST, PARAM, PHONE, USER, after, between, is, small, split_once, take,
};
use super::params::Params;
use super::uri::{Host, Scheme, Uri, UriError};

impl<'a> Uri<'a> {
    /// Reads a URI, which stands without angle brackets.
    pub fn parse(raw: &'a [u8]) -> Result<Self, UriError> {
        let (scheme, rest) = split_once(raw, b':').ok_or(UriError::Scheme)?;
        if scheme.eq_ignore_ascii_case(b"sip") {
            Self::sip(Scheme::Sip, raw, rest)
        } else if scheme.eq_ignore_ascii_case(b"sips") {
            Self::sip(Scheme::Sips, raw, rest)
        } else if scheme.eq_ignore_ascii_case(b"tel") {
            Self::tel(raw, rest)
        } else {
            Self::other(scheme, raw, rest)
        }
    }

    fn sip(scheme: Scheme, raw: &'a [u8], rest: &'a [u8]) -> Result<Self, UriError> {
        let (user, password, rest) = match split_once(rest, b'@') {
            Some((info, rest)) => {
                let (user, password) = userinfo(info)?;
                (Some(user), password, rest)
            }
            None => (None, None, rest),
        };
        let (host, rest) = host(rest)?;
        let (port, rest) = port(rest)?;
        let (params, headers) = match split_once(rest, b'?') {
            Some((params, headers)) => {
                (params, headers_sound(headers).then_some(headers).ok_or(UriError::Headers)?)
            }
            None => (rest, &b""[..]),
        };
        let params = parameters(params)?;
        Ok(Self { scheme, user, password, host, port, params, headers, raw })
    }

    fn tel(raw: &'a [u8], rest: &'a [u8]) -> Result<Self, UriError> {
        let (number, params) = take(rest, PHONE);
        let signs_inside = after(number, 1).contains(&b'+');
        if signs_inside || !number.iter().any(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#'))
        {
            return Err(UriError::Number);
        }
        let params = parameters(params)?;
        let (password, host, port, headers) = (None, Host::None, None, &b""[..]);
        Ok(Self { scheme: Scheme::Tel, user: Some(number), password, host, port, params, headers, raw })
    }

    fn other(scheme: &'a [u8], raw: &'a [u8], rest: &'a [u8]) -> Result<Self, UriError> {
        let letters = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !scheme.first().is_some_and(u8::is_ascii_alphabetic) || !scheme.iter().all(letters) {
            return Err(UriError::Scheme);
        }
        if rest.is_empty() || !sound(rest, ABSOLUTE) {
            return Err(UriError::Character);
        }
        let (user, password, host, port) = (None, None, Host::None, None);
        let (params, headers) = (Params::default(), &b""[..]);
        Ok(Self { scheme: Scheme::Other, user, password, host, port, params, headers, raw })
    }
}

/// Parameters, and headers, that one URI may have: comparing two takes the square of it.
const PARTS_MAX: usize = 64;

/// Whether every byte is of the class, and every `%` begins an escape.
fn sound(bytes: &[u8], class: u8) -> bool {
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => tail,
            (b'%', _) => return false,
            _ if is(*first, class) => tail,
            _ => return false,
        };
    }
    true
}

fn userinfo(info: &[u8]) -> Result<(&[u8], Option<&[u8]>), UriError> {
    let (user, password) = match split_once(info, b':') {
        Some((user, password)) => (user, Some(password)),
        None => (info, None),
    };
    let sound = !user.is_empty() && sound(user, USER) && password.is_none_or(|word| sound(word, USER));
    if sound { Ok((user, password)) } else { Err(UriError::User) }
}

fn host(bytes: &[u8]) -> Result<(Host<'_>, &[u8]), UriError> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| UriError::Host);
    if let Some(inner) = bytes.strip_prefix(b"[") {
        let (address, rest) = split_once(inner, b']').ok_or(UriError::Host)?;
        let address = text(address)?;
        address.parse::<Ipv6Addr>().map_err(|_| UriError::Host)?;
        return Ok((Host::V6(address), rest));
    }
    let (name, rest) = take(bytes, HOST);
    if name.is_empty() { Err(UriError::Host) } else { Ok((Host::Name(text(name)?), rest)) }
}

fn port(bytes: &[u8]) -> Result<(Option<u16>, &[u8]), UriError> {
    let Some(rest) = bytes.strip_prefix(b":") else {
        return match bytes.first() {
            None | Some(b';' | b'?') => Ok((None, bytes)),
            Some(_) => Err(UriError::Host),
        };
    };
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    match after(rest, end).first() {
        None | Some(b';' | b'?') => {
            let port = small(between(rest, 0, end)).ok_or(UriError::Host)?;
            Ok((Some(port), after(rest, end)))
        }
        Some(_) => Err(UriError::Host),
    }
}

/// `;name[=value]` throughout, with the characters and escapes of a URI.
fn parameters(text: &[u8]) -> Result<Params<'_>, UriError> {
    if text.is_empty() {
        return Ok(Params::default());
    }
    // A name has to follow each `;`.
    let nameless = |pair: &[u8]| matches!(pair, [b';', b';' | b'=']);
    let named = !text.windows(2).any(nameless) && text.last() != Some(&b';');
    let few = memchr::memchr_iter(b';', text).count() <= PARTS_MAX;
    if text.starts_with(b";") && named && few && sound(text, PARAM) {
        Ok(Params::of(text))
    } else {
        Err(UriError::Params)
    }
}

fn headers_sound(text: &[u8]) -> bool {
    let few = memchr::memchr_iter(b'&', text).count() <= PARTS_MAX;
    !text.is_empty() && few && sound(text, HEADERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_uri() {
        for bad in [
            "",
            "sip:",
            "sip",
            ":a",
            "sip:a@",
            "sip:@b",
            "sip:a@b@c",
            "sip:a b@c",
            "sip:a@b c",
            "<sip:a@b>",
            "sip:a@b:",
            "sip:a@b:x",
            "sip:a@b:65536",
            "sip:a@b;",
            "sip:a@b;;c",
            "sip:a@b;=c",
            "sip:a@b?",
            "sip:%4@b",
            "sip:%zz@b",
            "sip:2001:db8::10",
            "sip:[2001:db8:::192.0.2.1]",
            "sip:[::1",
            "sip:[::1]x",
            "sip:[1.2.3.4]",
            "sip:a@b/c",
            "sip:a@b;c=\"d\"",
            "tel:",
            "tel:abcg",
            "tel:+1+2",
            "tel:-",
            "tel:+",
            "1x:y",
            "http:",
            "http:a b",
            "sip:\u{e5}@b",
            "sip:a@b\r\n",
        ] {
            assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let many = format!("sip:a@b{}", ";x".repeat(PARTS_MAX + 1));
        assert_eq!(Uri::parse(many.as_bytes()).unwrap_err(), UriError::Params);
    }
}
