//! The INVITE client transaction.
//!
//! ```text
//!   Calling ──1xx──▶ Proceeding ──300…699──▶ Completed ──D──▶ (gone)
//!     │  A: repeat       │                      every repeat is acknowledged
//!     │                  └──2xx──▶ Accepted ──M──▶ (gone)
//!     └── B, transport error ──▶ told, (gone)      a new 2xx is told, a repeat acknowledged
//! ```
//!
//! The ACK of a 2xx is written by the leg, for it may carry an answer; it is kept here, so that
//! repeats are acknowledged when the leg is long gone. That of any other final response is ours.
//!
//! Implements: RFC 3261 §17.1.1; RFC 6026 §7.2, §8.4.

use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::{Key, Limits, TimerId, Token};
use crate::effect::wake::Letter;
use crate::effect::{Ctx, Flow, Wake};
use crate::sip::{Message, Name, Writer};

use super::Owner;
use super::client::Step;
use super::peers::Asking;
use super::timing::{T1, TIMEOUT, TIMER_D};

/// Phones that may answer one INVITE: behind one binding nobody has more, and each costs memory.
const FORKS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

/// The ACK of a 2xx.
#[derive(Debug)]
struct Kept {
    tag: Bytes,
    flow: Flow,
    ack: Bytes,
}

#[derive(Debug)]
pub(super) struct ClientInvite {
    pub(super) owner: Owner,
    pub(super) token: Token,
    pub(super) flow: Flow,
    /// Set when it goes to another cluster, which may ask for a proof.
    pub(super) asking: Option<Asking>,
    /// Whether it made the offer, so that no ACK of its has to carry an answer.
    pub(super) offered: bool,
    /// The CANCEL of this INVITE, which has the same branch (RFC 3261 §9.1).
    pub(super) cancel: Option<Key>,
    /// As it was sent; a long one, as it is sent by a datagram until it is known to have moved.
    request: Bytes,
    /// A long one as it is sent by a stream: its Via differs, and so those of its ACK and CANCEL.
    pub(super) long: Option<Bytes>,
    ack: Option<Bytes>,
    /// The ACKs of 2xx, by the To tag of who answered: a proxy that forks lets several through.
    acks: SmallVec<[Kept; 1]>,
    state: State,
    interval: Duration,
    repeat: Option<TimerId>,
    end: Option<TimerId>,
}

impl ClientInvite {
    pub(super) fn new(owner: Owner, token: Token, flow: Flow, request: Bytes, offered: bool) -> Self {
        Self {
            owner,
            token,
            flow,
            asking: None,
            offered,
            cancel: None,
            request,
            long: None,
            ack: None,
            acks: SmallVec::new(),
            state: State::Calling,
            interval: T1,
            repeat: None,
            end: None,
        }
    }

    /// The request has been sent: timers B and, over datagrams, A run.
    pub(super) fn start(&mut self, ctx: &mut Ctx<'_>, key: Key) {
        self.end = Some(ctx.arm(TIMEOUT, Wake::Client(key, Letter::B)));
        if !self.flow.is_reliable() {
            self.repeat = Some(ctx.arm(T1, Wake::Client(key, Letter::A)));
        }
    }

    /// Whether nothing at all has come back.
    pub(super) fn is_calling(&self) -> bool {
        self.state == State::Calling
    }

    pub(super) fn on_response(
        &mut self,
        ctx: &mut Ctx<'_>,
        key: Key,
        flow: Flow,
        response: &Message,
    ) -> Step {
        match (self.state, response.status()) {
            (State::Calling | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                // From here on only the leg's own patience ends it (timer C, or a CANCEL).
                self.stop(ctx);
                Step::Tell
            }
            (State::Calling | State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                self.stop(ctx);
                self.end = Some(ctx.linger(TIMEOUT, Wake::Client(key, Letter::M)));
                Step::Tell
            }
            (State::Calling | State::Proceeding, _) => {
                self.state = State::Completed;
                self.stop(ctx);
                self.acknowledge(ctx, response);
                if self.flow.is_reliable() {
                    return Step::TellAndEnd;
                }
                self.end = Some(ctx.linger(TIMER_D, Wake::Client(key, Letter::D)));
                Step::Tell
            }
            (State::Completed, 300..) => {
                self.acknowledge(ctx, response);
                Step::Quiet
            }
            (State::Accepted, 200..=299) => self.again(ctx, flow, response),
            (State::Completed | State::Accepted, _) => Step::Quiet,
        }
    }

