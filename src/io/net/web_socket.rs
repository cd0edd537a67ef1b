//! A WebSocket without the socket: its greeting, and a SIP message a WebSocket message.
//!
//! Implements: RFC 6455; RFC 7118 §4, §5, §6 (keep-alive).

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, Utf8Bytes};

use super::reading::Piece;
use super::stream::End;

/// The state of one connection's WebSocket.
pub(crate) struct WebSocket {
    state: State,
    /// The web pages that may connect; empty: every page.
    origins: Vec<String>,
    /// Bytes of the longest message.
    message_max: usize,
    /// A message has begun and not ended.
    in_fragments: bool,
    said: Vec<u8>,
}

enum State {
    /// The browser has not asked yet.
    Greeting,
    Open(Box<tungstenite::WebSocket<Pipe>>),
}

/// What the WebSocket takes for its socket.
#[derive(Default)]
struct Pipe {
    incoming: BytesMut,
    outgoing: Vec<u8>,
}

/// Why a connection is no WebSocket, as HTTP tells it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Refusal {
    #[error("400 Bad Request")]
    NotWebSocket,
    #[error("400 Bad Request")]
    NotSip,
    #[error("403 Forbidden")]
    Origin,
    #[error("431 Request Header Fields Too Large")]
    TooLong,
}

impl WebSocket {
    pub(crate) fn new(origins: &[String], message_max: usize) -> Self {
        Self {
            state: State::Greeting,
            origins: origins.to_vec(),
            message_max,
            in_fragments: false,
            said: Vec::new(),
        }
    }

    /// The next piece of what has come.
    pub(crate) fn next(&mut self, plain: &mut BytesMut) -> Result<Option<Piece>, End> {
        if matches!(self.state, State::Greeting) && !self.greet(plain)? {
            return Ok(None);
        }
        loop {
            let State::Open(socket) = &mut self.state else { return Ok(None) };
            match socket.read() {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    if let Some(piece) = piece(message.into_data()) {
                        return Ok(Some(piece));
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(_)) => {
                    // Its echo is due; that it cannot be queued is of no more interest.
                    let _ = socket.flush();
                    return Err(End::Closed);
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    let Some((len, goes_on)) = frame(plain, self.message_max) else {
                        if plain.is_empty() {
                            *plain = BytesMut::new();
                        }
                        return Ok(None);
                    };
                    self.in_fragments = goes_on.unwrap_or(self.in_fragments);
                    socket.get_mut().incoming.unsplit(plain.split_to(len));
                }
                Err(error) => return Err(fail(socket, &error)),
            }
        }
    }

    /// Wraps a message; it comes out of [`WebSocket::said`].
    pub(crate) fn wrap(&mut self, message: Bytes) {
        let State::Open(socket) = &mut self.state else { return };
        let text = Utf8Bytes::try_from(message.clone());
        let message = text.map_or_else(|_| Message::Binary(message), Message::Text);
        // The pipe takes everything.
        let _ = socket.send(message);
    }

    /// Asks the far end to show that it is there, as every browser does by itself (RFC 6455 §5.5.2).
    pub(crate) fn ping(&mut self) {
        if let State::Open(socket) = &mut self.state {
            // The pipe takes everything.
            let _ = socket.send(Message::Ping(Bytes::new()));
        }
    }

    /// Tells the far end that no more comes.
    pub(crate) fn close(&mut self) {
        if let State::Open(socket) = &mut self.state {
            let _ = socket.close(Some(CloseFrame { code: CloseCode::Away, reason: Utf8Bytes::default() }));
            let _ = socket.flush();
        }
    }

    /// What is to go out.
    pub(crate) fn said(&mut self) -> Vec<u8> {
        let mut said = std::mem::take(&mut self.said);
        if let State::Open(socket) = &mut self.state {
            // A pong that is due.
            let _ = socket.flush();
            said.append(&mut socket.get_mut().outgoing);
        }
        said
    }

    /// Whether it has been greeted.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether half a message has come, beside what is no whole frame.
    pub(crate) fn has_half(&self) -> bool {
        self.in_fragments
    }
}

