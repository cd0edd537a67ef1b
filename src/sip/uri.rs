//! URIs: `sip:`, `sips:` and `tel:`; every other is kept as it came.
//!
//! A [`Uri`] borrows. Escapes stay as they are until somebody asks for text; `%00` and `%40` are
//! letters of a name, never separators.
//!
//! Implements: RFC 3261 §19.1.1, §19.1.2; RFC 3966 §3, §5.1.1 (visual separators).

use std::borrow::Cow;
use std::net::IpAddr;

use super::chars::hex;
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

/// A URI as the one that a request is for: without headers and a method, which only say how a request is to
/// be made of it (RFC 3261 §19.1.1, table 1).
pub(super) fn as_request_uri(uri: &[u8]) -> Cow<'_, [u8]> {
    let names_method =
        |at: usize| uri.get(at + 1..at + 7).is_some_and(|word| word.eq_ignore_ascii_case(b"method"));
    if memchr::memchr(b'?', uri).is_none() && !memchr::memchr_iter(b';', uri).any(names_method) {
        return uri.into();
    }
    let Ok(Uri { scheme: Scheme::Sip | Scheme::Sips, params, headers, .. }) = Uri::parse(uri) else {
        return uri.into();
    };
    let end = uri.len() - if headers.is_empty() { 0 } else { headers.len() + 1 };
    let mut out = uri.get(..end - params.as_bytes().len()).unwrap_or_default().to_vec();
    for (name, value) in params.raw().filter(|(name, _)| !name.eq_ignore_ascii_case(b"method")) {
        out.push(b';');
        out.extend_from_slice(name);
        if let Some(value) = value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    out.into()
}

impl<'a> Uri<'a> {
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

    /// The transport that requests to it are asked to take.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.param("transport")
    }

    /// Whether it says that its owner does not want to be known (RFC 3323 §4.1.1.3).
    pub fn is_anonymous(&self) -> bool {
        self.user_text().is_some_and(|user| user.eq_ignore_ascii_case("anonymous"))
    }

    /// Whether it is a loose router.
    pub fn is_loose(&self) -> bool {
        self.params.has("lr")
    }
}

/// Whether a URI asks for TLS all the way (RFC 3261 §26.2.2).
pub fn is_sips(uri: &[u8]) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"))
}

/// RFC 3966's visual separators, which mean nothing.
pub(super) fn is_visual(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

/// What the escaped bytes of a URI stand for.
pub fn unescaped(bytes: &[u8]) -> Vec<u8> {
    unescape(bytes).collect()
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
    fn what_may_stand_in_a_request_line() {
        let table = [
            ("sip:a@b;method=BYE?Route=%3Csip:evil%3E&Subject=x", "sip:a@b"),
            ("sip:a@b;lr;METHOD=BYE;pn-prid=x", "sip:a@b;lr;pn-prid=x"),
            ("sip:a@b?Subject=x", "sip:a@b"),
            ("sip:a?b;method=c@d;transport=tcp", "sip:a?b;method=c@d;transport=tcp"),
            ("sip:a@b;methods=x", "sip:a@b;methods=x"),
            ("tel:+1?x", "tel:+1?x"),
        ];
        for (uri, line) in table {
            assert_eq!(as_request_uri(uri.as_bytes()), line.as_bytes(), "{uri}");
        }
    }
}
