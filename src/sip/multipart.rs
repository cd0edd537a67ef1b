//! Bodies in several parts: where they begin, what each of them is.
//!
//! Read only as far as a call needs it: which part describes the session, and which others have to be
//! understood. What passes on is written anew: of each part what it is and what it says, and nothing around them.
//!
//! Implements: RFC 5621 §3.1, §3.2, §4, §8.1; RFC 2045 §6.1; RFC 2046 §5.1.1.

use memchr::memmem;

use super::chars::{split_once, trim};
use super::item::Item;
use super::sdp::Sdp;
use super::veil::{is_readable, veiled};

/// How deep parts may lie in parts.
const DEPTH: u8 = 3;

/// A body, or one part of it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    kind: Option<Item<'a>>,
    disposition: Option<Item<'a>>,
    /// Its Content-Encoding and Content-Transfer-Encoding, empty if it has none.
    coding: [&'a [u8]; 2],
    /// What it says.
    pub content: &'a [u8],
}

impl<'a> Part<'a> {
    /// One with these Content-Type and Content-Disposition headers.
    pub fn new(kind: Option<Item<'a>>, disposition: Option<Item<'a>>, content: &'a [u8]) -> Self {
        Self { kind, disposition, coding: [b"", b""], content }
    }

    /// The same with this Content-Encoding.
    #[must_use]
    pub fn encoded(self, encoding: &'a [u8]) -> Self {
        Self { coding: [encoding, b""], ..self }
    }

    /// Reads a part: its headers, an empty line, its content.
    fn parse(text: &'a [u8]) -> Self {
        let (head, content) = match text.strip_prefix(b"\r\n") {
            Some(content) => (&b""[..], content),
            None => match memmem::find(text, b"\r\n\r\n").and_then(|end| text.split_at_checked(end)) {
                Some((head, rest)) => (head, rest.get(4..).unwrap_or_default()),
                None => (text, &b""[..]),
            },
        };
        let (mut kind, mut disposition, mut coding) = (None, None, [&b""[..]; 2]);
        for line in head.split(|byte| *byte == b'\n') {
            let Some((name, value)) = split_once(line, b':') else { continue };
            let name = trim(name);
            if name.eq_ignore_ascii_case(b"Content-Type") {
                kind = Some(Item::parse(trim(value)));
            } else if name.eq_ignore_ascii_case(b"Content-Disposition") {
                disposition = Some(Item::parse(trim(value)));
            } else if let Some(at) = CODINGS.iter().position(|own| name.eq_ignore_ascii_case(own))
                && let Some(own) = coding.get_mut(at)
            {
                *own = trim(value);
            }
        }
        Self { kind, disposition, coding, content }
    }

    /// Whether it has parts.
    pub fn is_multipart(&self) -> bool {
        self.kind.is_some_and(|kind| {
            kind.value.get(..10).is_some_and(|begin| begin.eq_ignore_ascii_case(b"multipart/"))
        })
    }

    /// Whether whoever does not understand it may go on without (RFC 5621 §4.2).
    pub fn is_optional(&self) -> bool {
        let handling = self.disposition.and_then(|own| own.param("handling"));
        handling.is_some_and(|handling| handling.eq_ignore_ascii_case(b"optional"))
    }

    /// Whether it calls itself a description of the session, or would be taken for one.
    pub fn claims_session(&self) -> bool {
        match self.kind {
            Some(kind) => kind.is(SESSION),
            // A type that nobody gave is guessed from the first line.
            None => Sdp::parse(self.content).is_some(),
        }
    }

    /// Whether it is one that anybody can read.
    fn is_session(&self) -> bool {
        let meant = |own: Item<'_>| own.value.is_empty() || own.is("session");
        self.claims_session()
            && self.disposition.is_none_or(meant)
            && !self.is_coded()
            && is_readable(self.content)
    }

    /// Whether it has to be decoded before it says anything.
    fn is_coded(&self) -> bool {
        let plain = ["identity", "7bit", "8bit", "binary"];
        let is_plain = |own: &&[u8]| {
            own.is_empty() || plain.iter().any(|plain| own.eq_ignore_ascii_case(plain.as_bytes()))
        };
        !self.coding.iter().all(is_plain)
    }