    /// A further 2xx: one that we have acknowledged is acknowledged again, and where its sender has come
    /// back by another stream, by that.
    fn again(&self, ctx: &mut Ctx<'_>, flow: Flow, response: &Message) -> Step {
        match self.acks.iter().find(|kept| kept.tag == response.to_tag()) {
            Some(kept) => {
                let both = kept.flow.stream.is_some() && flow.stream.is_some();
                let back = both && kept.flow.remote.ip() == flow.remote.ip();
                ctx.send(if back { flow } else { kept.flow }, kept.ack.clone());
                Step::Quiet
            }
            None if self.acks.len() >= FORKS => Step::Quiet,
            None => Step::Tell,
        }
    }

    /// Keeps the ACK of a 2xx for its repeats.
    pub(super) fn keep(&mut self, tag: &[u8], flow: Flow, ack: Bytes) {
        self.acks.push(Kept { tag: Bytes::copy_from_slice(tag), flow, ack });
    }

    pub(super) fn on_timer(&mut self, ctx: &mut Ctx<'_>, key: Key, letter: Letter) -> Step {
        match (self.state, letter) {
            (State::Calling, Letter::A) => {
                ctx.send(self.flow, self.request.clone());
                self.interval *= 2;
                self.repeat = Some(ctx.arm(self.interval, Wake::Client(key, Letter::A)));
                Step::Quiet
            }
            (State::Calling, Letter::B) => {
                self.stop(ctx);
                Step::Fail(408)
            }
            (State::Completed | State::Accepted, _) => Step::End,
            (State::Calling | State::Proceeding, _) => Step::Quiet,
        }
    }

    pub(super) fn on_unsent(&mut self, ctx: &mut Ctx<'_>) -> Step {
        match self.state {
            State::Calling | State::Proceeding => {
                self.stop(ctx);
                Step::Fail(503)
            }
            State::Completed | State::Accepted => Step::Quiet,
        }
    }

    /// The request went out on a stream instead: nothing is repeated there.
    pub(super) fn on_moved(&mut self, ctx: &mut Ctx<'_>, flow: Flow) {
        self.flow = flow;
        if let Some(long) = self.long.take() {
            self.request = long;
        }
        ctx.disarm(&mut self.repeat);
    }

    /// Gives up an INVITE that nobody answers at all, or whose CANCEL nobody answers.
    pub(super) fn stop(&mut self, ctx: &mut Ctx<'_>) {
        ctx.disarm(&mut self.repeat);
        ctx.disarm(&mut self.end);
    }

    /// Whether a provisional response has come, so that a CANCEL may be sent (RFC 3261 §9.1).
    pub(super) fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    /// The INVITE as it was sent, by datagram or stream.
    pub(super) fn request(&self) -> Option<Message> {
        Message::parse(self.request.clone(), &Limits::default()).ok()
    }

    fn acknowledge(&mut self, ctx: &mut Ctx<'_>, response: &Message) {
        if self.ack.is_none() {
            self.ack = self.request().map(|invite| ack(&invite, response));
        }
        if let Some(ack) = &self.ack {
            ctx.send(self.flow, ack.clone());
        }
    }
}

/// The ACK of a final response other than 2xx (RFC 3261 §17.1.1.3).
fn ack(invite: &Message, response: &Message) -> Bytes {
    let mut writer = companion(invite, b"ACK");
    writer.copy(response, Name::To);
    writer.raw(b"CSeq", format!("{} ACK", invite.cseq()).as_bytes());
    writer.finish(b"")
}

/// The CANCEL of an INVITE (RFC 3261 §9.1), with the Reason of RFC 3326 if there is one.
pub(super) fn cancel(invite: &Message, reason: Option<&[u8]>) -> Bytes {
    let mut writer = companion(invite, b"CANCEL");
    writer.copy(invite, Name::To);
    writer.raw(b"CSeq", format!("{} CANCEL", invite.cseq()).as_bytes());
    if let Some(reason) = reason {
        writer.header(Name::Reason, reason);
    }
    writer.finish(b"")
}

/// What ACK and CANCEL have of their INVITE: its Request-URI, Via, Route, From and Call-ID.
fn companion(invite: &Message, method: &[u8]) -> Writer {
    let mut writer = Writer::request(method, invite.request_uri());
    writer.copy(invite, Name::Via);
    writer.copy(invite, Name::Route);
    writer.header(Name::MaxForwards, b"70");
    writer.copy(invite, Name::From);
    writer.copy(invite, Name::CallId);
    writer
}
