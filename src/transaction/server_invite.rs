//! The INVITE server transaction.
//!
//! ```text
//!   Proceeding ──300…699──▶ Completed ──ACK──▶ Confirmed ──I──▶ (gone)
//!       │                     │ G: repeat; H: (gone)
//!       └──2xx──▶ Accepted ──L──▶ (gone)
//! ```
//!
//! The 2xx is repeated by the leg, and its ACK is the leg's: it comes through whatever its branch
//! says. A repeat of the INVITE in Accepted is absorbed.
//!
//! Implements: RFC 3261 §17.2.1; RFC 6026 §7.1, §8.7.

use std::time::Duration;

use bytes::Bytes;

use crate::base::{Key, Limits, TimerId};
use crate::effect::wake::Letter;
use crate::effect::{Ctx, Flow, Wake};
use crate::sip::Message;

use super::matching::has_cookie;
use super::timing::{T1, T2, T4, TIMEOUT};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
}

#[derive(Debug)]
pub(super) struct ServerInvite {
    pub(super) flow: Flow,
    /// The last response: provisional, or the final one.
    last: Option<Bytes>,
    state: State,
    interval: Duration,
    repeat: Option<TimerId>,
    end: Option<TimerId>,
}

impl ServerInvite {
    pub(super) fn new(flow: Flow) -> Self {
        Self { flow, last: None, state: State::Proceeding, interval: T1, repeat: None, end: None }
    }

    /// Where it came from.
    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    /// The same INVITE again.
    pub(super) fn on_repeat(&self, ctx: &mut Ctx<'_>) {
        match self.state {
            State::Proceeding | State::Completed => {
                if let Some(last) = &self.last {
                    ctx.send(self.flow, last.clone());
                }
            }
            State::Confirmed | State::Accepted => {}
        }
    }

    /// Sends a response.
    pub(super) fn respond(&mut self, ctx: &mut Ctx<'_>, key: Key, status: u16, response: Bytes) {
        match (self.state, status) {
            (State::Proceeding, 100..=199) => {
                ctx.send(self.flow, response.clone());
                self.last = Some(response);
            }
            (State::Proceeding, 200..=299) => {
                ctx.send(self.flow, response);
                self.last = None;
                self.state = State::Accepted;
                self.end = Some(ctx.linger(TIMEOUT, Wake::Server(key, Letter::L)));
            }
            (State::Proceeding, _) => {
                ctx.send(self.flow, response.clone());
                self.last = Some(response);
                self.state = State::Completed;
                self.end = Some(ctx.arm(TIMEOUT, Wake::Server(key, Letter::H)));
                if !self.flow.is_reliable() {
                    self.repeat = Some(ctx.arm(T1, Wake::Server(key, Letter::G)));
                }
            }
            (State::Accepted, 200..=299) => ctx.send(self.flow, response),
            (State::Completed | State::Confirmed | State::Accepted, _) => {
                debug_assert!(false, "an INVITE has one final response");
            }
        }
    }

    /// Whether a final response has left.
    pub(super) fn is_final(&self) -> bool {
        self.state != State::Proceeding
    }

    /// Whether an ACK that looks like this transaction's is. That of a 2xx is not (RFC 6026 §7.1);
    /// without the branch cookie its To tag tells whose it is (RFC 3261 §17.2.3).
    pub(super) fn owns(&self, ack: &Message) -> bool {
        match self.state {
            State::Accepted => false,
            State::Completed if !has_cookie(ack) => {
                let last = self.last.clone().and_then(|last| Message::parse(last, &Limits::default()).ok());
                last.is_some_and(|last| last.to_tag() == ack.to_tag())
            }
            State::Proceeding | State::Completed | State::Confirmed => true,
        }
    }

    /// The ACK of our non-2xx response; true if the machine is gone with it.
    pub(super) fn on_ack(&mut self, ctx: &mut Ctx<'_>, key: Key) -> bool {
        match self.state {
            State::Completed => {
                self.state = State::Confirmed;
                self.last = None;
                ctx.disarm(&mut self.repeat);
                ctx.disarm(&mut self.end);
                if self.flow.is_reliable() {
                    return true;
                }
                self.end = Some(ctx.linger(T4, Wake::Server(key, Letter::I)));
                false
            }
            State::Proceeding | State::Confirmed | State::Accepted => false,
        }
    }

    /// True if the machine is gone.
    pub(super) fn on_timer(&mut self, ctx: &mut Ctx<'_>, key: Key, letter: Letter) -> bool {
        match (self.state, letter) {
            (State::Completed, Letter::G) => {
                if let Some(last) = &self.last {
                    ctx.send(self.flow, last.clone());
                }
                self.interval = (self.interval * 2).min(T2);
                self.repeat = Some(ctx.arm(self.interval, Wake::Server(key, Letter::G)));
                false
            }
            (State::Completed, Letter::H) => {
                ctx.disarm(&mut self.repeat);
                true
            }
            (State::Confirmed | State::Accepted, _) => true,
            (State::Proceeding | State::Completed, _) => false,
        }
    }
}