    fn boundary(&self) -> Option<&'a [u8]> {
        let boundary = self.kind.filter(|_| self.is_multipart()).and_then(|kind| kind.param("boundary"));
        boundary.filter(|own| !own.is_empty())
    }

    /// Its parts; none if it is not well made.
    pub fn parts(&self) -> impl Iterator<Item = Self> + use<'a> {
        let mark: Vec<u8> = self.boundary().map(|own| [b"--", own].concat()).unwrap_or_default();
        let mut rest = if mark.is_empty() { None } else { after_line(self.content, &mark) };
        std::iter::from_fn(move || {
            let own = rest?;
            let end = next_line(own, &mark)?;
            let text = own.get(..end).unwrap_or_default();
            rest = own.get(end..).and_then(|tail| after_line(tail, &mark));
            Some(Self::parse(text.strip_suffix(b"\r\n").unwrap_or(text)))
        })
    }

    /// The session description in it, wherever it is: what calls itself one, and can be read.
    pub fn session(&self) -> Option<&'a [u8]> {
        self.session_within(DEPTH)
    }

    /// What of it passes on: sessions without what they say of their author, and the other parts, or (`alone`) none
    /// of those; of each its type, disposition and coding. `None` if all of it passes as it is.
    pub fn passing(&self, alone: bool) -> Option<Vec<u8>> {
        if !self.is_multipart() {
            return veiled(self.content);
        }
        let mut out = Vec::with_capacity(self.content.len());
        self.write_parts(DEPTH, alone, &mut out);
        Some(out)
    }

    /// Its type as it passes on: with the parameters that it cannot do without.
    pub fn kind_passing(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(kind) = self.kind {
            write_item(&mut out, kind, &["boundary", "charset"]);
        }
        out
    }

    fn write_parts(&self, depth: u8, alone: bool, out: &mut Vec<u8>) {
        let Some(boundary) = self.boundary() else { return };
        let Some(depth) = depth.checked_sub(1) else { return };
        for part in self.parts() {
            let mut inner = Vec::new();
            let content = if part.is_multipart() {
                part.write_parts(depth, alone, &mut inner);
                inner.as_slice()
            } else if part.is_session() {
                inner = veiled(part.content).unwrap_or_default();
                if inner.is_empty() { part.content } else { inner.as_slice() }
            } else if alone || part.claims_session() {
                continue;
            } else {
                part.content
            };
            out.extend_from_slice(b"--");
            out.extend_from_slice(boundary);
            part.write_head(out);
            out.extend_from_slice(content);
            out.extend_from_slice(b"\r\n");
        }
        for piece in [b"--", boundary, b"--\r\n"] {
            out.extend_from_slice(piece);
        }
    }

    /// The end of the line before, its headers, and an empty line.
    fn write_head(&self, out: &mut Vec<u8>) {
        let items = [
            ("Content-Type", self.kind, &["boundary", "charset"][..]),
            ("Content-Disposition", self.disposition, &["handling"]),
        ];
        for (name, item, params) in items {
            if let Some(item) = item {
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b": ");
                write_item(out, item, params);
            }
        }
        for (name, value) in CODINGS.iter().zip(self.coding).filter(|(_, value)| !value.is_empty()) {
            for piece in [b"\r\n", *name, b": ", value] {
                out.extend_from_slice(piece);
            }
        }
        out.extend_from_slice(b"\r\n\r\n");
    }

    fn session_within(&self, depth: u8) -> Option<&'a [u8]> {
        if self.is_session() {
            return Some(self.content);
        }
        let depth = depth.checked_sub(1)?;
        self.parts().find_map(|part| part.session_within(depth))
    }
}

/// The type of a session description.
const SESSION: &str = "application/sdp";

/// The headers that tell how a part is coded.
const CODINGS: [&[u8]; 2] = [b"Content-Encoding", b"Content-Transfer-Encoding"];

/// A value and those of its parameters that are named.
fn write_item(out: &mut Vec<u8>, item: Item<'_>, params: &[&str]) {
    out.extend_from_slice(item.value);
    for name in params {
        let value = item.param(name).filter(|value| !value.iter().any(|byte| matches!(byte, b'"' | b'\\')));
        if let Some(value) = value {
            let is_token = value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte));
            let quote: &[u8] = if is_token { b"" } else { b"\"" };
            for piece in [b";", name.as_bytes(), b"=", quote, value, quote] {
                out.extend_from_slice(piece);
            }
        }
    }
}

/// Where the next line that begins with the mark begins.
fn next_line(text: &[u8], mark: &[u8]) -> Option<usize> {
    let is_line = |at: &usize| *at == 0 || text.get(at - 1) == Some(&b'\n');
    memmem::find_iter(text, mark).find(is_line)
}

