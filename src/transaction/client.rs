//! The non-INVITE client transaction.
//!
//! ```text
//!   Trying ──1xx──▶ Proceeding ──final──▶ Completed ──K──▶ (gone)
//!     │  E: repeat      │ E: repeat at T2
//!     └── F, transport error ──▶ told, (gone)
//! ```
//!
//! Implements: RFC 3261 §17.1.2; RFC 4320 §4.1.

use std::time::Duration;

use bytes::Bytes;

use crate::base::{Key, Limits, TimerId, Token};
use crate::effect::wake::Letter;
use crate::effect::{Ctx, Flow, Wake};
use crate::sip::{Message, Method};

use super::Owner;
use super::peers::Asking;
use super::timing::{T1, T2, T4};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    Completed,
}

/// What the table is to do after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing to tell.
    Quiet,
    /// Tell the user of this response.
    Tell,
    /// Tell the user of this response; the machine is gone.
    TellAndEnd,
    /// The machine is gone.
    End,
    /// Tell the user that it failed with this status; the machine is gone.
    Fail(u16),
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) owner: Owner,
    pub(super) method: Method,
    pub(super) token: Token,
    pub(super) flow: Flow,
    /// Set when it goes to another cluster, which may ask for a proof.
    pub(super) asking: Option<Asking>,
    request: Bytes,
    state: State,
    interval: Duration,
    repeat: Option<TimerId>,
    end: Option<TimerId>,
}

impl Client {
    pub(super) fn new(owner: Owner, method: Method, token: Token, flow: Flow, request: Bytes) -> Self {
        Self {
            owner,
            method,
            token,
            flow,
            asking: None,
            request,
            state: State::Trying,
            interval: T1,
            repeat: None,
            end: None,
        }
    }

    /// The request has been sent: timers F and, over datagrams, E run. `patience` is F's time.
    pub(super) fn start(&mut self, ctx: &mut Ctx<'_>, key: Key, patience: Duration) {
        self.end = Some(ctx.arm(patience, Wake::Client(key, Letter::F)));
        if !self.flow.is_reliable() {
            self.repeat = Some(ctx.arm(T1, Wake::Client(key, Letter::E)));
        }
    }

    pub(super) fn on_response(&mut self, ctx: &mut Ctx<'_>, key: Key, status: u16) -> Step {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                Step::Tell
            }
            (State::Trying | State::Proceeding, _) => {
                self.state = State::Completed;
                ctx.disarm(&mut self.repeat);
                ctx.disarm(&mut self.end);
                if self.flow.is_reliable() {
                    return Step::TellAndEnd;
                }
                self.end = Some(ctx.linger(T4, Wake::Client(key, Letter::K)));
                Step::Tell
            }
            (State::Completed, _) => Step::Quiet,
        }
    }

    pub(super) fn on_timer(&mut self, ctx: &mut Ctx<'_>, key: Key, letter: Letter) -> Step {
        match (self.state, letter) {
            (State::Trying, Letter::E) => {
                self.interval = (self.interval * 2).min(T2);
                self.repeat(ctx, key)
            }
            (State::Proceeding, Letter::E) => {
                self.interval = T2;
                self.repeat(ctx, key)
            }
            (State::Trying | State::Proceeding, Letter::F) => {
                ctx.disarm(&mut self.repeat);
                Step::Fail(408)
            }
            (State::Completed, _) => Step::End,
            (State::Trying | State::Proceeding, _) => Step::Quiet,
        }
    }

    pub(super) fn on_unsent(&mut self, ctx: &mut Ctx<'_>) -> Step {
        match self.state {
            State::Trying | State::Proceeding => {
                self.stop(ctx);
                Step::Fail(503)
            }
            State::Completed => Step::Quiet,
        }
    }

    /// The request went out on a stream instead: nothing is repeated there.
    pub(super) fn on_moved(&mut self, ctx: &mut Ctx<'_>, flow: Flow) {
        self.flow = flow;
        ctx.disarm(&mut self.repeat);
    }

    /// Whoever had to know has been told: once it is answered, the request is not sent again.
    pub(super) fn let_go(&mut self) {
        if self.state == State::Completed {
            self.request = Bytes::new();
        }
    }

    /// The request as it was sent.
    pub(super) fn request(&self) -> Option<Message> {
        Message::parse(self.request.clone(), &Limits::default()).ok()
    }

    pub(super) fn stop(&mut self, ctx: &mut Ctx<'_>) {
        ctx.disarm(&mut self.repeat);
        ctx.disarm(&mut self.end);
    }

    fn repeat(&mut self, ctx: &mut Ctx<'_>, key: Key) -> Step {
        ctx.send(self.flow, self.request.clone());
        self.repeat = Some(ctx.arm(self.interval, Wake::Client(key, Letter::E)));
        Step::Quiet
    }
}
