//! Writing messages: one growing buffer, no allocation for a header.
//!
//! Whatever is written, it cannot begin a line of its own: a CR or LF inside a value becomes a
//! space (so a folded value that is copied is unfolded), and a name or start line is kept to the
//! characters it may have. Answers to requests are begun in `answer`.
//!
//! Implements: RFC 3261 §7, §7.3.1, §20.14.

use std::fmt::{self, Write as _};

use bytes::Bytes;

use super::chars::{TOKEN, is};
use super::message::Message;
use super::name::Name;
use super::status::reason_phrase;
use super::uri::as_request_uri;

/// A message being written.
#[derive(Clone, Debug)]
pub struct Writer {
    pub(super) out: Vec<u8>,
}

impl Writer {
    /// Begins a request. What a URI may say elsewhere and not here is left out.
    pub fn request(method: &[u8], uri: &[u8]) -> Self {
        let mut writer = Self { out: Vec::with_capacity(1024) };
        writer.out.extend(method.iter().filter(|byte| is(**byte, TOKEN)));
        writer.out.push(b' ');
        writer.out.extend(as_request_uri(uri).iter().filter(|byte| **byte > b' ' && **byte != 127));
        writer.out.extend_from_slice(b" SIP/2.0\r\n");
        writer
    }

    /// Begins a response with the usual phrase.
    pub fn response(status: u16) -> Self {
        Self::response_with(status, reason_phrase(status))
    }

    /// Begins a response with a phrase of one's own.
    pub fn response_with(status: u16, reason: &str) -> Self {
        let mut writer = Self { out: Vec::with_capacity(1024) };
        writer.out.extend_from_slice(b"SIP/2.0 ");
        writer.digits(u64::from(status));
        writer.out.push(b' ');
        writer.clean(reason.as_bytes());
        writer.end_line();
        writer
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing is written; a writer always begins with a line.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Writes a header.
    pub fn header(&mut self, name: Name, value: &[u8]) -> &mut Self {
        self.begin(name);
        self.clean(value);
        self.end_line()
    }

    /// Writes a header that is a number.
    pub fn number(&mut self, name: Name, value: u64) -> &mut Self {
        self.begin(name);
        self.digits(value);
        self.end_line()
    }

    /// Writes a header from `format_args!`.
    pub fn text(&mut self, name: Name, args: fmt::Arguments<'_>) -> &mut Self {
        self.begin(name);
        self.display(args);
        self.end_line()
    }

    /// Writes a header by a name of one's own.
    pub fn raw(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        self.out.extend(name.iter().filter(|byte| is(**byte, TOKEN)));
        self.out.extend_from_slice(b": ");
        self.clean(value);
        self.end_line()
    }

    /// Copies all lines of a header.
    pub fn copy(&mut self, from: &Message, name: Name) -> &mut Self {
        for value in from.lines(name) {
            self.header(name, value);
        }
        self
    }

    /// Ends the message: Content-Length, the blank line, the body.
    pub fn finish(mut self, body: &[u8]) -> Bytes {
        self.number(Name::ContentLength, u64::try_from(body.len()).unwrap_or(0));
        self.end_line();
        self.out.extend_from_slice(body);
        Bytes::from(self.out)
    }

    pub(super) fn begin(&mut self, name: Name) {
        debug_assert_ne!(name, Name::Unknown, "a header of another name is written with `raw`");
        self.out.extend_from_slice(name.as_str().as_bytes());
        self.out.extend_from_slice(b": ");
    }

    pub(super) fn end_line(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Appends a value, line ends in it replaced by spaces.
    pub(super) fn clean(&mut self, value: &[u8]) {
        let mut from = self.out.len();
        self.out.extend_from_slice(value);
        while let Some(tail) = self.out.get_mut(from..)
            && let Some(at) = memchr::memchr2(b'\r', b'\n', tail)
        {
            if let Some(byte) = tail.get_mut(at) {
                *byte = b' ';
            }
            from += at + 1;
        }
    }

    /// Appends what displays itself, likewise cleaned.
    pub(super) fn display(&mut self, args: fmt::Arguments<'_>) {
        // Writing into memory does not fail; a Display that does has said what it could.
        let _ = Clean(self).write_fmt(args);
    }

    pub(super) fn digits(&mut self, mut value: u64) {
        let from = self.out.len();
        loop {
            self.out.push(b'0' + u8::try_from(value % 10).unwrap_or(0));
            value /= 10;
            if value == 0 {
                break;
            }
        }
        if let Some(digits) = self.out.get_mut(from..) {
            digits.reverse();
        }
    }
}

/// Lets `format_args!` write a clean value.
struct Clean<'a>(&'a mut Writer);

impl fmt::Write for Clean<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.clean(text.as_bytes());
        Ok(())
    }
}
