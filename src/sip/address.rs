//! Addresses in headers: From, To, Contact, Route, Refer-To and their like.
//!
//! Either `"Display" <uri>;params` or a bare `uri;params`, where everything from the first `;`
//! belongs to the header and not to the URI. The URI is handed over as it came.
//!
//! Implements: RFC 3261 §20.10, §20.20, §20.39; RFC 4475 §3.1.1.6, §3.1.2.13 to §3.1.2.15.

use std::borrow::Cow;

use super::chars::{after, between, quoted_len, small, trim, trim_end, trim_start, unescape_quoted};
use super::params::Params;
use super::uri::{Uri, UriError};

/// An address with its parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameAddr<'a> {
    /// The display name as it came, without its quotes; may be empty.
    pub display: &'a [u8],
    /// The URI as it came, without its angle brackets.
    pub uri: &'a [u8],
    /// The parameters of the header.
    pub params: Params<'a>,
}

/// One element of a Contact header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contact<'a> {
    /// `*`: all of them.
    Star,
    /// One address.
    At(NameAddr<'a>),
}

impl<'a> NameAddr<'a> {
    /// Reads one element. Not lenient in what could be read in two ways: a quote that stays
    /// open, or a comma or semicolon in a display name without quotes.
    pub fn parse(element: &'a [u8]) -> Option<Self> {
        let value = trim(element);
        if value.first() == Some(&b'"') {
            let len = quoted_len(value)?;
            let display = between(value, 1, len - 1);
            let inner = trim_start(after(value, len)).strip_prefix(b"<")?;
            return Self::bracketed(display, inner);
        }
        let stop = value.iter().position(|byte| matches!(byte, b'<' | b';' | b',' | b'"'));
        match stop.and_then(|at| value.get(at)) {
            Some(b'<') => {
                let at = stop.unwrap_or(0);
                Self::bracketed(trim_end(between(value, 0, at)), after(value, at + 1))
            }
            Some(b';') => Self::bare(value, stop.unwrap_or(0)),
            Some(_) => None,
            None => Self::bare(value, value.len()),
        }
    }

    fn bracketed(display: &'a [u8], inner: &'a [u8]) -> Option<Self> {
        let end = memchr::memchr(b'>', inner)?;
        let rest = trim_start(after(inner, end + 1));
        let sound = end > 0 && matches!(rest.first(), None | Some(b';'));
        sound.then(|| Self { display, uri: between(inner, 0, end), params: Params::of(rest) })
    }

    /// Without brackets a URI can hold neither parameters nor headers of its own.
    fn bare(value: &'a [u8], end: usize) -> Option<Self> {
        let uri = trim_end(between(value, 0, end));
        let sound = !uri.is_empty() && !uri.contains(&b'?');
        sound.then(|| Self { display: b"", uri, params: Params::of(after(value, end)) })
    }

    /// The value of a parameter, without quotes; empty if it has none.
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        self.params.get(name)
    }

    /// The tag; empty when there is none.
    pub fn tag(&self) -> &'a [u8] {
        self.params.get("tag").unwrap_or_default()
    }

    /// The display name as text that can go into a log or a mail: escapes undone, a space for
    /// each control character and line end, anything not UTF-8 replaced.
    pub fn display_text(&self) -> Cow<'a, str> {
        let text = unescape_quoted(self.display);
        if text.contains(char::is_control) { text.replace(char::is_control, " ").into() } else { text }
    }

    /// The `expires` parameter; `None` when there is none that can be read.
    pub fn expires(&self) -> Option<u32> {
        small(self.param("expires")?)
    }

    /// The `q` parameter in thousandths, 1000 when there is none that can be read.
    pub fn q(&self) -> u16 {
        self.param("q").and_then(thousandths).unwrap_or(1000)
    }

    /// The URI, read.
    pub fn parsed_uri(&self) -> Result<Uri<'a>, UriError> {
        Uri::parse(self.uri)
    }
}

impl<'a> Contact<'a> {
    /// Reads one element of a Contact header.
    pub fn parse(element: &'a [u8]) -> Option<Self> {
        if trim(element) == b"*" { Some(Self::Star) } else { NameAddr::parse(element).map(Self::At) }
    }
}

/// `0.5` as 500 (RFC 3261's qvalue: up to three decimals, at most one).
fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = super::chars::split_once(text, b'.').unwrap_or((text, b""));
    let mut sum = small::<u16>(whole)?.checked_mul(1000)?;
    if decimals.len() > 3 {
        return None;
    }
    let mut unit = 100;
    for digit in decimals {
        sum += u16::from(digit.is_ascii_digit().then(|| digit - b'0')?) * unit;
        unit /= 10;
    }
    (sum <= 1000).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let parse = |text: &'static str| NameAddr::parse(text.as_bytes());
        let full = parse("\"A, \\\"B\\\" <x>\"\r\n <sip:a@b;lr?x=y> ;\r\n tag = 1;q=0.33").unwrap();
        assert_eq!((full.display_text().as_ref(), full.uri), ("A, \"B\" <x>", &b"sip:a@b;lr?x=y"[..]));
        assert_eq!((full.tag(), full.q()), (&b"1"[..], 330));
        assert_eq!(parse("\"a\r\n b\\\0\" <sip:c@d>").unwrap().display_text(), "a   b ");
        let near = parse("caller<sip:c@d>;tag=323").unwrap();
        assert_eq!((near.display, near.uri, near.tag()), (&b"caller"[..], &b"sip:c@d"[..], &b"323"[..]));
        let bare = parse("sip:+1972@gw;unknown;expires=60").unwrap();
        assert_eq!(
            (bare.uri, bare.expires(), bare.param("unknown")),
            (&b"sip:+1972@gw"[..], Some(60), Some(&b""[..]))
        );
        for bad in [
            "",
            "<>",
            "\"open <sip:a@b>",
            "Bell, A <sip:a@b>",
            "sip:a@b?Route=x",
            "<sip:a@b",
            "<sip:a@b>x",
            "\"q\" sip:a@b",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(Contact::parse(b" * "), Some(Contact::Star));
    }
}
