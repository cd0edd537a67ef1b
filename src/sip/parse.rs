//! Indexing: from bytes to the positions of header lines.
//!
//! One walk over the header section. It finds lines (folds joined), recognises names, and notes
//! the first thing that is wrong with the form; what the headers say is judged in `check`.
//! Structure is read leniently (a bare LF ends a line) and judged strictly (it is a fault), so
//! that what is refused can still be answered.
//!
//! Implements: RFC 3261 §7.1 to §7.5, §18.3; RFC 4475 §3.1.

use bytes::Bytes;
use smallvec::SmallVec;

use super::chars::{after, between, is_token, number, trim, trim_end, trim_start};
use super::fault::{Fault, Unreadable};
use super::message::{Line, Message, Span, Start};
use super::method::Method;
use super::name::{Name, SINGLES};
use crate::base::Limits;

/// Builds the index of a message.
pub(super) fn index(raw: Bytes, limits: &Limits) -> Result<Message, Unreadable> {
    let size = u32::try_from(raw.len()).map_err(|_| Unreadable::Size)?;
    let mut walk = Walk::new(&raw, limits);
    let start = walk.start_line()?;
    walk.header_lines();
    if walk.seen & Name::Via.bit() == 0 {
        return Err(Unreadable::NoVia);
    }
    walk.judge_characters();
    let body_at = walk.at;
    if size > limits.message_bytes {
        walk.fault = Some(Fault { status: 513, reason: "Message Too Large" });
    }
    let Walk { lines, seen, fault, .. } = walk;
    let body = (u32::try_from(body_at).unwrap_or(size), size);
    let (cseq, cseq_method, none) = (0, Method::Other, Span::default());
    let mut message =
        Message { raw, start, lines, seen, body, cseq, cseq_method, from_tag: none, to_tag: none, fault };
    cut_body(&mut message);
    Ok(message)
}

/// Ends the body where Content-Length says.
fn cut_body(message: &mut Message) {
    let Some(value) = message.header(Name::ContentLength) else { return };
    let room = message.body.1 - message.body.0;
    let fault = match number(value) {
        None => Fault::bad("Bad Content-Length"),
        Some(len) => match u32::try_from(len).ok().filter(|len| *len <= room) {
            Some(len) => {
                message.body.1 = message.body.0 + len;
                return;
            }
            None => Fault::bad("Content-Length larger than the message"),
        },
    };
    message.fault = message.fault.or(Some(fault));
}

const LINE_END: &str = "A line end that is not CRLF";

struct Walk<'a> {
    raw: &'a [u8],
    /// Where the next line begins.
    at: usize,
    lines: SmallVec<[Line; super::message::INLINE]>,
    seen: u128,
    fault: Option<Fault>,
    /// Where the first line begins, and how many lines were ended by CRLF since.
    from: usize,
    ends: usize,
    lines_max: usize,
}

impl<'a> Walk<'a> {
    fn new(raw: &'a [u8], limits: &Limits) -> Self {
        let lines_max = usize::from(limits.header_lines);
        Self { raw, at: 0, lines: SmallVec::new(), seen: 0, fault: None, from: 0, ends: 0, lines_max }
    }

    fn blame(&mut self, reason: &'static str) {
        self.fault = self.fault.or(Some(Fault::bad(reason)));
    }

