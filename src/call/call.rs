//! One half of a call.
//!
//! ```text
//!   Hunting ──Answer──▶ Bridged ──HangUp from either side──▶ (gone)
//!      │  every refusal, every stage's end: the tree says what is next
//!      ├──Cancel──▶ (gone)              the branches are told
//!      └──the tree has no more──▶ (gone)    the one who asks is told
//! ```

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{Key, Now, TimerId, Uid};
use crate::effect::{CallTimer, Fact, StoreOp, Wake};
use crate::leg::{LegWord, Legs, Passage, Refusal, Report, Wire, shown_status};
use crate::registrar::{Caller, User, who_of};
use crate::routing::{Direction, Route, Target};

use super::hunt::Hunt;
use super::parties::{Invitation, Opening};
use super::record::{End, mode_text};

/// How often a call may be redirected by phones (302).
const REDIRECTIONS: u8 = 5;

const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";
pub(super) const NOT_WANTED: &str = "SIP;cause=487;text=\"Request terminated\"";

/// What a call acts through.
#[derive(Debug)]
pub struct Desk<'a, 'w, 'c> {
    /// The out-tray and the transactions.
    pub wire: &'a mut Wire<'w, 'c>,
    /// The legs.
    pub legs: &'a mut Legs,
    /// The record of this half's owner.
    pub owner: &'a User,
    /// What is left for the switchboard to do.
    pub orders: &'a mut Vec<Order>,
    /// What legs have to tell as an answer to what they were told.
    pub reports: &'a mut Vec<Report>,
}

/// What only the switchboard can do for a call.
#[derive(Debug)]
pub enum Order {
    /// Ask another user's routing.
    Invite(Invitation),
    /// Find out whose number this is, and tell [`Call::on_number`].
    FindNumber {
        /// For which call.
        call: Key,
        /// The number.
        number: Arc<str>,
    },
    /// This half is over: let it go.
    Over(Key),
}

/// One half of a call.
#[derive(Debug)]
pub struct Call {
    pub(super) key: Key,
    pub(super) id: Arc<str>,
    pub(super) direction: Direction,
    pub(super) owner: Uid,
    pub(super) caller: Caller,
    pub(super) route: Route,
    pub(super) upstream: Key,
    pub(super) state: State,
    pub(super) passage: Passage,
    pub(super) max_forwards: u8,
    pub(super) visited: SmallVec<[Uid; 2]>,
    pub(super) redirections: u8,
    /// Targets of the current `try` whose time has not come.
    pub(super) later: SmallVec<[(Duration, Target); 1]>,
    pub(super) started: Now,
    pub(super) answered_ms: Option<i64>,
    pub(super) stage: Option<TimerId>,
    pub(super) next: Option<TimerId>,
    pub(super) limit: Option<TimerId>,
}

#[derive(Debug)]
pub(super) enum State {
    Hunting(Hunt),
    /// The tree ignores him: it rings for him, and nobody hears it.
    Ignoring,
    Bridged {
        downstream: Key,
    },
    /// It is over, and only waits to be let go.
    Over,
}

impl Call {
    /// A half that is about to begin; [`Call::begin`] begins it once its legs exist.
    pub fn new(
        key: Key,
        opening: Opening,
        direction: Direction,
        owner: Uid,
        route: Route,
        upstream: Key,
        now: Now,
    ) -> Self {
        Self {
            key,
            id: opening.id,
            direction,
            owner,
            caller: opening.caller,
            route,
            upstream,
            state: State::Hunting(Hunt::default()),
            passage: opening.passage,
            max_forwards: opening.max_forwards,
            visited: opening.visited,
            redirections: 0,
            later: SmallVec::new(),
            started: now,
            answered_ms: None,
            stage: None,
            next: None,
            limit: None,
        }
    }

    /// Whose half it is.
    pub fn owner(&self) -> &Uid {
        &self.owner
    }

    /// Does what the tree says first.
    pub fn begin(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let ring = Duration::from_secs(u64::from(desk.wire.ctx.settings.limits.ring_s));
        self.limit = Some(desk.wire.ctx.arm(ring, Wake::Call(self.key, CallTimer::Limit)));
        desk.wire.ctx.fact(Fact::CallRouted {
            id: self.id.to_string(),
            owner: self.owner.clone(),
            caller: self.route.caller().to_string(),
            callee: self.route.to().to_string(),
            mode: mode_text(self.route.mode()),
            rule: self.route.rule(),
        });
        self.act(desk);
    }

    // ---- legs ------------------------------------------------------------------------------

