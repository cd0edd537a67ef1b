//! One half of a call.
//!
//! ```text
//!   Hunting ──Answer──▶ Bridged ──HangUp from either side──▶ (gone)
//!      │  every refusal, every stage's end: the tree says what is next
//!      ├──Cancel──▶ (gone)              the branches are told
//!      └──the tree has no more──▶ (gone)    the one who asks is told
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{At, Key, Now, TimerId, Uid};
use crate::effect::{CallTimer, Fact, StoreOp, Wake};
use crate::federation::Peers;
use crate::leg::{ELSEWHERE, LegWord, Legs, Passage, Refusal, Report, Wire, shown_status};
use crate::registrar::{Caller, Only, Rousing, User};
use crate::routing::{Direction, Route, Target};
use crate::sip::{Method, reason_phrase};

use super::history::History;
use super::hunt::{Hunt, Side, Verdict};
use super::ladder::{Ladder, Party};
use super::parties::{Invitation, Opening, Origin};
use super::record::{End, mode_text};
use super::transfer::{Errand, Join, Transfer};

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
    /// The other clusters.
    pub peers: &'a mut Peers,
    /// What is left for the switchboard to do.
    pub orders: &'a mut Vec<Order>,
    /// What legs have to tell as an answer to what they were told.
    pub reports: &'a mut VecDeque<Report>,
}

/// What only the switchboard can do for a call.
#[derive(Debug)]
pub enum Order {
    /// Ask another user's routing.
    Invite(Invitation),
    /// Begin another half of this owner's, for a transfer.
    Errand(Box<Errand>),
    /// Link two halves of this owner's, for a transfer.
    Join(Join),
    /// Find out whose number this is, and tell [`Call::on_number`].
    FindNumber(Lookup),
    /// A property of this user's gets a value.
    Set {
        /// Whose.
        uid: Uid,
        /// Which.
        key: Arc<str>,
        /// What; empty removes it.
        value: Arc<str>,
    },
    /// Have a sleeping phone woken, and tell [`Call::on_awake`] or [`Call::on_asleep`] of this call.
    Rouse(Key, Box<Rousing>),
    /// A flow of this user's does not work.
    FlowFailed {
        /// Whose.
        uid: Uid,
        /// The key of its binding.
        binding: String,
        /// Since when it was silent.
        since: At,
    },
    /// This half is over: let it go.
    Over(Key),
}

/// A number whose owner a call has to know.
#[derive(Debug)]
pub struct Lookup {
    /// The call.
    pub call: Key,
    /// Which of its searches asks: an answer to an earlier one comes too late.
    pub(super) search: u16,
    /// The number.
    pub number: Arc<str>,
    /// The status of the phone that sent the call there, if one did.
    pub(super) cause: Option<u16>,
    /// Whether it has named the number by `sips:`.
    pub(super) sips: bool,
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
    pub(super) upstream: Side,
    pub(super) state: State,
    pub(super) passage: Passage,
    pub(super) reliable: bool,
    pub(super) max_forwards: u8,
    pub(super) breadth: u16,
    /// Halves that may still be asked, and how many there were to begin with.
    pub(super) searches: (u16, u16),
    pub(super) history: History,
    pub(super) origin: Option<Origin>,
    /// Who has sent the caller there (RFC 3892), if one has and may be known.
    pub(super) referred: Option<Uid>,
    /// The one client of the callee's that is meant (RFC 5627).
    pub(super) only: Option<Only>,
    pub(super) redirections: u8,
    /// How often this half has sent the call on.
    pub(super) children: u16,
    /// A transfer that a phone of this half has asked for.
    pub(super) transfer: Option<Transfer>,
    /// The phone that another half of the owner's is to stand in for, and the link to that.
    pub(super) joined: Option<(Side, Side)>,
    /// Branches that the breadth has still to be shared with.
    pub(super) claims: u16,
    /// Targets of the current `try` whose time has not come, the last one first.
    pub(super) later: SmallVec<[(Duration, Target); 1]>,
    /// What the `try` before this one came to.
    pub(super) earlier: Option<Box<Verdict>>,
    /// The how manieth search this is, and since when.
    pub(super) search: (u16, At),
    /// How long the half, and its current `try`, had rung before they came to this user server.
    pub(super) rung_before: Duration,
    pub(super) tried_before: Duration,
    pub(super) started: Now,
    pub(super) answered_ms: Option<i64>,
    pub(super) ladder: Ladder,
    pub(super) stage: Option<TimerId>,
    pub(super) next: Option<TimerId>,
    pub(super) silent: Option<TimerId>,
    pub(super) flows: Option<TimerId>,
    pub(super) waking: Option<TimerId>,
    pub(super) limit: Option<TimerId>,
}

