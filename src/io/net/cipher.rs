//! TLS on one connection, without the socket: what came in goes in, what is to go out comes out.
//!
//! Implements: RFC 3261 §26.2.1 (TLS); RFC 8446; RFC 5246.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::base::Cid;

use super::sip_domain::Judge;

/// The state of one connection's TLS.
pub(crate) struct Cipher {
    connection: Connection,
    /// What has come and is no whole record yet.
    sealed: BytesMut,
    /// Who judges the far end's certificate, until that is done.
    judge: Option<Arc<Judge>>,
    /// Whether a certificate of the far end, which is good when it is shown, makes a phone one of ours.
    takes_phones: bool,
    /// The far end has said that it sends no more.
    is_over: bool,
}

impl Cipher {
    /// For a connection that came to us; `judge`: from a cluster perhaps.
    pub(crate) fn accepting(
        config: Arc<ServerConfig>,
        judge: Option<Arc<Judge>>,
    ) -> Result<Self, rustls::Error> {
        let mut connection = ServerConnection::new(config)?;
        // What waits for a far end that does not read is counted by its stream.
        connection.set_buffer_limit(None);
        let takes_phones = judge.is_none();
        Ok(Self {
            connection: connection.into(),
            sealed: BytesMut::new(),
            judge,
            takes_phones,
            is_over: false,
        })
    }

    /// For a connection that we have made, to whoever has to have a certificate for this name.
    pub(crate) fn connecting(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        judge: Option<Arc<Judge>>,
    ) -> Result<Self, rustls::Error> {
        let mut connection = ClientConnection::new(config, name)?;
        connection.set_buffer_limit(None);
        let sealed = BytesMut::new();
        Ok(Self { connection: connection.into(), sealed, judge, takes_phones: false, is_over: false })
    }

    /// Keeps what has come for [`Cipher::open`].
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.sealed.extend_from_slice(bytes);
    }

    /// Opens the whole records that have come.
    pub(crate) fn open(&mut self, plain: &mut BytesMut) -> Result<(), rustls::Error> {
        while let Some(len) = record(&self.sealed) {
            let mut whole = self.sealed.split_to(len).reader();
            while whole.get_ref().has_remaining() {
                self.connection
                    .read_tls(&mut whole)
                    .map_err(|error| rustls::Error::General(error.to_string()))?;
                let state = self.connection.process_new_packets()?;
                self.is_over |= state.peer_has_closed();
                let len = state.plaintext_bytes_to_read();
                let before = plain.len();
                plain.resize(before + len, 0);
                let room = plain.get_mut(before..).unwrap_or_default();
                self.connection
                    .reader()
                    .read_exact(room)
                    .map_err(|error| rustls::Error::General(error.to_string()))?;
            }
        }
        if self.sealed.is_empty() {
            self.sealed = BytesMut::new();
        }
        Ok(())
    }

    /// Seals a message; it comes out of [`Cipher::said`].
    pub(crate) fn seal(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.writer().write_all(bytes)
    }

    /// Tells the far end that no more comes.
    pub(crate) fn close(&mut self) {
        self.connection.send_close_notify();
    }

    /// What is to go out: sealed messages, and what TLS says for itself.
    pub(crate) fn said(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        while self.connection.wants_write() && self.connection.write_tls(&mut said).is_ok_and(|len| len > 0) {
        }
        said
    }

    /// The domains of which the far end has proved to be, told once when both have agreed on a key.
    pub(crate) fn proved(&mut self) -> Option<Vec<Cid>> {
        let judge = self.judge.take_if(|_| !self.connection.is_handshaking())?;
        Some(judge.domains(self.connection.peer_certificates().unwrap_or_default()))
    }

    /// Whether the far end is a phone that has shown a certificate of an authority of ours.
    pub(crate) fn is_vouched_for(&self) -> bool {
        self.takes_phones && self.is_ready() && self.connection.peer_certificates().is_some()
    }

    /// Whether both have agreed on a key.
    pub(crate) fn is_ready(&self) -> bool {
        !self.connection.is_handshaking()
    }

    /// Whether half a record has come.
    pub(crate) fn has_half(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// Whether the far end sends no more.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// The length of the record at the front, if it is whole; what is longer than any record is taken for
/// one, and refused.
fn record(sealed: &[u8]) -> Option<usize> {
    let [_, _, _, high, low, ..] = sealed else { return None };
    let len = HEADER + usize::from(u16::from_be_bytes([*high, *low]));
    if len > RECORD_MAX { Some(sealed.len()) } else { (sealed.len() >= len).then_some(len) }
}

/// Bytes before the body of a record.
const HEADER: usize = 5;
/// Bytes of the longest record (RFC 5246 §6.2.3, RFC 8446 §5.2).
const RECORD_MAX: usize = HEADER + 16_384 + 2_048;
