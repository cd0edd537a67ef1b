//! One connection: what waits to be written, how long it has been silent, why it ends.
//!
//! The half that reads is owned by the connection's task ([`super::reading`]); the half that writes is
//! shared ([`Stream`]), because whoever handles a message writes its answer at once.
//!
//! Implements: RFC 3261 §18.3, §18.4.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use smallvec::SmallVec;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use crate::base::{At, Cid, Limits};
use crate::effect::Flow;

use super::outgoing::{Asker, Outgoing};
use super::quota::Permit;
use super::wrapping::Wrapping;

/// The half that is shared.
pub(crate) struct Stream {
    pub(crate) flow: Flow,
    write: OwnedWriteHalf,
    /// What its messages are wrapped in, if they do not go as they are.
    wrapping: Option<Box<RefCell<Wrapping>>>,
    /// As they go out.
    queue: RefCell<VecDeque<Outgoing>>,
    queued_bytes: Cell<usize>,
    queue_max: usize,
    /// When the far end last sent anything.
    heard: Cell<At>,
    /// When it was last asked whether it is there.
    pinged: Cell<At>,
    /// When what is half received began to arrive.
    half_since: Cell<Option<At>>,
    /// When the far end stopped taking what we write.
    stuck_since: Cell<Option<At>>,
    /// It was given something that strangers are not: a success, or a request.
    is_accepted: Cell<bool>,
    /// We have made it, and make it again when there is something to say.
    goes_when_idle: Cell<bool>,
    /// For how long the far end may be silent, if it has promised to speak.
    speaks_within: Cell<Option<Duration>>,
    /// The domains of which the far end has proved to be.
    domains: RefCell<Option<Arc<[Cid]>>>,
    end: Cell<Option<End>>,
    nudge: Notify,
    _permit: Permit,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum End {
    #[error("closed by the far end")]
    Closed,
    #[error("lost")]
    Lost,
    #[error("what it sends cannot be cut into messages")]
    Broken,
    #[error("its handshake failed")]
    Handshake,
    #[error("half a message, and no more")]
    Unfinished,
    #[error("silent too long")]
    Silent,
    #[error("it does not read what it is sent")]
    Stuck,
}

impl Stream {
    /// Takes over a connection; the other half goes to the task that reads it.
    pub(crate) fn new(
        socket: TcpStream,
        flow: Flow,
        wrapping: Option<Wrapping>,
        now: At,
        limits: &Limits,
        permit: Permit,
    ) -> (Self, OwnedReadHalf) {
        let (read, write) = socket.into_split();
        let stream = Self {
            flow,
            write,
            half_since: Cell::new(wrapping.is_some().then_some(now)),
            wrapping: wrapping.map(RefCell::new).map(Box::new),
            queue: RefCell::default(),
            queued_bytes: Cell::new(0),
            queue_max: usize::try_from(limits.stream_queue_bytes).unwrap_or(usize::MAX),
            heard: Cell::new(now),
            pinged: Cell::new(now),
            stuck_since: Cell::new(None),
            is_accepted: Cell::new(false),
            goes_when_idle: Cell::new(false),
            speaks_within: Cell::new(None),
            domains: RefCell::default(),
            end: Cell::new(None),
            nudge: Notify::new(),
            _permit: permit,
        };
        (stream, read)
    }

    /// Queues a message for [`Stream::flush`]; tells whether it is the first of the queue.
    pub(crate) fn push(&self, mut message: Outgoing) -> bool {
        if !is_refusal(&message.bytes) {
            self.is_accepted.set(true);
        }
        if let Some(mut wrapping) = self.wrapping() {
            message.bytes = wrapping.wrap(message.bytes);
        }
        self.enqueue(message)
    }

    /// Queues what the wrapping has to say for itself.
    pub(super) fn speak(&self, wrapping: &mut Wrapping) {
        let bytes = wrapping.said();
        if !bytes.is_empty() {
            self.enqueue(Outgoing { bytes, asker: None });
        }
    }

    fn enqueue(&self, message: Outgoing) -> bool {
        let mut queue = self.queue.borrow_mut();
        let is_first = queue.is_empty();
        self.queued_bytes.set(self.queued_bytes.get() + message.bytes.len());
        if self.is_stuck() && self.queued_bytes.get() > self.queue_max {
            self.end(End::Stuck);
        }
        queue.push_back(message);
        is_first
    }

    /// Writes what is queued, as far as the far end takes it. The stream ends if that fails.
    pub(crate) fn flush(&self, now: At) {
        let mut queue = self.queue.borrow_mut();
        while !queue.is_empty() {
            let slices: SmallVec<[IoSlice<'_>; 16]> =
                queue.iter().take(16).map(|message| IoSlice::new(&message.bytes)).collect();
            match self.write.try_write_vectored(&slices) {
                Ok(written) => {
                    drop(slices);
                    self.queued_bytes.set(self.queued_bytes.get().saturating_sub(written));
                    self.stuck_since.set(None);
                    forget(&mut queue, written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stuck_since.set(self.stuck_since.get().or(Some(now)));
                    // The connection's task has to wait for it from now on.
                    self.nudge.notify_one();
                    return;
                }
                Err(_) => return self.end(End::Lost),
            }
        }
    }

    /// What its messages are wrapped in, if they do not go as they are.
    pub(crate) fn wrapping(&self) -> Option<RefMut<'_, Wrapping>> {
        self.wrapping.as_deref().map(RefCell::borrow_mut)
    }

    /// The domains of which the far end has proved to be, told once; none are not worth telling.
    pub(crate) fn proved(&self) -> Option<Arc<[Cid]>> {
        let domains: Arc<[Cid]> = self.wrapping()?.proved().filter(|domains| !domains.is_empty())?.into();
        *self.domains.borrow_mut() = Some(Arc::clone(&domains));
        Some(domains)
    }

    /// Whether the far end has proved to be of this cluster.
    pub(crate) fn is_of(&self, cluster: &Cid) -> bool {
        self.domains.borrow().as_ref().is_some_and(|domains| domains.contains(cluster))
    }

    /// Why its TLS has failed, told once.
    pub(crate) fn failure(&self) -> Option<rustls::Error> {
        self.wrapping()?.failure()
    }

    /// Says what the wrapping has to say first.
    pub(crate) fn begin(&self, now: At) {
        if let Some(mut wrapping) = self.wrapping() {
            self.speak(&mut wrapping);
        }
        self.flush(now);
    }

    /// Tells the far end that no more comes, as far as it still listens.
    pub(crate) fn close(&self, now: At) {
        let Some(bytes) = self.wrapping().map(|mut wrapping| wrapping.close()) else { return };
        self.enqueue(Outgoing { bytes, asker: None });
        self.flush(now);
    }

    /// Ends what we send, so that the far end reads it all and knows; tells whether that went.
    pub(crate) fn says_no_more(&self) -> bool {
        SockRef::from(self.write.as_ref()).shutdown(Shutdown::Write).is_ok()
    }

    /// Whether something waits that the far end did not take.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck_since.get().is_some()
    }

