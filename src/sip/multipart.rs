//! Bodies in several parts: where they begin, what each of them is.
//!
//! Read only as far as a call needs it: which part describes the session, and which others have to be
//! understood.
//!
//! Implements: RFC 5621 §3.1, §3.2, §4, §8.1; RFC 2046 §5.1.1.

use memchr::memmem;
use smallvec::SmallVec;

use super::chars::{split_once, trim};
use super::item::Item;
use super::sdp::Sdp;
use super::veil::{Mask, veiled};

/// How deep parts may lie in parts.
const DEPTH: u8 = 3;

/// A body, or one part of it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    kind: Option<Item<'a>>,
    disposition: Option<Item<'a>>,
    /// What it says.
    pub content: &'a [u8],
}

impl<'a> Part<'a> {
    /// One with these Content-Type and Content-Disposition headers.
    pub fn new(kind: Option<Item<'a>>, disposition: Option<Item<'a>>, content: &'a [u8]) -> Self {
        Self { kind, disposition, content }
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
        let (mut kind, mut disposition) = (None, None);
        for line in head.split(|byte| *byte == b'\n') {
            let Some((name, value)) = split_once(line, b':') else { continue };
            let name = trim(name);
            if name.eq_ignore_ascii_case(b"Content-Type") {
                kind = Some(Item::parse(trim(value)));
            } else if name.eq_ignore_ascii_case(b"Content-Disposition") {
                disposition = Some(Item::parse(trim(value)));
            }
        }
        Self { kind, disposition, content }
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

    /// Whether it calls itself a description of the session.
    fn is_session(&self) -> bool {
        let meant = |own: Item<'_>| own.value.is_empty() || own.is("session");
        self.kind.is_some_and(|kind| kind.is("application/sdp")) && self.disposition.is_none_or(meant)
    }

    /// Its parts; none if it is not well made.
    pub fn parts(&self) -> impl Iterator<Item = Self> + use<'a> {
        let boundary = self.kind.filter(|_| self.is_multipart()).and_then(|kind| kind.param("boundary"));
        let boundary = boundary.filter(|own| !own.is_empty());
        let mark: Vec<u8> = boundary.map(|own| [b"--", own].concat()).unwrap_or_default();
        let mut rest = if mark.is_empty() { None } else { after_line(self.content, &mark) };
        std::iter::from_fn(move || {
            let own = rest?;
            let end = next_line(own, &mark)?;
            let text = own.get(..end).unwrap_or_default();
            rest = own.get(end..).and_then(|tail| after_line(tail, &mark));
            Some(Self::parse(text.strip_suffix(b"\r\n").unwrap_or(text)))
        })
    }

    /// The session description in it, wherever it is: what calls itself one, whatever it says.
    pub fn session(&self) -> Option<&'a [u8]> {
        self.session_within(DEPTH)
    }

    /// All of it, without what session descriptions say of their author, and with their numbers masked if he hides;
    /// `None` if there is nothing to hide.
    pub fn veiled(&self, mask: Option<Mask>) -> Option<Vec<u8>> {
        let mut sessions = SmallVec::new();
        self.describe(DEPTH, &mut sessions);
        let (mut out, mut done) = (Vec::new(), 0);
        for session in sessions {
            let Some(clean) = veiled(session, mask) else { continue };
            let begin = session.as_ptr().addr() - self.content.as_ptr().addr();
            out.extend_from_slice(self.content.get(done..begin)?);
            out.extend_from_slice(&clean);
            done = begin + session.len();
        }
        if done == 0 {
            return None;
        }
        out.extend_from_slice(self.content.get(done..)?);
        Some(out)
    }

    /// Everything in it that a phone might take for a session description.
    fn describe(&self, depth: u8, sessions: &mut SmallVec<[&'a [u8]; 2]>) {
        let is_session = match self.kind {
            Some(kind) => kind.is("application/sdp"),
            None => Sdp::parse(self.content).is_some(),
        };
        if is_session {
            sessions.push(self.content);
        } else if let Some(depth) = depth.checked_sub(1) {
            self.parts().for_each(|part| part.describe(depth, sessions));
        }
    }

    fn session_within(&self, depth: u8) -> Option<&'a [u8]> {
        if self.is_session() {
            return Some(self.content);
        }
        // A type that nobody gave is guessed from the first line.
        if self.kind.is_none() && Sdp::parse(self.content).is_some() {
            return Some(self.content);
        }
        let depth = depth.checked_sub(1)?;
        self.parts().find_map(|part| part.session_within(depth))
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
        assert_eq!(session("application/sdp", "no session").as_deref(), Some("no session"));
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
        let veiled = read("multipart/alternative;boundary=o", &nested).veiled(None).unwrap();
        assert_eq!(
            String::from_utf8(veiled).unwrap(),
            nested.replace("v=0\r\ns=--b 1\r\n", "v=0\r\ns=-\r\n")
        );
    }

    #[test]
    fn every_session_is_veiled() {
        let one = |text: &str| format!("--b\r\nContent-Type: application/sdp\r\n\r\n{text}\r\n");
        let body = |[first, second]: [&str; 2]| format!("{}{}--b--", one(first), one(second));
        let told = body(["v=0\r\ns=anne", "v=0\r\ns=her house"]);
        let veiled = read("multipart/alternative;boundary=b", &told).veiled(None).unwrap();
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
