//! What the bytes of a connection are wrapped in: TLS, a WebSocket, or one in the other.
//!
//! A connection is a reader, a writer and what cuts its bytes into messages, whatever carries it. All
//! that is wrapped goes through here; a plain connection has no wrapping and pays nothing for it.

use bytes::{Bytes, BytesMut};

use crate::base::Cid;

use super::cipher::Cipher;
use super::reading::Piece;
use super::stream::End;
use super::web_socket::WebSocket;

/// The wrapping of one connection, from the outside to the inside.
pub(crate) struct Wrapping {
    cipher: Option<Cipher>,
    web: Option<WebSocket>,
    /// Why TLS has failed.
    failure: Option<rustls::Error>,
}

impl Wrapping {
    pub(crate) fn new(cipher: Option<Cipher>, web: Option<WebSocket>) -> Self {
        Self { cipher, web, failure: None }
    }

    /// Takes what has come; what needs no opening goes to `plain` at once.
    pub(super) fn keep(&mut self, bytes: &[u8], plain: &mut BytesMut) {
        match &mut self.cipher {
            Some(cipher) => cipher.keep(bytes),
            None => plain.extend_from_slice(bytes),
        }
    }

    /// Opens what has come, as far as it is whole.
    pub(super) fn open(&mut self, plain: &mut BytesMut) -> Result<(), End> {
        let Some(cipher) = &mut self.cipher else { return Ok(()) };
        let was_ready = cipher.is_ready();
        cipher.open(plain).map_err(|error| {
            tracing::debug!(%error, was_ready, "TLS failed");
            self.failure = Some(error);
            if was_ready { End::Broken } else { End::Handshake }
        })
    }

    /// The domains of which the far end has proved to be, told once.
    pub(super) fn proved(&mut self) -> Option<Vec<Cid>> {
        self.cipher.as_mut()?.proved()
    }

    /// Whether the far end is a phone that has shown a certificate of an authority of ours.
    pub(super) fn is_vouched_for(&self) -> bool {
        self.cipher.as_ref().is_some_and(Cipher::is_vouched_for)
    }

    /// Why TLS has failed, told once.
    pub(super) fn failure(&mut self) -> Option<rustls::Error> {
        self.failure.take()
    }

    /// Wraps a message.
    pub(super) fn wrap(&mut self, message: Bytes) -> Bytes {
        let framed = match &mut self.web {
            Some(web) => {
                web.wrap(message);
                web.said().into()
            }
            None => message,
        };
        self.seal(framed)
    }

    /// Asks the far end to show that it is there, where the wrapping has a way to.
    pub(super) fn ping(&mut self) {
        if let Some(web) = &mut self.web {
            web.ping();
        }
    }

    /// Whether the far end answers [`Wrapping::ping`].
    pub(super) fn answers_pings(&self) -> bool {
        self.web.is_some() && self.is_ready()
    }

    /// What the wrapping itself has to say.
    pub(super) fn said(&mut self) -> Bytes {
        let said = self.web.as_mut().map_or_else(Vec::new, WebSocket::said);
        self.seal(said.into())
    }

    fn seal(&mut self, bytes: Bytes) -> Bytes {
        let Some(cipher) = &mut self.cipher else { return bytes };
        // A TLS that has failed takes nothing more, and its connection is at its end.
        if cipher.seal(&bytes).is_err() {
            return Bytes::new();
        }
        cipher.said().into()
    }

    /// Tells the far end that no more comes.
    pub(super) fn close(&mut self) -> Bytes {
        if let Some(web) = &mut self.web {
            web.close();
        }
        let mut last = self.said().to_vec();
        if let Some(cipher) = &mut self.cipher {
            cipher.close();
            last.append(&mut cipher.said());
        }
        last.into()
    }

    /// Whether messages can pass.
    pub(super) fn is_ready(&self) -> bool {
        self.cipher.as_ref().is_none_or(Cipher::is_ready) && self.web.as_ref().is_none_or(WebSocket::is_ready)
    }

    /// Whether something has begun to come and is not whole.
    pub(super) fn has_half(&self) -> bool {
        !self.is_ready()
            || self.cipher.as_ref().is_some_and(Cipher::has_half)
            || self.web.as_ref().is_some_and(WebSocket::has_half)
    }

    /// Whether the far end has said that no more comes.
    pub(super) fn is_over(&self) -> bool {
        self.cipher.as_ref().is_some_and(Cipher::is_over)
    }

    /// The next piece, if something else than its Content-Length cuts it out.
    pub(super) fn piece(&mut self, plain: &mut BytesMut) -> Option<Result<Option<Piece>, End>> {
        self.web.as_mut().map(|web| web.next(plain))
    }
}