/// What follows the first line that begins with the mark; `None` after the last one, which ends in `--`.
fn after_line<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let tail = text.get(next_line(text, mark)? + mark.len()..)?;
    if tail.starts_with(b"--") {
        return None;
    }
    tail.get(memchr::memchr(b'\n', tail)? + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(kind: &'a str, body: &'a str) -> Part<'a> {
        let kind = (!kind.is_empty()).then(|| Item::parse(kind.as_bytes()));
        Part::new(kind, None, body.as_bytes())
    }

    fn session(kind: &str, body: &str) -> Option<String> {
        read(kind, body).session().map(|found| String::from_utf8(found.to_vec()).unwrap())
    }

    const MIXED: &str = "multipart/mixed; boundary=\"b 1\"";

    #[test]
    fn the_session_is_found() {
        assert_eq!(session("application/sdp", "v=0\r\n").as_deref(), Some("v=0\r\n"));
        assert_eq!(session("application/sdp", "no session"), None);
        assert_eq!(session("text/plain", "v=0"), None);
        let body = "ignored\r\n--b 1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b 1 \r\n\
                    content-type:Application/SDP\r\nContent-ID: <x>\r\n\r\nv=0\r\ns=--b 1\r\n\r\n--b 1--\r\nignored";
        assert_eq!(session(MIXED, body).as_deref(), Some("v=0\r\ns=--b 1\r\n"));
        let nested = format!(
            "--o\r\nContent-Type: {MIXED}\r\n\r\n{body}\r\n--o\r\nContent-Type: text/html\r\n\r\n<p>\r\n--o--"
        );
        assert_eq!(
            session("multipart/alternative;boundary=o", &nested).as_deref(),
            Some("v=0\r\ns=--b 1\r\n")
        );
        let passing = |alone| {
            let passing = read("multipart/alternative;boundary=o", &nested).passing(alone).unwrap();
            String::from_utf8(passing).unwrap()
        };
        let session = "--b 1\r\nContent-Type: Application/SDP\r\n\r\nv=0\r\ns=-\r\n\r\n--b 1--\r\n";
        let hello = "--b 1\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
        let kind = "Content-Type: multipart/mixed;boundary=\"b 1\"";
        assert_eq!(
            passing(false),
            format!(
                "--o\r\n{kind}\r\n\r\n{hello}{session}\r\n--o\r\nContent-Type: text/html\r\n\r\n<p>\r\n--o--\r\n"
            )
        );
        assert_eq!(passing(true), format!("--o\r\n{kind}\r\n\r\n{session}\r\n--o--\r\n"));
    }

    /// Nothing around the parts, no header of theirs that is not needed, and no session that cannot be read.
    #[test]
    fn nothing_passes_in_the_gaps() {
        let told = "anne\r\n--b;anne\r\nContent-Type: application/sdp;anne=1\r\nX-Anne: anne\r\nContent-ID: <anne@x>\r\n\r\n\
                    v=0\r\n--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\nanne\r\n\
                    --b\r\nContent-Type: application/sdp\r\nContent-Encoding: gzip\r\n\r\nv=anne\r\n\
                    --b\r\nContent-Type: application/sdp\r\n\r\nv\0=\0anne\r\n\
                    --b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\nanne";
        let passing = read("multipart/mixed;boundary=b;anne=anne", told).passing(false).unwrap();
        assert_eq!(
            String::from_utf8(passing).unwrap(),
            "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nContent-Type: image/png\r\n\
             Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n"
        );
    }

    #[test]
    fn every_session_is_veiled() {
        let one = |text: &str| format!("--b\r\nContent-Type: application/sdp\r\n\r\n{text}\r\n");
        let body = |[first, second]: [&str; 2]| format!("{}{}--b--\r\n", one(first), one(second));
        let told = body(["v=0\r\ns=anne", "v=0\r\ns=her house"]);
        let veiled = read("multipart/alternative;boundary=b", &told).passing(false).unwrap();
        assert_eq!(String::from_utf8(veiled).unwrap(), body(["v=0\r\ns=-", "v=0\r\ns=-"]));
    }

    #[test]
    fn parts_and_what_they_ask_for() {
        let body = "--b\r\n\r\nplain\r\n--b\r\nContent-Disposition: x;handling=optional\r\n\r\ny\r\n--b--";
        let part = read("multipart/related;boundary=b", body);
        let parts: Vec<_> = part.parts().map(|part| (part.content, part.is_optional())).collect();
        assert_eq!(parts, [(&b"plain"[..], false), (b"y", true)]);
    }

    #[test]
    fn what_is_not_well_made_has_no_parts() {
        for (kind, body) in [
            ("multipart/mixed", "--b\r\n\r\nx\r\n--b--"),
            ("multipart/mixed;boundary=", "--\r\n\r\nx\r\n----"),
            ("multipart/mixed;boundary=b", ""),
            ("multipart/mixed;boundary=b", "--b--"),
            ("multipart/mixed;boundary=b", "--b\r\n\r\nnever ends"),
            ("multipart/mixed;boundary=b", "x--b\r\n\r\nx\r\n--b--"),
            ("text/plain;boundary=b", "--b\r\n\r\nx\r\n--b--"),
        ] {
            assert_eq!(read(kind, body).parts().count(), 0, "{kind} {body:?}");
        }
    }
}