    /// One of its legs says something.
    pub fn on_leg(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key, word: LegWord) {
        let upstream = leg == self.upstream;
        match (&mut self.state, word) {
            (State::Hunting(hunt), LegWord::Progress { status, early: theirs, passage }) if hunt.has(leg) => {
                let early = hunt.early(leg, &passage).max(theirs);
                say(desk, self.upstream, LegWord::Progress { status, early, passage });
            }
            (State::Hunting(hunt), LegWord::Answer { early: theirs, passage }) if hunt.has(leg) => {
                let early = hunt.win(leg).max(theirs);
                self.answer(desk, leg, early, passage);
            }
            (State::Hunting(hunt), LegWord::Reject(refusal)) if hunt.has(leg) => {
                self.rejected(desk, leg, refusal);
            }
            (State::Hunting(_) | State::Ignoring, LegWord::Cancel(passage) | LegWord::HangUp(passage))
                if upstream =>
            {
                self.cancelled(desk, &passage);
            }
            // The answer crossed our decision: the far end believes it is in a call, so it has to
            // be told that it is not.
            (_, LegWord::Answer { .. }) => say(desk, leg, LegWord::HangUp(Passage::reason(ELSEWHERE))),
            (State::Bridged { downstream }, word) => {
                let other = if upstream { *downstream } else { self.upstream };
                if upstream || leg == *downstream {
                    self.bridge(desk, upstream, other, word);
                }
            }
            (State::Hunting(_) | State::Ignoring | State::Over, _) => {}
        }
    }

    fn answer(&mut self, desk: &mut Desk<'_, '_, '_>, winner: Key, early: u8, passage: Passage) {
        self.stop_ringing(desk, ELSEWHERE);
        desk.wire.ctx.disarm(&mut self.limit);
        self.state = State::Bridged { downstream: winner };
        self.answered_ms = Some(desk.wire.ctx.now.wall_ms);
        desk.wire.ctx.fact(Fact::CallAnswered { id: self.id.to_string(), owner: self.owner.clone() });
        say(desk, self.upstream, LegWord::Answer { early, passage });
    }

    fn rejected(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key, mut refusal: Refusal) {
        let contacts = std::mem::take(&mut refusal.contacts);
        let elsewhere = contacts.iter().find_map(|contact| who_of(desk.wire.ctx.settings, contact));
        let State::Hunting(hunt) = &mut self.state else { return };
        if hunt.refuse(leg, refusal) {
            return self.come_back(desk, false);
        }
        if let Some(to) = elsewhere.filter(|_| self.redirections < REDIRECTIONS) {
            self.redirect(desk, to);
        }
        self.settle(desk);
    }

    /// A word from one side of an answered call is said to the other.
    fn bridge(&mut self, desk: &mut Desk<'_, '_, '_>, from_upstream: bool, other: Key, word: LegWord) {
        let over = matches!(word, LegWord::HangUp(_) | LegWord::Cancel(_) | LegWord::Reject(_));
        let word = match word {
            LegWord::Cancel(passage) => LegWord::HangUp(passage),
            LegWord::Reject(refusal) => LegWord::HangUp(refusal.passage),
            word @ (LegWord::Progress { .. }
            | LegWord::Answer { .. }
            | LegWord::Acknowledge(_)
            | LegWord::HangUp(_)
            | LegWord::Renegotiate(_)
            | LegWord::Withdraw(_)
            | LegWord::Renegotiated { .. }
            | LegWord::Request { .. }
            | LegWord::Reply { .. }) => word,
        };
        say(desk, other, word);
        if over {
            let end = if from_upstream { End::HungUpByCaller } else { End::HungUpByCallee };
            self.finish(desk, 200, end);
        }
    }

    fn cancelled(&mut self, desk: &mut Desk<'_, '_, '_>, passage: &Passage) {
        let legs = match &mut self.state {
            State::Hunting(hunt) => hunt.clear(),
            State::Ignoring | State::Bridged { .. } | State::Over => SmallVec::new(),
        };
        for leg in legs {
            say(desk, leg, LegWord::Cancel(passage.clone()));
        }
        self.finish(desk, 487, End::Cancelled);
    }

    pub(super) fn refuse(&mut self, desk: &mut Desk<'_, '_, '_>, mut refusal: Refusal) {
        self.stop_ringing(desk, NOT_WANTED);
        refusal.status = shown_status(refusal.status);
        let status = refusal.status;
        say(desk, self.upstream, LegWord::Reject(refusal));
        self.finish(desk, status, End::Refused);
    }

    // ---- small things ----------------------------------------------------------------------

    pub(super) fn expect(&mut self, more: u8) {
        if let State::Hunting(hunt) = &mut self.state {
            hunt.expected = hunt.expected.saturating_add(more);
        }
    }

    fn finish(&mut self, desk: &mut Desk<'_, '_, '_>, status: u16, end: End) {
        desk.wire.ctx.disarm(&mut self.limit);
        desk.wire.ctx.disarm(&mut self.stage);
        desk.wire.ctx.disarm(&mut self.next);
        let record = Arc::new(self.record(desk.wire.ctx.now, status, end));
        desk.wire.ctx.store(StoreOp::PutCall(Arc::clone(&record)));
        desk.wire.ctx.fact(Fact::CallEnded(record));
        desk.orders.push(Order::Over(self.key));
        self.state = State::Over;
    }
}

/// Says something to a leg; what it has to tell as an answer is left for the switchboard.
pub(super) fn say(desk: &mut Desk<'_, '_, '_>, leg: Key, word: LegWord) {
    let report = desk.legs.say(desk.wire, leg, word);
    desk.reports.extend(report);
}