impl WebSocket {
    /// Answers the greeting, once it is whole; tells whether the WebSocket is open.
    fn greet(&mut self, plain: &mut BytesMut) -> Result<bool, End> {
        let found = memchr::memmem::find(plain, b"\r\n\r\n");
        let refusal = match found {
            None if plain.len() <= GREETING_MAX => return Ok(false),
            Some(len) if len <= GREETING_MAX => match self.answer(plain) {
                Ok(len) => {
                    plain.advance(len.min(plain.len()));
                    let config = WebSocketConfig::default()
                        .read_buffer_size(READ_BYTES)
                        .write_buffer_size(0)
                        .max_frame_size(Some(self.message_max))
                        .max_message_size(Some(self.message_max));
                    let socket =
                        tungstenite::WebSocket::from_raw_socket(Pipe::default(), Role::Server, Some(config));
                    self.state = State::Open(Box::new(socket));
                    return Ok(true);
                }
                Err(refusal) => refusal,
            },
            None | Some(_) => Refusal::TooLong,
        };
        tracing::debug!(?refusal, "no WebSocket");
        let words = refusal.words();
        self.said = format!(
            "HTTP/1.1 {refusal}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{words}",
            words.len()
        )
        .into();
        Err(End::Broken)
    }

    /// Says yes to a greeting that is a browser's of a page that may connect; gives its length.
    fn answer(&mut self, greeting: &[u8]) -> Result<usize, Refusal> {
        let (len, request) = Request::try_parse(greeting).ok().flatten().ok_or(Refusal::NotWebSocket)?;
        let mut response = create_response(&request).map_err(|_| Refusal::NotWebSocket)?;
        let headers = request.headers();
        let offered = headers.get_all("Sec-WebSocket-Protocol").iter();
        let mut offered = offered.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        if !offered.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"sip")) {
            return Err(Refusal::NotSip);
        }
        // What is no browser has no page, and says none.
        if let Some(origin) = headers.get("Origin")
            && !self.origins.is_empty()
            && !self.origins.iter().any(|own| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
        {
            return Err(Refusal::Origin);
        }
        response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
        write_response(&mut self.said, &response).map_err(|_| Refusal::NotWebSocket)?;
        Ok(len)
    }
}

impl Refusal {
    const fn words(self) -> &'static str {
        match self {
            Self::NotWebSocket => "This is a SIP server: it speaks WebSocket, version 13.\n",
            Self::NotSip => "This is a SIP server: offer the sub-protocol sip (RFC 7118).\n",
            Self::Origin => "Pages of this origin may not connect here.\n",
            Self::TooLong => "That was too long for a greeting.\n",
        }
    }
}

/// What a WebSocket message holds: a SIP message, or a keep-alive.
fn piece(bytes: Bytes) -> Option<Piece> {
    if bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
        return Some(Piece::Message(bytes));
    }
    (&*bytes == b"\r\n\r\n").then_some(Piece::Ping)
}

/// The length of the frame at the front, if it is whole, and for a frame of a message whether that
/// goes on. What is longer than any message is taken for whole, and refused.
fn frame(plain: &[u8], message_max: usize) -> Option<(usize, Option<bool>)> {
    let (first, second) = (*plain.first()?, *plain.get(1)?);
    let (extended, mask) = (usize::from(second & 0x7f), if second & 0x80 == 0 { 0 } else { 4 });
    let (header, len) = match extended {
        126 => (4, plain.get(2..4)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte))),
        127 => (10, plain.get(2..10)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte))),
        len => (2, len),
    };
    let is_message = first & 0x08 == 0;
    let goes_on = is_message.then_some(first & 0x80 == 0);
    if len > message_max {
        return Some((plain.len(), goes_on));
    }
    let whole = header + mask + len;
    (plain.len() >= whole).then_some((whole, goes_on))
}

/// Tells the far end why the WebSocket ends.
fn fail(socket: &mut tungstenite::WebSocket<Pipe>, error: &Error) -> End {
    tracing::debug!(%error, "a WebSocket failed");
    #[allow(clippy::wildcard_enum_match_arm, reason = "the crate's errors are not ours to list")]
    let code = match error {
        Error::ConnectionClosed | Error::AlreadyClosed => return End::Closed,
        Error::Capacity(_) => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        _ => CloseCode::Protocol,
    };
    let _ = socket.close(Some(CloseFrame { code, reason: Utf8Bytes::default() }));
    let _ = socket.flush();
    End::Broken
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = self.incoming.len().min(buffer.len());
        self.incoming.copy_to_slice(buffer.get_mut(..len).unwrap_or_default());
        Ok(len)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes of the longest greeting; browsers send some 500.
const GREETING_MAX: usize = 8_192;
/// Bytes that a WebSocket takes from what has come at once: more than most messages have.
const READ_BYTES: usize = 4_096;
