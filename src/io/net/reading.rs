//! The half of a connection that reads: bytes in, whole messages out.
//!
//! Implements: RFC 3261 §18.3; RFC 5626 §3.5.1 (keep-alive).

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use crate::base::{At, Limits};
use crate::sip::{Fault, Frame, Framer};

use super::stream::{End, Stream};
use super::wrapping::Wrapping;

/// What came of reading.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A whole message.
    Message(Bytes),
    /// A ping, to be answered with [`PONG`].
    Ping,
    /// No message can follow. What there is of the last one, so that it can be answered.
    Broken(Fault, Bytes),
    /// What the messages are wrapped in has ended.
    End(End),
}

/// The half that reads.
pub(crate) struct Reading {
    read: OwnedReadHalf,
    framer: Framer,
    /// What has come and is no whole message yet. Empty, and without memory, while the line is idle.
    rest: BytesMut,
}

impl Reading {
    pub(crate) fn new(read: OwnedReadHalf, limits: &Limits) -> Self {
        let limit = usize::try_from(limits.message_bytes).unwrap_or(usize::MAX);
        Self { read, framer: Framer::new(limit), rest: BytesMut::new() }
    }

    /// Waits for bytes; [`Reading::next`] cuts them. `false` when the far end has closed.
    pub(crate) async fn fill(&mut self, stream: &Stream, shared: &Shared) -> io::Result<bool> {
        poll_fn(|context| {
            let mut scratch = shared.scratch.borrow_mut();
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.read).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) => {
                    let bytes = buffer.filled();
                    match stream.wrapping() {
                        Some(mut wrapping) => wrapping.keep(bytes, &mut self.rest),
                        None => self.keep(bytes, &mut shared.arena.borrow_mut()),
                    }
                    Poll::Ready(Ok(!bytes.is_empty()))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// What there is of a message whose rest will not come.
    pub(crate) fn left(&mut self) -> Bytes {
        self.rest.split().freeze()
    }

    /// Reads on until the far end closes, and keeps nothing.
    pub(crate) async fn discard(self) -> io::Result<()> {
        loop {
            self.read.readable().await?;
            match self.read.try_read(&mut [0; 4096]) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn keep(&mut self, bytes: &[u8], arena: &mut BytesMut) {
        if self.rest.is_empty() {
            arena.extend_from_slice(bytes);
            self.rest = arena.split();
        } else {
            self.rest.extend_from_slice(bytes);
        }
    }

    /// The next whole piece of what has come.
    pub(crate) fn next(&mut self, now: At, stream: &Stream) -> Option<Piece> {
        let Some(mut wrapping) = stream.wrapping() else {
            let piece = self.cut();
            stream.has_half(now, piece.is_none() && !self.rest.is_empty());
            return piece;
        };
        let piece = self.unwrap(&mut wrapping);
        stream.believe(&wrapping);
        let is_half = piece.is_none() && (!self.rest.is_empty() || wrapping.has_half());
        stream.has_half(now, is_half || !wrapping.is_ready());
        let is_over = piece.is_none() && wrapping.is_over();
        stream.speak(&mut wrapping);
        if is_over { Some(Piece::End(End::Closed)) } else { piece }
    }

    fn unwrap(&mut self, wrapping: &mut Wrapping) -> Option<Piece> {
        if let Err(end) = wrapping.open(&mut self.rest) {
            return Some(Piece::End(end));
        }
        match wrapping.piece(&mut self.rest) {
            Some(piece) => piece.unwrap_or_else(|end| Some(Piece::End(end))),
            None => self.cut(),
        }
    }

    /// Cuts by Content-Length.
    fn cut(&mut self) -> Option<Piece> {
        loop {
            match self.framer.next(&self.rest) {
                Frame::Need => {
                    if self.rest.is_empty() {
                        self.rest = BytesMut::new();
                    }
                    return None;
                }
                Frame::KeepAlive { len, is_ping } => {
                    self.rest.advance(len.min(self.rest.len()));
                    if is_ping {
                        return Some(Piece::Ping);
                    }
                }
                Frame::Message { len } => {
                    return Some(Piece::Message(self.rest.split_to(len.min(self.rest.len())).freeze()));
                }
                Frame::Broken(fault) => return Some(Piece::Broken(fault, self.rest.split().freeze())),
            }
        }
    }
}

/// What the connections of one thread read into, one after the other.
pub(crate) struct Shared {
    scratch: RefCell<Vec<u8>>,
    arena: RefCell<BytesMut>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            scratch: RefCell::new(vec![0; READ_BYTES]),
            arena: RefCell::new(BytesMut::with_capacity(ARENA_BYTES)),
        }
    }
}

/// Bytes taken from a connection at once.
const READ_BYTES: usize = 65_536;
/// Received bytes are carved from pieces of this size. A message that is kept keeps the whole
/// piece, so it is no larger than a dozen usual messages.
pub(crate) const ARENA_BYTES: usize = 16_384;
