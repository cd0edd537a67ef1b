//! Provisional responses that a phone has to confirm: what a `Uas` owes and is owed until its PRACK.
//!
//! One at a time is on the wire; the next one waits for the PRACK of the one before, and so does a 2xx
//! if that one described a session. One crosses as reliable if it came so from the other side, or if
//! the phone takes no other; a session described in one that is not is described again in the 2xx.
//!
//! ```text
//!   (sent) ──PRACK──▶ settled            what waits goes out; an offer or answer in it is told
//!     │  T1, 2·T1, …: again
//!     └──64·T1──▶ 504, (gone)            the call is told
//! ```
//!
//! Implements: RFC 3262 §3, §5.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::base::{Key, TimerId};
use crate::effect::{LegTimer, Wake};
use crate::sip::{Message, Method, Name};
use crate::transaction::{Asked, T1, TIMEOUT};

use super::legs::{Turn, Wire};
use super::uas::Uas;
use super::words::{LegWord, Passage, Refusal};

/// Provisional responses that may wait for a PRACK.
const WAITING: usize = 16;

/// A provisional response that the call wants sent.
#[derive(Debug, Clone)]
pub(super) struct Provisional {
    pub(super) status: u16,
    pub(super) early: u8,
    pub(super) reliable: bool,
    pub(super) passage: Passage,
}

/// What the phone says of the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Nothing,
    Supports,
    Requires,
}

#[derive(Debug)]
pub(super) struct Reliable {
    want: Want,
    /// The number of the latest; 0 before the first.
    rseq: u32,
    open: Option<Open>,
    waiting: VecDeque<Provisional>,
    /// The 2xx that waits.
    answer: Option<(u8, Passage)>,
    /// Early dialogs, by bit, in which a session was described reliably, and which of those descriptions
    /// were confirmed.
    described: u64,
    settled: u64,
}

/// One that has no PRACK yet.
#[derive(Debug)]
struct Open {
    early: u8,
    describes: bool,
    response: Bytes,
    interval: Duration,
    repeat: Option<TimerId>,
    give_up: Option<TimerId>,
}

impl Reliable {
    pub(super) fn of(invite: &Message) -> Self {
        let want = if invite.has_token(Name::Require, "100rel") {
            Want::Requires
        } else if confirms_provisional(invite) {
            Want::Supports
        } else {
            Want::Nothing
        };
        Self { want, rseq: 0, open: None, waiting: VecDeque::new(), answer: None, described: 0, settled: 0 }
    }

    /// Whether the session of an early dialog was described reliably.
    pub(super) fn has_described(&self, early: u8) -> bool {
        self.described & bit(early) != 0
    }

    /// Whether offer and answer of an early dialog are both known to have arrived.
    pub(super) fn is_settled(&self, early: u8) -> bool {
        self.settled & bit(early) != 0
    }

    /// The number of the one whose PRACK is still to come, if one is.
    pub(super) fn unconfirmed(&self) -> Option<u32> {
        self.open.as_ref().map(|_| self.rseq)
    }

    /// Nothing is repeated any more.
    pub(super) fn stop(&mut self, wire: &mut Wire<'_, '_>) {
        if let Some(mut open) = self.open.take() {
            wire.ctx.disarm(&mut open.repeat);
            wire.ctx.disarm(&mut open.give_up);
        }
        self.waiting.clear();
        self.answer = None;
    }

    /// Puts the 2xx off until the session that was described is confirmed; true if it has to wait.
    pub(super) fn holds(&mut self, early: u8, passage: &Passage) -> bool {
        let waits = self.open.as_ref().is_some_and(|open| open.describes)
            || self.waiting.iter().any(|next| next.passage.has_body());
        if waits {
            self.answer = Some((early, passage.clone()));
        }
        waits
    }
}

impl Uas {
    /// Sends a provisional response, or has it wait for its turn.
    pub(super) fn progress(&mut self, wire: &mut Wire<'_, '_>, key: Key, next: Provisional) {
        let reliable = match self.reliable.want {
            Want::Requires => true,
            Want::Supports => next.reliable,
            Want::Nothing => false,
        };
        if !reliable {
            let next = self.described_once(next);
            self.remember(&next);
            let response = self.provisional(wire, &next, None);
            wire.transactions.respond(wire.ctx, self.asked.key, next.status, response);
        } else if self.reliable.open.is_none() {
            self.send_reliably(wire, key, next);
        } else if self.reliable.waiting.len() < WAITING {
            self.reliable.waiting.push_back(next);
        }
    }

