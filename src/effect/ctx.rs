//! The out-tray of the core: "down by call, up by return value, out by `ctx`".
//!
//! `Ctx` is passed down through every floor. Code reads as if it acted (`ctx.send(…)`,
//! `ctx.arm(…)`) and stays pure.

use std::time::Duration;

use bytes::Bytes;

use crate::base::{At, Now, Rng, TimerId, Timers};
use crate::config::Settings;

use super::dns::Question;
use super::fact::Fact;
use super::net::{Flow, StreamId};
use super::push::Push;
use super::store::StoreOp;
use super::wake::Wake;
use super::{Effect, Ticket};

/// What a machine may see and do while it handles one event.
#[derive(Debug)]
pub struct Ctx<'a> {
    /// The two clocks.
    pub now: Now,
    /// The configuration.
    pub settings: &'a Settings,
    /// Randomness.
    pub rng: &'a mut Rng,
    timers: &'a mut Timers<Wake>,
    effects: &'a mut Vec<Effect>,
    tickets: &'a mut u64,
}

impl Ticket {
    /// That of an effect of which nobody wants to know what came of it: there is no answer to it.
    pub const NOBODYS: Self = Self(u64::MAX);
}

impl<'a> Ctx<'a> {
    /// Joins the parts that a user server owns.
    pub fn new(
        now: Now,
        settings: &'a Settings,
        rng: &'a mut Rng,
        timers: &'a mut Timers<Wake>,
        effects: &'a mut Vec<Effect>,
        tickets: &'a mut u64,
    ) -> Self {
        Self { now, settings, rng, timers, effects, tickets }
    }

    /// The monotonic clock.
    pub fn at(&self) -> At {
        self.now.at
    }

    /// Puts a message on a flow and forgets it.
    pub fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.effects.push(Effect::Send { flow, bytes, ticket: None });
    }

    /// Puts a message on a flow; a failure comes back under `ticket`.
    pub fn send_watched(&mut self, flow: Flow, bytes: Bytes, ticket: Ticket) {
        self.effects.push(Effect::Send { flow, bytes, ticket: Some(ticket) });
    }

    /// Sends a long request by a stream if one can be had, else as a datagram.
    pub fn send_long(&mut self, flow: Flow, stream: Bytes, datagram: Bytes, ticket: Ticket) {
        self.effects.push(Effect::SendLong { flow, stream, datagram, ticket });
    }

    /// Has a stream closed if its far end is silent for so long.
    pub fn hear_from(&mut self, stream: StreamId, within: Duration) {
        self.effects.push(Effect::HearFrom { stream, within });
    }

    /// Asks the store.
    pub fn store(&mut self, op: StoreOp) -> Ticket {
        let ticket = self.ticket();
        self.effects.push(Effect::Store { ticket, op });
        ticket
    }

    /// Has the store keep a record, and does not wait for it.
    pub fn keep(&mut self, record: StoreOp) {
        self.effects.push(Effect::Store { ticket: Ticket::NOBODYS, op: record });
    }

    /// Asks the DNS.
    pub fn resolve(&mut self, question: Question) -> Ticket {
        let ticket = self.ticket();
        self.effects.push(Effect::Resolve { ticket, question });
        ticket
    }

    /// Has a sleeping phone woken.
    pub fn push(&mut self, push: Push) -> Ticket {
        let ticket = self.ticket();
        self.effects.push(Effect::Push { ticket, push: Box::new(push) });
        ticket
    }

    /// Tells whoever watches.
    pub fn fact(&mut self, fact: Fact) {
        self.effects.push(Effect::Fact(fact));
    }

    /// A ticket that was never used.
    pub fn ticket(&mut self) -> Ticket {
        *self.tickets += 1;
        Ticket(*self.tickets)
    }

    /// Arms a timer.
    pub fn arm(&mut self, after: Duration, what: Wake) -> TimerId {
        self.timers.arm(self.now.at + after, what)
    }

    /// Arms a timer that may be late by up to [`SLACK`]: those that only absorb what comes again, of which
    /// every transaction leaves one behind. Then many are due at once, and the thread is woken for all of them.
    pub fn linger(&mut self, after: Duration, what: Wake) -> TimerId {
        self.timers.arm((self.now.at + after).round_up(SLACK), what)
    }

    /// The next timer of those that are due.
    pub fn pop_due(&mut self) -> Option<Wake> {
        self.timers.pop_due()
    }

    /// Disarms a timer, if it is armed, and forgets its name.
    pub fn disarm(&mut self, timer: &mut Option<TimerId>) {
        if let Some(id) = timer.take() {
            self.timers.disarm(id);
        }
    }
}

/// How much later than asked for a timer may come that nobody waits for.
const SLACK: Duration = Duration::from_millis(125);
