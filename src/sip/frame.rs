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
    /// Where the first line begins that has not been read.
    line: usize,
    /// Where the first byte lies that has not been looked at.
    looked: usize,
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
        Self { limit, line: 0, looked: 0, content_length: None, total: None, half_ping: false }
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
        if self.line == 0
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

    /// Looks at what has come since the last time and reads the lines that are now whole.
    fn scan(&mut self, buffer: &[u8]) -> Result<(), Fault> {
        while let Some(len) = memchr::memchr(b'\n', after(buffer, self.looked)) {
            let end = self.looked + len;
            let line = between(buffer, self.line, end).strip_suffix(b"\r").ok_or(LINE_END)?;
            if line.is_empty() {
                let body = self.content_length.ok_or(Fault::bad("Missing Content-Length"))?;
                let total = (end + 1).checked_add(body).filter(|total| *total <= self.limit);
                self.total = Some(total.ok_or(TOO_LARGE)?);
                return Ok(());
            }
            if self.line == 0 {
                first_line(line)?;
            }
            // Whether the line goes on is told by the byte after it, which always comes: a blank
            // line ends the section.
            let Some(next) = buffer.get(end + 1) else {
                self.looked = end;
                return Ok(());
            };
            self.header_line(line, matches!(next, b' ' | b'\t'))?;
            (self.line, self.looked) = (end + 1, end + 1);
        }
        self.looked = buffer.len();
        Ok(())
    }

    fn header_line(&mut self, line: &[u8], folded: bool) -> Result<(), Fault> {
        let (name, rest) = take(line, TOKEN);
        if Name::of(name) != Name::ContentLength {
            return Ok(());
        }
        let value = trim_start(rest).strip_prefix(b":").map(trim);
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

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nl : 3\r\nX: y\r\n\r\nabc";

    /// Feeds the bytes in pieces of so many and gives what came out, lengths of messages only.
    fn cut(bytes: &[u8], piece: usize) -> (Vec<Frame>, usize) {
        let (mut framer, mut buffer, mut out) = (Framer::new(1000), Vec::new(), Vec::new());
        for chunk in bytes.chunks(piece) {
            buffer.extend_from_slice(chunk);
            loop {
                let frame = framer.next(&buffer);
                let len = match frame {
                    Frame::Need => break,
                    Frame::KeepAlive { len, .. } | Frame::Message { len } => len,
                    Frame::Broken(_) => return ([out, vec![frame]].concat(), buffer.len()),
                };
                buffer.drain(..len);
                out.push(frame);
            }
        }
        (out, buffer.len())
    }

    #[test]
    fn several_messages_in_any_pieces() {
        let message = Frame::Message { len: ONE.len() };
        let stream = [ONE, ONE, b"\r\n\r\n", ONE, b"\r\n", ONE, b"OPT"].concat();
        let (ping, lone) =
            (Frame::KeepAlive { len: 4, is_ping: true }, Frame::KeepAlive { len: 2, is_ping: false });
        assert_eq!(cut(&stream, 9999), (vec![message, message, ping, message, lone, message], 3));
        for piece in 1..stream.len() {
            let (frames, left) = cut(&stream, piece);
            assert_eq!(frames.iter().filter(|frame| **frame == message).count(), 4);
            assert_eq!(left, 3);
            let pings = frames.iter().filter(|frame| matches!(frame, Frame::KeepAlive { is_ping: true, .. }));
            assert_eq!(pings.count(), 1, "{piece}");
        }
    }

    #[test]
    fn what_breaks_a_stream() {
        let status = |headers: &str| {
            let text = format!("OPTIONS sip:a@b SIP/2.0\r\n{headers}\r\n\r\n");
            if let Frame::Broken(fault) = frame(text.as_bytes(), 1000) { fault.status } else { 0 }
        };
        assert_eq!(status("Content-Length: 0"), 0);
        assert_eq!(status("X: y"), 400);
        for bad in ["-1", "+1", "1 2", "", "0x1", "99999999999999999999", "0\r\nl: 0", "0\r\n 5", "0, 0"] {
            assert_eq!(status(&format!("Content-Length: {bad}")), 400, "{bad}");
        }
        assert_eq!(status("Content-Length: 2000"), 513);
        assert_eq!(status(&format!("X: {}", "y".repeat(2000))), 400);
        assert_eq!(frame(&[b'x'; 1001], 1000), Frame::Broken(TOO_LARGE));
        for other in [
            "GET / HTTP/1.1\r\n",
            "\n",
            "\rX",
            "OPTIONS sip:a@b SIP/2.0\nl: 0\n\n",
            "OPTIONS sip:a@b SIP/2.0\r\nl: 0\n",
        ] {
            assert!(matches!(frame(other.as_bytes(), 1000), Frame::Broken(_)), "{other:?}");
        }
    }
}