    /// Waits until the far end takes more.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.write.writable().await
    }

    /// Waits until another task has changed something here.
    pub(crate) async fn nudged(&self) {
        self.nudge.notified().await;
    }

    /// Has it end when it has lain idle for a while.
    pub(crate) fn goes_when_idle(&self) {
        self.goes_when_idle.set(true);
    }

    /// Has it end when the far end has been silent for so long.
    pub(crate) fn speaks_within(&self, silence_max: Duration) {
        self.speaks_within.set(Some(silence_max));
    }

    /// Whether it was given something that strangers are not, or a certificate vouches for it.
    pub(crate) fn is_accepted(&self) -> bool {
        self.is_accepted.get()
    }

    /// A phone for which a certificate vouches is no stranger, whatever it was given so far.
    pub(super) fn believe(&self, wrapping: &Wrapping) {
        if !self.is_accepted.get() && wrapping.is_vouched_for() {
            self.is_accepted.set(true);
        }
    }

    /// Notes that the far end has sent something.
    pub(crate) fn heard(&self, now: At) {
        self.heard.set(now);
    }

    /// Notes whether half a message has come.
    pub(super) fn has_half(&self, now: At, has_half: bool) {
        self.half_since.set(has_half.then(|| self.half_since.get().unwrap_or(now)));
    }

    /// Ends the connection, if nothing else has.
    pub(crate) fn end(&self, why: End) {
        self.end.set(self.end.get().or(Some(why)));
        self.nudge.notify_one();
    }

    /// Why it has ended, if it has.
    pub(crate) fn ended(&self) -> Option<End> {
        self.end.get()
    }

    /// Ends the connection if it keeps us waiting.
    pub(crate) fn check(&self, now: At, limits: &Limits) {
        let silence_max = match (self.goes_when_idle.get(), self.is_accepted.get()) {
            (true, _) => limits.peer_idle_s,
            (false, true) => limits.binding_max_s,
            (false, false) => limits.stranger_s,
        };
        let seconds = |max_s: u32| Duration::from_secs(max_s.into());
        let silence_max =
            self.speaks_within.get().or(self.pings(now, limits)).unwrap_or(seconds(silence_max));
        let is_over = |since: Option<At>, max: Duration| since.is_some_and(|since| now.since(since) > max);
        let is_greeting = self.wrapping().is_some_and(|wrapping| !wrapping.is_ready());
        let half_max = if is_greeting { limits.handshake_s } else { limits.stall_s };
        if is_over(self.half_since.get(), seconds(half_max)) {
            self.end(End::Unfinished);
        } else if is_over(self.stuck_since.get(), seconds(limits.stall_s)) {
            self.end(End::Stuck);
        } else if is_over(Some(self.heard.get()), silence_max) {
            self.end(End::Silent);
        }
    }

    /// Pings a browser that has been silent for half of `flow_timer_s`: no page can have it do so, and what
    /// lies between forgets who is silent. For how long it may be silent then; `None` if it is none.
    fn pings(&self, now: At, limits: &Limits) -> Option<Duration> {
        let mut wrapping = self.wrapping().filter(|_| self.is_accepted())?;
        if !wrapping.answers_pings() {
            return None;
        }
        let every = Duration::from_secs(limits.flow_timer_s.into()) / 2;
        if now.since(self.heard.get()) >= every && now.since(self.pinged.get()) >= every {
            self.pinged.set(now);
            wrapping.ping();
            self.speak(&mut wrapping);
            drop(wrapping);
            self.flush(now);
        }
        Some(every * 5 / 2)
    }

    /// Those whose messages it still holds, now that nobody will ever read them.
    pub(crate) fn unsent(&self) -> Vec<Asker> {
        self.queue.take().into_iter().filter_map(|message| message.asker).collect()
    }
}

/// Takes away so many bytes that were written.
fn forget(queue: &mut VecDeque<Outgoing>, mut written: usize) {
    while let Some(first) = queue.front_mut() {
        if written < first.bytes.len() {
            return first.bytes.advance(written);
        }
        written -= first.bytes.len();
        queue.pop_front();
    }
}

/// Whether this is a response other than a success: all that a stranger ever gets from us.
fn is_refusal(message: &[u8]) -> bool {
    message.strip_prefix(b"SIP/2.0 ").is_some_and(|status| !status.starts_with(b"2")) || message == PONG
}

/// The answer to a ping (RFC 5626 §3.5.1).
pub(crate) const PONG: &[u8] = b"\r\n";