#[derive(Debug)]
pub(super) enum State {
    Hunting(Box<Hunt>),
    /// The tree ignores him: it rings for him, and nobody hears it.
    Ignoring,
    Bridged {
        downstream: Side,
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
            upstream: Side { leg: upstream, party: 0 },
            state: State::Hunting(Box::default()),
            passage: opening.passage,
            reliable: opening.reliable,
            max_forwards: opening.max_forwards,
            breadth: opening.breadth,
            searches: (opening.searches, opening.searches),
            history: opening.history,
            origin: opening.origin,
            referred: opening.referred,
            only: opening.only,
            redirections: 0,
            children: 0,
            transfer: None,
            joined: None,
            claims: 0,
            later: SmallVec::new(),
            earlier: None,
            search: (0, now.at),
            rung_before: Duration::ZERO,
            tried_before: Duration::ZERO,
            started: now,
            answered_ms: None,
            ladder: Ladder::default(),
            stage: None,
            next: None,
            silent: None,
            flows: None,
            waking: None,
            limit: None,
        }
    }

    /// Whose half it is.
    pub fn owner(&self) -> &Uid {
        &self.owner
    }

    /// The call that it is a half of.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Whether everybody in it is reached over TLS only (`sips:`).
    pub fn is_sips(&self) -> bool {
        self.caller.face.sips
    }

    /// Which tree of his decides.
    pub fn direction(&self) -> Direction {
        self.direction
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
        self.upstream.party = self.ladder.party(self.asker(desk.owner, desk.wire.ctx.at()));
        self.ladder.invite(0, self.upstream.party, self.passage.has_body());
        self.act(desk);
    }

    // ---- legs ------------------------------------------------------------------------------

    /// One of its legs says something.
    pub fn on_leg(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key, word: LegWord) {
        if let Some(side) = self.side_of(leg) {
            self.ladder.heard(self.after_ms(desk), side.party, &word);
        }
        let Some(word) = self.transferring(desk, leg, word) else { return };
        let upstream = leg == self.upstream.leg;
        match (&mut self.state, word) {
            (State::Hunting(hunt), LegWord::Progress { status, early, reliable, passage })
                if hunt.side(leg).is_some() =>
            {
                let early = hunt.early((leg, early), &passage);
                self.say(desk, self.upstream, LegWord::Progress { status, early, reliable, passage });
            }
            (
                State::Hunting(_),
                word @ (LegWord::Settle { .. } | LegWord::Renegotiate { .. } | LegWord::Renegotiated { .. }),
            ) => self.negotiate_early(desk, leg, word),
            (State::Hunting(hunt), LegWord::Answer { early, passage }) => match hunt.side(leg) {
                Some(winner) => self.answer(desk, winner, early, passage),
                None => too_late(desk, leg),
            },
            (State::Hunting(hunt), LegWord::Reject(refusal)) if hunt.side(leg).is_some() => {
                self.rejected(desk, leg, refusal);
            }
            // A phone has picked the call up, and answers the caller's offer.
            (State::Hunting(hunt), LegWord::Acknowledge(passage)) => {
                if let Some(winner) = hunt.side(leg) {
                    self.answer(desk, winner, 0, passage);
                }
            }
            (State::Hunting(hunt), LegWord::HangUp(_)) if hunt.side(leg).is_some() => {
                self.rejected(desk, leg, Refusal::status(480));
            }
            (State::Hunting(_) | State::Ignoring, LegWord::Cancel(passage) | LegWord::HangUp(passage))
                if upstream =>
            {
                self.cancelled(desk, &passage);
            }
            (State::Bridged { .. }, LegWord::Refer(referral)) => self.refer(desk, leg, &referral),
            (State::Bridged { downstream }, word) if upstream || leg == downstream.leg => {
                let other = if upstream { *downstream } else { self.upstream };
                self.bridge(desk, upstream, other, word);
            }
            // The answer crossed our decision: the far end believes it is in a call, so it has to
            // be told that it is not.
            (State::Ignoring | State::Bridged { .. } | State::Over, LegWord::Answer { .. }) => {
                too_late(desk, leg);
            }
            (State::Hunting(_) | State::Ignoring | State::Bridged { .. } | State::Over, _) => {}
        }
    }

    /// Offers and answers before the call is answered: each early dialog of the caller's is one of some
    /// branch's.
    fn negotiate_early(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key, word: LegWord) {
        let State::Hunting(hunt) = &self.state else { return };
        let (LegWord::Settle { early, .. }
        | LegWord::Renegotiate { early, .. }
        | LegWord::Renegotiated { early, .. }) = word
        else {
            return;
        };
        let upstream = leg == self.upstream.leg;
        let to = if upstream {
            hunt.dialog_of(early)
        } else {
            hunt.early_of((leg, early)).map(|early| (self.upstream, early))
        };
        match to {
            Some((side, early)) => self.say(desk, side, word.in_dialog(early)),
            None if matches!(word, LegWord::Renegotiate { .. }) => {
                let refusal = LegWord::Renegotiated { early, status: 500, passage: Passage::default() };
                let report = desk.legs.say(desk.wire, leg, refusal);
                desk.reports.extend(report);
            }
            None => {}
        }
    }

    /// A branch is gone: what the caller has offered it will not be answered any more.
    fn forsake(&self, desk: &mut Desk<'_, '_, '_>, leg: Key) {
        let State::Hunting(hunt) = &self.state else { return };
        for early in hunt.dialogs_of(leg) {
            let word = LegWord::Renegotiated { early, status: 487, passage: Passage::default() };
            let report = desk.legs.say(desk.wire, self.upstream.leg, word);
            desk.reports.extend(report);
        }
    }

    pub(super) fn answer(&mut self, desk: &mut Desk<'_, '_, '_>, winner: Side, early: u8, passage: Passage) {
        let State::Hunting(hunt) = &mut self.state else { return };
        let early = hunt.win((winner.leg, early), &passage);
        self.stop_ringing(desk, &Passage::reason(ELSEWHERE));
        desk.wire.ctx.disarm(&mut self.limit);
        self.state = State::Bridged { downstream: winner };
        self.answered_ms = Some(desk.wire.ctx.now.wall_ms);
        // Nobody else will be called: what he would have been told is let go.
        self.passage = Passage::default();
        self.history = History::default();
        self.earlier = None;
        desk.wire.ctx.fact(Fact::CallAnswered { id: self.id.to_string(), owner: self.owner.clone() });
        self.say(desk, self.upstream, LegWord::Answer { early, passage });
    }

    fn rejected(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key, mut refusal: Refusal) {
        self.searches.0 = self.searches.0.saturating_sub(refusal.spent);
        let contacts = std::mem::take(&mut refusal.contacts);
        self.forsake(desk, leg);
        if refusal.no_flow && self.ring_other_flow(desk, leg) {
            return self.settle(desk);
        }
        let State::Hunting(hunt) = &mut self.state else { return };
        let status = refusal.status;
        if (300..400).contains(&status) {
            hunt.end(leg);
            // Where else its user may be is nothing to one who wants this client.
            if !self.is_for_one_client()
                && !self.passage.preferences(Method::Invite).no_recurse
                && self.redirect(desk, status, &contacts)
            {
                return self.settle(desk);
            }
        }
        let State::Hunting(hunt) = &mut self.state else { return };
        if hunt.refuse(leg, refusal) {
            // It speaks for the user, and the other phones need not call him any more.
            self.stop_ringing(desk, &Passage::reason_text(status, reason_phrase(status)));
            return self.come_back(desk, false);
        }
        self.settle(desk);
    }

    /// A word from one side of an answered call is said to the other.
    fn bridge(&mut self, desk: &mut Desk<'_, '_, '_>, from_upstream: bool, other: Side, word: LegWord) {
        let over = matches!(word, LegWord::HangUp(_) | LegWord::Cancel(_) | LegWord::Reject(_));
        let word = match word {
            LegWord::Cancel(passage) => LegWord::HangUp(passage),
            LegWord::Reject(refusal) => LegWord::HangUp(refusal.passage),
            word @ (LegWord::Progress { .. }
            | LegWord::Answer { .. }
            | LegWord::Settle { .. }
            | LegWord::Acknowledge(_)
            | LegWord::HangUp(_)
            | LegWord::Renegotiate { .. }
            | LegWord::Withdraw(_)
            | LegWord::Renegotiated { .. }
            | LegWord::Request { .. }
            | LegWord::Refer(_)
            | LegWord::Referred { .. }
            | LegWord::Reply { .. }) => word,
        };
        self.say(desk, other, word);
        if over {
            let end = if from_upstream { End::HungUpByCaller } else { End::HungUpByCallee };
            self.finish(desk, 200, end);
        }
    }

    fn cancelled(&mut self, desk: &mut Desk<'_, '_, '_>, passage: &Passage) {
        self.stop_ringing(desk, passage);
        self.finish(desk, 487, End::Cancelled);
    }

    /// Whether somebody has answered it.
    pub fn is_answered(&self) -> bool {
        self.answered_ms.is_some()
    }

    /// The server ends, or its owner has been removed: everybody in the call is told, and nobody is called any
    /// more.
    pub fn break_off(&mut self, desk: &mut Desk<'_, '_, '_>, end: End) {
        let why = end.reason().map_or_else(Passage::default, Passage::reason);
        match self.state {
            State::Hunting(_) | State::Ignoring => {
                self.stop_ringing(desk, &why);
                self.say(desk, self.upstream, LegWord::Reject(Refusal::status(480)));
                self.finish(desk, 480, end);
            }
            State::Bridged { downstream } => {
                for side in [self.upstream, downstream] {
                    self.say(desk, side, LegWord::HangUp(why.clone()));
                }
                self.finish(desk, 200, end);
            }
            State::Over => {}
        }
    }

    pub(super) fn refuse(&mut self, desk: &mut Desk<'_, '_, '_>, mut refusal: Refusal) {
        self.stop_ringing(desk, &Passage::reason(NOT_WANTED));
        if !(refusal.cluster && refusal.status == 503) {
            refusal.status = shown_status(refusal.status);
        }
        refusal.spent = (self.searches.1 - self.searches.0).saturating_add(1);
        let status = refusal.status;
        self.say(desk, self.upstream, LegWord::Reject(refusal));
        self.finish(desk, status, End::Refused);
    }

    // ---- small things ----------------------------------------------------------------------

    /// Says something to a leg; what it has to tell as an answer is left for the switchboard.
    pub(super) fn say(&mut self, desk: &mut Desk<'_, '_, '_>, side: Side, word: LegWord) {
        self.ladder.said(self.after_ms(desk), side.party, &word);
        let report = desk.legs.say(desk.wire, side.leg, word);
        desk.reports.extend(report);
    }

    /// Milliseconds since this half began.
    pub(super) fn after_ms(&self, desk: &Desk<'_, '_, '_>) -> u32 {
        u32::try_from(desk.wire.ctx.at().since(self.started.at).as_millis()).unwrap_or(u32::MAX)
    }

    pub(super) fn side_of(&self, leg: Key) -> Option<Side> {
        if leg == self.upstream.leg {
            return Some(self.upstream);
        }
        if let Some(next) = self.transfer.as_ref().map(Transfer::next).filter(|next| next.leg == leg) {
            return Some(next);
        }
        match &self.state {
            State::Hunting(hunt) => hunt.side(leg),
            State::Bridged { downstream } => Some(*downstream).filter(|side| side.leg == leg),
            State::Ignoring | State::Over => None,
        }
    }

    /// Who asks, for the ladder: in his own half, the client that he calls with.
    pub(super) fn asker(&self, owner: &User, now: At) -> Party {
        let phone = self.origin.as_ref().filter(|_| self.direction == Direction::Outgoing);
        phone.map_or(Party::Asker, |phone| phone.party(owner, now))
    }

    pub(super) fn finish(&mut self, desk: &mut Desk<'_, '_, '_>, status: u16, end: End) {
        self.drop_transfer(desk);
        for timer in [
            &mut self.limit,
            &mut self.stage,
            &mut self.next,
            &mut self.silent,
            &mut self.flows,
            &mut self.waking,
        ] {
            desk.wire.ctx.disarm(timer);
        }
        let record = Arc::new(self.record(desk.wire.ctx.now, status, end));
        desk.wire.ctx.keep(StoreOp::PutCall(Arc::clone(&record)));
        desk.wire.ctx.fact(Fact::CallEnded(record));
        desk.orders.push(Order::Over(self.key));
        self.state = State::Over;
    }
}

/// An answer that nobody waits for any more.
fn too_late(desk: &mut Desk<'_, '_, '_>, leg: Key) {
    let word = LegWord::HangUp(Passage::reason(ELSEWHERE));
    let report = desk.legs.say(desk.wire, leg, word);
    desk.reports.extend(report);
}
