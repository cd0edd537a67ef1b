//! Cutting a stream into messages.
//!
//! Looks only at line ends and Content-Length; what it cuts out goes to [`super::Message::parse`].
//! A [`Framer`] remembers how far it has looked, so that bytes arriving one by one are each
//! looked at once. What could be cut in two ways is [`Frame::Broken`]: the stream has to be
//! closed, because nobody knows where the next message begins.
//!
//! Implements: RFC 3261 §7.5, §18.3, §20.14; RFC 5626 §3.5.1, §4.4.1 (keep-alive).

use super::chars::{TOKEN, after, between, number, take, trim, trim_start};
use super::fault::Fault;
use super::name::Name;

/// What stands at the front of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// Not yet a whole message.
    Need,
    /// A keep-alive of so many bytes; a ping wants a CRLF back.
    KeepAlive {
        /// Bytes to take away.
        len: usize,
        /// Whether it is a ping.
        is_ping: bool,
    },
    /// A whole message of so many bytes.
    Message {
        /// Bytes to take away.
        len: usize,
    },
    /// No message, and none will ever follow.
    Broken(Fault),
}

/// Cuts one stream.
#[derive(Clone, Debug)]
pub struct Framer {
    limit: usize,
    /// Bytes that have been looked at: always the beginning of a line.
    scanned: usize,
    content_length: Option<usize>,
    /// The length of the message, once its header section has been seen whole.
    total: Option<usize>,
    /// The last thing taken was one CRLF: another makes it a ping that came in two pieces.
    half_ping: bool,
}

/// Looks at the front of a buffer once; a stream has a [`Framer`].
pub fn frame(buffer: &[u8], limit: usize) -> Frame {
    Framer::new(limit).next(buffer)
}

impl Framer {
    /// For a stream whose messages have at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, scanned: 0, content_length: None, total: None, half_ping: false }
    }

    /// What stands at the front of `buffer`, which is what it was at the last call, with more
    /// at its end, unless that call gave a length: then those bytes are gone.
    pub fn next(&mut self, buffer: &[u8]) -> Frame {
        let frame = self.look(buffer);
        if matches!(frame, Frame::KeepAlive { .. } | Frame::Message { .. }) {
            let half_ping = frame == Frame::KeepAlive { len: 2, is_ping: false };
            *self = Self { half_ping, ..Self::new(self.limit) };
        }
        frame
    }

    fn look(&mut self, buffer: &[u8]) -> Frame {
        if self.scanned == 0
            && let Some(frame) = self.line_ends(buffer)
        {
            return frame;
        }
        if self.total.is_none()
            && let Err(fault) = self.scan(buffer)
        {
            return Frame::Broken(fault);
        }
        match self.total {
            Some(len) if len <= buffer.len() => Frame::Message { len },
            None if buffer.len() > self.limit => Frame::Broken(TOO_LARGE),
            Some(_) | None => Frame::Need,
        }
    }

    /// What line ends before a message mean.
    fn line_ends(&self, buffer: &[u8]) -> Option<Frame> {
        match buffer {
            [b'\r', b'\n', b'\r', b'\n', ..] => Some(Frame::KeepAlive { len: 4, is_ping: true }),
            [b'\r', b'\n', ..] => Some(Frame::KeepAlive { len: 2, is_ping: self.half_ping }),
            [] | [b'\r'] => Some(Frame::Need),
            [b'\r' | b'\n', ..] => Some(Frame::Broken(LINE_END)),
            _ => None,
        }
    }

    /// Looks at the lines that have come whole since the last time.
    fn scan(&mut self, buffer: &[u8]) -> Result<(), Fault> {
        while let Some(len) = memchr::memchr(b'\n', after(buffer, self.scanned)) {
            let line = between(buffer, self.scanned, self.scanned + len);
            let line = line.strip_suffix(b"\r").ok_or(LINE_END)?;
            if line.is_empty() {
                let body = self.content_length.ok_or(Fault::bad("Missing Content-Length"))?;
                let total = (self.scanned + 2).checked_add(body).filter(|total| *total <= self.limit);
                self.total = Some(total.ok_or(TOO_LARGE)?);
                return Ok(());
            }
            if self.scanned == 0 {
                first_line(line)?;
            } else {
                self.header_line(line, buffer)?;
            }
            self.scanned += len + 1;
        }
        Ok(())
    }

    fn header_line(&mut self, line: &[u8], buffer: &[u8]) -> Result<(), Fault> {
        let (name, rest) = take(line, TOKEN);
        if Name::of(name) != Name::ContentLength {
            return Ok(());
        }
        let value = trim_start(rest).strip_prefix(b":").map(trim);
        // The next line may continue this one; its first byte tells, and comes with the rest.
        let next = buffer.get(self.scanned + line.len() + 2);
        let folded = matches!(next, Some(b' ' | b'\t'));
        let len = value.and_then(number).and_then(|len| usize::try_from(len).ok());
        match (len, self.content_length, folded) {
            (Some(len), None, false) => {
                self.content_length = Some(len);
                Ok(())
            }
            _ => Err(Fault::bad("Bad Content-Length")),
        }
    }
}

/// Sends away what speaks another protocol before it has sent much.
fn first_line(line: &[u8]) -> Result<(), Fault> {
    memchr::memmem::find(line, b"SIP/").map(|_| ()).ok_or(Fault::bad("The first line is not SIP"))
}

const TOO_LARGE: Fault = Fault { status: 513, reason: "Message Too Large" };
const LINE_END: Fault = Fault::bad("A line end that is not CRLF");
