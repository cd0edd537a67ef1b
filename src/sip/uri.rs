//! URIs: `sip:`, `sips:` and `tel:`; every other is kept as it came.
//!
//! A [`Uri`] borrows. Escapes stay as they are until somebody asks for text; `%00` and `%40` are
//! letters of a name, never separators.
//!
//! Implements: RFC 3261 §19.1.1, §19.1.2, §25.1; RFC 3966 §3; RFC 5118 §4.1 to §4.4, §4.10.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use super::chars::{
    ABSOLUTE, HEADERS, HOST, PARAM, PHONE, USER, after, between, hex, is, small, split_once, take,
};
use super::params::Params;
use super::via::ip;

/// What a URI is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other.
    Other,
}

/// The host of a URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// There is none (`tel:` and others).
    None,
    /// A name or an IPv4 address, as it came.
    Name(&'a str),
    /// An IPv6 address, as it came but without brackets.
    V6(&'a str),
}

/// A URI.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    /// What it is.
    pub scheme: Scheme,
    /// The user part as it came, without password; of `tel:`, the number.
    pub user: Option<&'a [u8]>,
    /// The password, which nobody should send.
    pub password: Option<&'a [u8]>,
    /// The host.
    pub host: Host<'a>,
    /// The port.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params<'a>,
    /// The headers as they came, without the `?`.
    pub headers: &'a [u8],
    /// The whole as it came.
    pub raw: &'a [u8],
}

/// Why bytes are no URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UriError {
    /// There is no scheme before a colon.
    #[error("a URI begins with a scheme, for instance sip:")]
    Scheme,
    /// The part before the `@`.
    #[error("the user part of the URI is badly formed")]
    User,
    /// The host or the port.
    #[error("the host or port of the URI is badly formed")]
    Host,
    /// The parameters.
    #[error("the parameters of the URI are badly formed")]
    Params,
    /// The headers.
    #[error("the headers of the URI are badly formed")]
    Headers,
    /// The number of a `tel:` URI.
    #[error("the telephone number is badly formed")]
    Number,
    /// Something that no URI may hold.
    #[error("the URI holds characters that no URI may hold")]
    Character,
}

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

    /// The value of a parameter; empty if it has none.
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        self.params.get(name)
    }

    /// The user part as text, escapes undone and the password cut; of `tel:` the number without
    /// its visual separators. `None` if there is none, or it is not UTF-8.
    pub fn user_text(&self) -> Option<Cow<'a, str>> {
        let user = self.user?;
        if self.scheme == Scheme::Tel {
            let digits: Vec<u8> = user.iter().copied().filter(|byte| !is_visual(*byte)).collect();
            return String::from_utf8(digits).ok().map(Cow::Owned);
        }
        if memchr::memchr(b'%', user).is_none() {
            return std::str::from_utf8(user).ok().map(Cow::Borrowed);
        }
        String::from_utf8(unescape(user).collect()).ok().map(Cow::Owned)
    }

    /// The host as it came, an IPv6 address without brackets; empty if there is none.
    pub fn host_text(&self) -> &'a str {
        match self.host {
            Host::None => "",
            Host::Name(text) | Host::V6(text) => text,
        }
    }

    /// The host, if it is an IP address.
    pub fn ip(&self) -> Option<IpAddr> {
        ip(self.host_text().as_bytes())
    }

    /// Whether requests to it go over TLS or are asked to go over some other transport:
    /// the `transport` parameter.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.param("transport")
    }

    /// Whether it is a loose router.
    pub fn is_loose(&self) -> bool {
        self.params.has("lr")
    }
}

/// RFC 3966's visual separators, which mean nothing.
pub(super) fn is_visual(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

/// The bytes with `%xx` undone; a `%` that begins no escape stays.
pub(super) fn unescape(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (first, tail) = rest.split_first()?;
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = tail;
            return Some(high << 4 | low);
        }
        rest = tail;
        Some(*first)
    })
}

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
    if text.starts_with(b";") && named && sound(text, PARAM) {
        Ok(Params::of(text))
    } else {
        Err(UriError::Params)
    }
}

fn headers_sound(text: &[u8]) -> bool {
    !text.is_empty() && sound(text, HEADERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &'static str) -> Uri<'static> {
        Uri::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn parts() {
        let full = uri("sips:al%69ce;day=tuesday:secret@Atlanta.com:5061;method=REGISTER;lr?to=a%40b");
        assert_eq!(full.scheme, Scheme::Sips);
        assert_eq!(full.user_text().as_deref(), Some("alice;day=tuesday"));
        assert_eq!(full.password, Some(&b"secret"[..]));
        assert_eq!((full.host_text(), full.port), ("Atlanta.com", Some(5061)));
        assert_eq!((full.param("method"), full.is_loose()), (Some(&b"REGISTER"[..]), true));
        assert_eq!(full.headers, b"to=a%40b");
        let six = uri("sip:[2001:db8::10:5070]");
        assert_eq!((six.host_text(), six.port, six.user), ("2001:db8::10:5070", None, None));
        assert_eq!(six.ip(), "2001:db8::10:5070".parse().ok());
        assert_eq!(uri("sip:192.0.2.1").ip(), "192.0.2.1".parse().ok());
        assert_eq!(
            uri("sip:sips%3Auser%40example.com@example.net").user_text().as_deref(),
            Some("sips:user@example.com")
        );
        assert_eq!(uri("sip:%ff@b").user_text(), None);
        assert_eq!(uri("tel:+1-(201).555;phone-context=x").user_text().as_deref(), Some("+1201555"));
        assert_eq!(uri("urn:service:sos").scheme, Scheme::Other);
    }

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
    }
}