    /// A second description in one dialog would be taken for a new offer.
    fn described_once(&self, next: Provisional) -> Provisional {
        if self.reliable.has_described(next.early) {
            return Provisional { passage: next.passage.without_body(), ..next };
        }
        next
    }

    fn send_reliably(&mut self, wire: &mut Wire<'_, '_>, key: Key, next: Provisional) {
        let next = self.described_once(next);
        let rseq = match self.reliable.rseq {
            0 => 1 + u32::try_from(wire.ctx.rng.below(0x3fff_ffff)).unwrap_or(0),
            latest => latest + 1,
        };
        self.reliable.rseq = rseq;
        let response = self.provisional(wire, &next, Some(rseq));
        wire.transactions.respond(wire.ctx, self.asked.key, next.status, response.clone());
        let describes = next.passage.has_body();
        if describes {
            self.reliable.described |= bit(next.early);
        }
        self.reliable.open = Some(Open {
            early: next.early,
            describes,
            response,
            interval: T1,
            repeat: Some(wire.ctx.arm(T1, Wake::Leg(key, LegTimer::RepeatReliable))),
            give_up: Some(wire.ctx.arm(TIMEOUT, Wake::Leg(key, LegTimer::NoPrack))),
        });
    }

    /// No PRACK has come: once more, each time after twice the time.
    pub(super) fn repeat_reliable(&mut self, wire: &mut Wire<'_, '_>, key: Key) -> Turn {
        if let Some(open) = &mut self.reliable.open {
            wire.transactions.respond(wire.ctx, self.asked.key, 183, open.response.clone());
            open.interval *= 2;
            open.repeat = Some(wire.ctx.arm(open.interval, Wake::Leg(key, LegTimer::RepeatReliable)));
        }
        Turn::Stay
    }

    /// None has come in 64·T1: the phone does not hear us.
    pub(super) fn on_no_prack(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.refuse(wire, &Refusal::status(504));
        Turn::TellAndEnd(LegWord::Cancel(Passage::reason("SIP;cause=504;text=\"No PRACK\"")))
    }

    /// A PRACK in one of the early dialogs.
    pub(super) fn on_prack(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: Asked) -> Turn {
        let request = &asked.request;
        let tag = request.to_tag();
        let is_of = |open: &Open| {
            let rack = request.rack();
            let invite = self.asked.request.cseq();
            tag == self.tag_of(open.early)
                && rack.is_some_and(|rack| {
                    rack.rseq == self.reliable.rseq && rack.cseq == invite && rack.method == Method::Invite
                })
        };
        if !self.reliable.open.as_ref().is_some_and(is_of) {
            asked.refuse(wire.ctx, wire.transactions, 481, tag);
            return Turn::Stay;
        }
        let Some(mut open) = self.reliable.open.take() else { return Turn::Stay };
        wire.ctx.disarm(&mut open.repeat);
        wire.ctx.disarm(&mut open.give_up);
        let word = self.take_prack(wire, asked, &open);
        if let Some(next) = self.reliable.waiting.pop_front() {
            self.send_reliably(wire, key, next);
        } else if let Some((early, passage)) = self.reliable.answer.take() {
            let turn = self.answer(wire, key, early, &passage);
            return if let Turn::Confirm(confirmed, _) = turn {
                Turn::Confirm(confirmed, word)
            } else {
                turn
            };
        }
        word.map_or(Turn::Stay, Turn::Tell)
    }

    /// Answers a PRACK; what it describes is for the other side.
    fn take_prack(&mut self, wire: &mut Wire<'_, '_>, asked: Asked, open: &Open) -> Option<LegWord> {
        let early = open.early;
        let passage = Passage::of(&asked.request);
        let was_settled = self.reliable.is_settled(early);
        if open.describes {
            self.reliable.settled |= bit(early);
        }
        let is_answer = open.describes && !Passage::of(&self.asked.request).has_body() && !was_settled;
        if !is_answer && passage.has_body() {
            return self.take_offer(wire, early, asked, passage);
        }
        asked.refuse(wire.ctx, wire.transactions, 200, asked.request.to_tag());
        is_answer.then_some(LegWord::Settle { early, passage })
    }
}

/// Whether the phone that sends an INVITE confirms provisional responses.
pub fn confirms_provisional(invite: &Message) -> bool {
    [Name::Supported, Name::Require].into_iter().any(|name| invite.has_token(name, "100rel"))
}

fn bit(early: u8) -> u64 {
    1_u64.checked_shl(u32::from(early)).unwrap_or(0)
}