    /// The next physical line without its end; `None` when no line end is left.
    fn next_line(&mut self) -> Option<&'a [u8]> {
        let rest = after(self.raw, self.at);
        let len = memchr::memchr(b'\n', rest)?;
        self.at += len + 1;
        let line = between(rest, 0, len);
        let Some(line) = line.strip_suffix(b"\r") else {
            self.blame(LINE_END);
            return Some(line);
        };
        self.ends += 1;
        Some(line)
    }

    fn start_line(&mut self) -> Result<Start, Unreadable> {
        // Line ends before the first line are no part of the message (§7.5).
        while let Some(b'\r' | b'\n') = self.raw.get(self.at) {
            self.at += 1;
        }
        if self.at == self.raw.len() {
            return Err(Unreadable::KeepAlive);
        }
        let from = self.at;
        self.from = from;
        let line = self.next_line().ok_or(Unreadable::StartLine)?;
        if self.at > usize::from(u16::MAX) {
            return Err(Unreadable::StartLine);
        }
        let start = if between(line, 0, 4).eq_ignore_ascii_case(b"SIP/") {
            status_line(line, from)
        } else {
            self.request_line(line, from)
        };
        start.ok_or(Unreadable::StartLine)
    }

    fn request_line(&mut self, line: &[u8], from: usize) -> Option<Start> {
        let sound = trim_end(line);
        let first = memchr::memchr2(b' ', b'\t', sound)?;
        let last = memchr::memrchr2(b' ', b'\t', sound)?;
        let (name, version) = (between(sound, 0, first), after(sound, last + 1));
        if !is_token(name) || !between(version, 0, 4).eq_ignore_ascii_case(b"SIP/") {
            return None;
        }
        let uri = between(sound, first + 1, last);
        let tabs = line.contains(&b'\t');
        if tabs || sound.len() < line.len() || uri.is_empty() || uri.iter().any(|byte| *byte <= b' ') {
            self.blame("Bad white space in the request line");
        }
        let uri_at = from + first + 1 + (uri.len() - trim_start(uri).len());
        Some(Start::Request {
            method: Method::of(name),
            name: span(from, name.len()),
            uri: span(uri_at, trim(uri).len()),
            version: span(from + last + 1, version.len()),
        })
    }

    fn header_lines(&mut self) {
        loop {
            let from = self.at;
            let Some(line) = self.next_line() else {
                return self.blame("The header section has no end");
            };
            if line.is_empty() {
                return;
            }
            while let Some(b' ' | b'\t') = self.raw.get(self.at) {
                if self.next_line().is_none() {
                    return self.blame("The header section has no end");
                }
            }
            if self.at > usize::from(u16::MAX) || self.lines.len() >= self.lines_max {
                self.blame("Too many header lines");
                self.at = self.raw.len();
                return;
            }
            self.header_line(from);
        }
    }

    fn header_line(&mut self, from: usize) {
        let line = between(self.raw, from, self.at);
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        // White space before the colon is legal, unlike anywhere else near a name.
        let text = before_space(between(line, 0, colon));
        let value = after(line, colon + 1);
        let name = Name::of(text);
        if name == Name::Unknown && !is_token(text) {
            return self.blame("Bad header line");
        }
        if self.seen & name.bit() & SINGLES != 0 {
            self.blame("A header that may occur once occurs twice");
        }
        self.seen |= name.bit();
        let value_at = self.at - trim_start(value).len();
        let value = span(value_at, trim(value).len());
        self.lines.push(Line { at: narrow(from), value, name });
    }

    /// Control characters are a fault wherever they are not escaped inside quotes, and so is a
    /// CR or LF that is no line end: another reader might see other lines.
    fn judge_characters(&mut self) {
        let head = between(self.raw, self.from, self.at.min(usize::from(u16::MAX)));
        let controls = head.iter().fold(0, |found, byte| found | u8::from(is_control(*byte)));
        if controls != 0 && !controls_are_escaped(head) {
            self.blame("A control character");
        } else if memchr::memchr_iter(b'\r', head).count() != self.ends {
            self.blame(LINE_END);
        }
    }
}

/// A control character that is no white space.
fn is_control(byte: u8) -> bool {
    (byte < b' ' && !matches!(byte, b'\t' | b'\r' | b'\n')) || byte == 127
}

/// The name, without the white space that may stand before the colon.
fn before_space(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    name
}

/// Whether each odd byte follows a backslash inside a quoted string. A string may be folded, but
/// ends with its header at the latest: a stray quote must not hide what follows it.
fn controls_are_escaped(head: &[u8]) -> bool {
    let mut quoted = false;
    let mut rest = head;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, tail.first()) {
            (b'"', _) => quoted = !quoted,
            (b'\\', Some(_)) if quoted => rest = after(tail, 1),
            (b'\n', next) => quoted = quoted && matches!(next, Some(b' ' | b'\t')),
            _ if is_control(*byte) => return false,
            _ => {}
        }
    }
    true
}

fn status_line(line: &[u8], from: usize) -> Option<Start> {
    let first = memchr::memchr(b' ', line)?;
    let code = between(line, first + 1, first + 4);
    let status = number(code).and_then(|status| u16::try_from(status).ok())?;
    let rest = after(line, first + 4);
    let sound = between(line, 0, first).eq_ignore_ascii_case(b"SIP/2.0")
        && code.len() == 3
        && (100..700).contains(&status)
        && matches!(rest.first(), None | Some(b' '));
    let reason = trim(rest);
    let reason_at = from + first + 4 + (rest.len() - trim_start(rest).len());
    sound.then(|| Start::Response { status, reason: span(reason_at, reason.len()) })
}

fn span(from: usize, len: usize) -> Span {
    Span { from: narrow(from), to: narrow(from + len) }
}

fn narrow(offset: usize) -> u16 {
    u16::try_from(offset).unwrap_or(u16::MAX)
}
