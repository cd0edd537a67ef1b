//! The tasks that read sockets.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::base::Now;
use crate::base::address::canonical_socket;
use crate::config::Face;
use crate::effect::fact::Dropped;
use crate::effect::{Fact, Flow};
use crate::io::descriptors::{Complaint, WAY_OUT};
use crate::io::net::batch::{BATCH, Receiver};
use crate::io::net::cipher::Cipher;
use crate::io::net::outgoing::Outgoing;
use crate::io::net::quota::Full;
use crate::io::net::reading::{ARENA_BYTES, Piece, Reading};
use crate::io::net::stream::{End, PONG, Stream};
use crate::io::net::turns::SHARE;
use crate::io::net::udp::Port;
use crate::io::net::web_socket::WebSocket;
use crate::io::net::wrapping::Wrapping;
use crate::server::Input;
use crate::sip::{Message, Method, Unreadable, Writer};
use crate::transport::stun_answer;

use super::inbox::{Inbox, Word};
use super::thread::Thread;

impl Thread {
    /// Handles the datagrams of one socket, a batch at a time.
    pub(super) async fn receive_datagrams(self: Rc<Self>, listener: u8, port: Rc<Port>) {
        let mut receiver = Receiver::new();
        let mut arena = BytesMut::with_capacity(ARENA_BYTES);
        loop {
            let ready = port.readable().await;
            let now = self.now();
            let batch = ready.and_then(|()| {
                port.receive(&mut receiver, |source, bytes| {
                    let flow = Flow { listener, remote: source, stream: None };
                    if is_sip(source, bytes) {
                        arena.extend_from_slice(bytes);
                        self.on_bytes(now, flow, arena.split().freeze(), None);
                    } else if source.port() != 0
                        && let Some(answer) = stun_answer(bytes, source)
                    {
                        self.send(flow, Bytes::copy_from_slice(&answer), None);
                    }
                })
            });
            self.settle(now);
            match batch {
                Ok(false) => {}
                Ok(true) => yield_now().await,
                Err(error) => {
                    tracing::warn!(listener, %error, "receiving datagrams failed");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Sends what the system did not take at once.
    pub(super) async fn send_backlog(self: Rc<Self>, port: Rc<Port>) {
        loop {
            if port.unblocked().await.is_err() {
                tokio::time::sleep(AFTER_ERROR).await;
            }
            self.settle(self.now());
        }
    }

    fn on_bytes(&self, now: Now, flow: Flow, bytes: Bytes, stream: Option<&Stream>) {
        match Message::parse(bytes, &self.settings().limits) {
            Ok(message) => {
                self.tally.received(&message);
                if let Some(stream) = stream {
                    self.note_alias(stream, &message);
                }
                self.deliver(now, flow, message);
            }
            Err(Unreadable::KeepAlive) => {}
            Err(error) => {
                tracing::debug!(?flow, %error, "dropped");
                self.observe(&Fact::Dropped(Dropped::Unreadable));
            }
        }
    }

    /// Lets connections in.
    pub(super) async fn accept(self: Rc<Self>, listener: u8, socket: TcpListener) {
        let mut complaint = Complaint::default();
        loop {
            match socket.accept().await {
                Ok((stream, remote)) => {
                    complaint.settle();
                    if let Some(wrapping) = self.wrapping(listener) {
                        self.adopt(listener, stream, canonical_socket(remote), wrapping);
                    }
                }
                Err(error) => {
                    complaint.tell("a listener", &error);
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Takes in a connection that we have made. One to another cluster may not lie idle.
    pub(super) fn adopt_dialled(self: &Rc<Self>, end: Flow, socket: TcpStream) -> Option<Flow> {
        let Flow { listener, remote, .. } = end;
        let wrapping = self.wrapping_to(end)?;
        let flow = self.adopt(listener, socket, remote, wrapping)?;
        if self.settings().face(listener) == Some(Face::Federation)
            && let Some(stream) = flow.stream.and_then(|id| self.streams.borrow().get(id).cloned())
        {
            stream.goes_when_idle();
        }
        Some(flow)
    }

    /// Takes a connection in, if there is a place for it, and starts reading it.
    pub(super) fn adopt(
        self: &Rc<Self>,
        listener: u8,
        socket: TcpStream,
        remote: SocketAddr,
        wrapping: Option<Wrapping>,
    ) -> Option<Flow> {
        let permit = match self.quota.admit(remote.ip()) {
            Ok(permit) => permit,
            Err(full) => {
                self.turn_away(full);
                return None;
            }
        };
        // Without these it works too, only worse.
        let _ = socket.set_nodelay(true);
        let keepalive = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_AFTER / 4);
        let _ = SockRef::from(&socket).set_tcp_keepalive(&keepalive);
        let mut read = None;
        let stream = self.streams.borrow_mut().add(|id| {
            let flow = Flow { listener, remote, stream: Some(id) };
            let (stream, half) =
                Stream::new(socket, flow, wrapping, self.now().at, &self.settings().limits, permit);
            read = Some(half);
            stream
        })?;
        let flow = stream.flow;
        stream.begin(self.now().at);
        let reading = Reading::new(read?, &self.settings().limits);
        self.spawn(Rc::clone(self).serve(stream, reading));
        Some(flow)
    }

    fn turn_away(&self, full: Full) {
        self.tally.limit(full.limit());
        match full {
            Full::All | Full::Source => {
                tracing::info!("a connection was refused: its source, or all together, hold too many");
            }
            Full::System { is_news: true } => tracing::warn!(
                "connections are refused: this process may not have more files and connections open; those in use go on; {WAY_OUT}"
            ),
            Full::System { is_news: false } => {
                tracing::debug!("a connection was refused for want of descriptors");
            }
        }
        self.observe(&Fact::Dropped(Dropped::Overload));
    }

    /// What the messages of a connection that we have made are wrapped in: TLS to another cluster, which has
    /// to prove that it is the one.
    #[allow(clippy::option_option, reason = "without wrapping and not at all are two things")]
    fn wrapping_to(&self, end: Flow) -> Option<Option<Wrapping>> {
        let settings = self.settings();
        if !settings.transport(end).is_secure() {
            return Some(None);
        }
        let peer = settings.peers.iter().find(|peer| end.is_of_cluster(&peer.cid))?;
        let name = ServerName::try_from(peer.cid.as_str().to_owned()).ok()?;
        let config = self.certificates.of_client(end.listener, &peer.trust)?;
        let cipher = Cipher::connecting(config, name, self.certificates.judge(end.listener)).ok()?;
        Some(Some(Wrapping::new(Some(cipher), None)))
    }

    /// What the messages of a connection that came to a listener are wrapped in, if they are; `None`
    /// if that cannot be begun.
    #[allow(clippy::option_option, reason = "without wrapping and not at all are two things")]
    fn wrapping(&self, listener: u8) -> Option<Option<Wrapping>> {
        let settings = self.settings();
        let own = settings.listeners.get(usize::from(listener))?;
        let web = own.transport.is_web().then(|| {
            let message_max = usize::try_from(settings.limits.message_bytes).unwrap_or(usize::MAX);
            WebSocket::new(&own.origins, message_max)
        });
        let cipher = if own.transport.is_secure() {
            let judge = self.certificates.judge(listener);
            Some(Cipher::accepting(self.certificates.of(listener)?, judge).ok()?)
        } else {
            None
        };
        let is_plain = web.is_none() && cipher.is_none();
        Some((!is_plain).then(|| Wrapping::new(cipher, web)))
    }

    /// Reads one connection to its end.
    async fn serve(self: Rc<Self>, stream: Rc<Stream>, mut reading: Reading) {
        while stream.ended().is_none() {
            tokio::select! {
                filled = reading.fill(&stream, &self.shared) => match filled {
                    Ok(true) => self.on_filled(&stream, &mut reading).await,
                    Ok(false) => stream.end(End::Closed),
                    Err(_) => stream.end(End::Lost),
                },
                // An error shows at the next write.
                _ = stream.writable(), if stream.is_stuck() => stream.flush(self.now().at),
                () = stream.nudged() => {}
            }
        }
        if matches!(stream.ended(), Some(End::Closed | End::Unfinished)) {
            self.refuse(&stream, 400, reading.left());
        }
        self.bury(&stream);
        // What it was told last would be lost if it were still sending when we close.
        if stream.ended() == Some(End::Broken) && stream.says_no_more() {
            let _ = timeout(LINGER, reading.discard()).await;
        }
    }

    /// Handles what was read, a few messages in each turn: nothing more is read before that is done.
    async fn on_filled(self: &Rc<Self>, stream: &Stream, reading: &mut Reading) {
        stream.heard(self.now().at);
        while stream.ended().is_none() {
            let messages_max = if stream.is_accepted() {
                BATCH
            } else {
                self.wait_as_stranger().await;
                SHARE
            };
            if !self.handle_some(stream, reading, messages_max) {
                return;
            }
            if stream.is_accepted() {
                yield_now().await;
            }
        }
    }

    /// Strangers wait for their share, and until nobody has too much to do.
    async fn wait_as_stranger(&self) {
        self.turns.take().await;
        while self.inboxes.iter().any(Inbox::is_busy) {
            self.turns.take().await;
        }
    }

    /// Handles up to `messages_max` messages of what was read; tells whether there may be more.
    fn handle_some(self: &Rc<Self>, stream: &Stream, reading: &mut Reading, messages_max: usize) -> bool {
        let now = self.now();
        for _ in 0..messages_max {
            let piece = reading.next(now.at, stream);
            self.note_proof(now, stream);
            match piece {
                Some(Piece::Message(bytes)) => self.on_bytes(now, stream.flow, bytes, Some(stream)),
                Some(Piece::Ping) => self.send(stream.flow, Bytes::from_static(PONG), None),
                Some(Piece::Broken(fault, bytes)) => {
                    tracing::debug!(flow = ?stream.flow, %fault, "a stream cannot be read on");
                    self.settle(now);
                    self.refuse(stream, fault.status, bytes);
                    stream.end(End::Broken);
                    return false;
                }
                Some(Piece::End(end)) => {
                    self.note_failure(now, stream);
                    self.settle(now);
                    stream.flush(now.at);
                    stream.end(end);
                    return false;
                }
                None => {
                    self.settle(now);
                    stream.flush(now.at);
                    return false;
                }
            }
        }
        self.settle(now);
        true
    }

    /// Answers the message that a stream broke at, or ended in, if it is a request that can be answered.
    fn refuse(&self, stream: &Stream, status: u16, bytes: Bytes) {
        if let Ok(message) = Message::parse(bytes, &self.settings().limits)
            && message.is_request()
            && message.method() != Method::Ack
        {
            let answer = Writer::answer(&message, status, b"", Some(stream.flow.remote));
            stream.push(Outgoing { bytes: answer.finish(b""), asker: None });
            stream.flush(self.now().at);
        }
    }

    /// Takes a connection that has ended out of the books, and tells every user server.
    fn bury(self: &Rc<Self>, stream: &Stream) {
        let Some(id) = stream.flow.stream else { return };
        let now = self.now();
        stream.close(now.at);
        if let Some(end) = stream.ended() {
            tracing::debug!(flow = ?stream.flow, "connection {end}");
        }
        self.streams.borrow_mut().remove(id);
        self.dials.borrow_mut().forget(stream.flow);
        self.unsent.borrow_mut().extend(stream.unsent());
        for inbox in self.others() {
            inbox.put(Word::Closed(id));
        }
        self.tell(now, Input::Closed(id));
        self.settle(now);
    }
}

/// Whether a datagram can be a SIP message, and answered: keep-alives (RFC 5626 §3.5, four zeros),
/// STUN and noise are none.
fn is_sip(source: SocketAddr, bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !matches!(byte, b'\r' | b'\n'));
    source.port() != 0 && first.is_some_and(u8::is_ascii_graphic)
}

/// Pause after an error of the system that will not be gone at once.
const AFTER_ERROR: Duration = Duration::from_millis(100);
/// How long a far end that has heard why it is cut off may take to stop sending.
const LINGER: Duration = Duration::from_secs(1);
/// Silence after which the kernel sees whether the far end is still there.
const PROBE_AFTER: Duration = Duration::from_secs(60);
