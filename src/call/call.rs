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
use crate::dialog::Face;
use crate::effect::admin::LiveCall;
use crate::effect::fact::CallRecord;
use crate::effect::{CallTimer, Fact, StoreOp, Wake};
use crate::leg::{Dial, LegWord, Legs, Passage, Refusal, Report, Wire, own_status, shown_status};
use crate::registrar::{Caller, User, who_of};
use crate::routing::{Action, Direction, Mode, Outcome, Route, Target, Who};
use crate::sip::Sdp;

use super::hunt::Hunt;
use super::parties::{Invitation, Opening};

const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";
const NOT_WANTED: &str = "SIP;cause=487;text=\"Request terminated\"";
/// How often a call may be redirected by phones (302).
const REDIRECTIONS: u8 = 5;

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

/// How a half ended, for its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The one who asked gave up.
    Cancelled,
    /// The tree, or the phones that it rang, refused.
    Refused,
    /// The caller's side hung up.
    HungUpByCaller,
    /// The callee's side hung up.
    HungUpByCallee,
}

/// One half of a call.
#[derive(Debug)]
pub struct Call {
    key: Key,
    id: Arc<str>,
    direction: Direction,
    owner: Uid,
    caller: Caller,
    route: Route,
    upstream: Key,
    state: State,
    passage: Passage,
    max_forwards: u8,
    visited: SmallVec<[Uid; 2]>,
    redirections: u8,
    /// Targets of the current `try` whose time has not come.
    later: SmallVec<[(Duration, Target); 1]>,
    started: Now,
    answered_ms: Option<i64>,
    stage: Option<TimerId>,
    next: Option<TimerId>,
    limit: Option<TimerId>,
}

#[derive(Debug)]
enum State {
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

    // ---- the tree --------------------------------------------------------------------------

    /// Does what the tree says now.
    fn act(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let route = self.route.clone();
        match route.action() {
            Action::Try(plan) => self.stage(desk, &plan.targets, plan.ring_for),
            Action::Send => match route.to() {
                Who::User(uid) => self.ring_user(desk, uid),
                Who::Number(number) => self.find_number(desk, number),
                Who::Anonymous => self.refuse(desk, Refusal::status(404)),
            },
            Action::Forward(uid) => self.ring_user(desk, uid),
            Action::Decline => self.refuse(desk, Refusal::status(603)),
            Action::Busy => self.refuse(desk, Refusal::status(486)),
            Action::Refuse(why) => {
                let reason = Passage::reason_text(403, why);
                self.refuse(desk, Refusal { passage: reason, ..Refusal::status(403) });
            }
            Action::Ignore => {
                self.state = State::Ignoring;
                let word = LegWord::Progress { status: 180, early: 0, passage: Passage::default() };
                say(desk, self.upstream, word);
            }
        }
        self.settle(desk);
    }

    fn stage(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        targets: &[crate::routing::TimedTarget],
        ring_for: Option<Duration>,
    ) {
        if let Some(ring_for) = ring_for {
            self.stage = Some(desk.wire.ctx.arm(ring_for, Wake::Call(self.key, CallTimer::Stage)));
        }
        for timed in targets {
            if timed.after.is_zero() {
                self.ring(desk, &timed.target);
            } else {
                self.later.push((timed.after, timed.target.clone()));
                self.expect(1);
            }
        }
        self.later.sort_by_key(|(after, _)| std::cmp::Reverse(*after));
        if let Some((after, _)) = self.later.last() {
            self.next = Some(desk.wire.ctx.arm(*after, Wake::Call(self.key, CallTimer::Next)));
        }
    }

    fn ring(&mut self, desk: &mut Desk<'_, '_, '_>, target: &Target) {
        match target {
            Target::Clients => self.ring_clients(desk),
            Target::User(uid) => self.ring_user(desk, uid),
        }
    }

    fn ring_clients(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let callee =
            Face { name: None, user: self.owner.user().to_owned(), host: self.owner.cluster().to_owned() };
        let now = desk.wire.ctx.at();
        for binding in desk.owner.bindings.reachable(now) {
            let dial = Dial {
                call: self.key,
                flow: binding.flow,
                contact: &binding.stored.contact,
                path: &binding.stored.path,
                from: &self.caller.face,
                to: &callee,
                max_forwards: self.max_forwards,
                passage: &self.passage,
            };
            let leg = desk.legs.dial(desk.wire, &dial);
            if let State::Hunting(hunt) = &mut self.state {
                hunt.add(leg);
            }
        }
    }

    /// Asks another user's routing, unless it was asked before.
    fn ring_user(&mut self, desk: &mut Desk<'_, '_, '_>, uid: &Uid) {
        let State::Hunting(hunt) = &mut self.state else { return };
        if self.visited.contains(uid) || self.max_forwards == 0 {
            hunt.note(Refusal::status(480));
            return;
        }
        let from = desk.legs.link_out(self.key);
        hunt.add(from.leg);
        let mut visited = self.visited.clone();
        visited.push(uid.clone());
        let opening = Opening {
            id: Arc::clone(&self.id),
            caller: self.caller.clone(),
            passage: self.passage.clone(),
            max_forwards: self.max_forwards - 1,
            visited,
        };
        let mode = self.route.mode();
        desk.orders.push(Order::Invite(Invitation { from, callee: uid.clone(), mode, opening }));
    }

    fn find_number(&mut self, desk: &mut Desk<'_, '_, '_>, number: &Arc<str>) {
        self.expect(1);
        desk.orders.push(Order::FindNumber { call: self.key, number: Arc::clone(number) });
    }

    /// It is known whose number it is: nobody's is 404.
    pub fn on_number(&mut self, desk: &mut Desk<'_, '_, '_>, uid: Option<&Uid>) {
        let State::Hunting(hunt) = &mut self.state else { return };
        hunt.expected = hunt.expected.saturating_sub(1);
        match uid {
            Some(uid) => self.ring_user(desk, uid),
            None => {
                hunt.note(Refusal::status(404));
            }
        }
        self.settle(desk);
    }

    /// A phone says that he is elsewhere: the owner's outgoing tree decides about it as if he had
    /// called there himself. Any other redirection is a phone's that cannot be reached.
    fn redirect(&mut self, desk: &mut Desk<'_, '_, '_>, to: Who) {
        self.redirections += 1;
        let settings = desk.wire.ctx.settings;
        let who = (Who::User(self.owner.clone()), to);
        let profiles = (&desk.owner.profile, &settings.default_profile);
        let route = Route::begin(profiles, Direction::Outgoing, self.route.mode(), who, true);
        match (route.action(), route.to()) {
            (Action::Send, Who::User(uid)) => self.ring_user(desk, uid),
            (Action::Send, Who::Number(number)) => self.find_number(desk, number),
            (Action::Forward(uid), _) => self.ring_user(desk, uid),
            _ => {
                if let State::Hunting(hunt) = &mut self.state {
                    hunt.note(Refusal::status(403));
                }
            }
        }
    }

    /// If nothing rings any more, the tree says what is next.
    fn settle(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let State::Hunting(hunt) = &mut self.state else { return };
        if hunt.is_over() {
            self.come_back(desk, false);
        }
    }

    /// The current `try` comes back with its outcome.
    fn come_back(&mut self, desk: &mut Desk<'_, '_, '_>, timed_out: bool) {
        self.stop_ringing(desk, NOT_WANTED);
        let State::Hunting(hunt) = &mut self.state else { return };
        let (outcome, refusal) = hunt.verdict(timed_out);
        if self.route.follow(outcome) {
            return self.act(desk);
        }
        let refusal = refusal.unwrap_or_else(|| Refusal::status(own_status(outcome)));
        self.refuse(desk, refusal);
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

    fn refuse(&mut self, desk: &mut Desk<'_, '_, '_>, mut refusal: Refusal) {
        self.stop_ringing(desk, NOT_WANTED);
        refusal.status = shown_status(refusal.status);
        let status = refusal.status;
        say(desk, self.upstream, LegWord::Reject(refusal));
        self.finish(desk, status, End::Refused);
    }

    // ---- time ------------------------------------------------------------------------------

    /// A timer of this call fired.
    pub fn on_timer(&mut self, desk: &mut Desk<'_, '_, '_>, timer: CallTimer) {
        match (&self.state, timer) {
            (State::Hunting(_), CallTimer::Stage) => self.come_back(desk, true),
            (State::Hunting(_), CallTimer::Next) => self.ring_next(desk),
            (State::Hunting(_), CallTimer::Limit) => {
                self.refuse(desk, Refusal::status(own_status(Outcome::NoAnswer)));
            }
            (State::Ignoring, CallTimer::Limit) => self.refuse(desk, Refusal::status(480)),
            (State::Ignoring | State::Bridged { .. } | State::Over, _) => {}
        }
    }

    fn ring_next(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let Some((due, target)) = self.later.pop() else { return };
        if let State::Hunting(hunt) = &mut self.state {
            hunt.expected = hunt.expected.saturating_sub(1);
        }
        if let Some((after, _)) = self.later.last() {
            let wait = after.saturating_sub(due);
            self.next = Some(desk.wire.ctx.arm(wait, Wake::Call(self.key, CallTimer::Next)));
        }
        self.ring(desk, &target);
        self.settle(desk);
    }

    fn stop_ringing(&mut self, desk: &mut Desk<'_, '_, '_>, why: &'static str) {
        desk.wire.ctx.disarm(&mut self.stage);
        desk.wire.ctx.disarm(&mut self.next);
        self.later.clear();
        let State::Hunting(hunt) = &mut self.state else { return };
        for leg in hunt.clear() {
            say(desk, leg, LegWord::Cancel(Passage::reason(why)));
        }
    }

    // ---- small things ----------------------------------------------------------------------

    fn expect(&mut self, more: u8) {
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

    fn record(&self, now: Now, status: u16, end: End) -> CallRecord {
        CallRecord {
            id: self.id.to_string(),
            direction: direction_text(self.direction),
            owner: self.owner.clone(),
            caller: self.route.caller().to_string(),
            callee: self.route.to().to_string(),
            mode: mode_text(self.route.mode()),
            started_ms: self.started.wall_ms,
            answered_ms: self.answered_ms,
            ended_ms: now.wall_ms,
            status,
            end: end.text(),
            rule: self.route.rule(),
            path: self.route.path(),
        }
    }

    /// For listings.
    pub fn listing(&self) -> LiveCall {
        LiveCall {
            id: self.id.to_string(),
            direction: direction_text(self.direction).to_owned(),
            owner: self.owner.to_string(),
            caller: self.route.caller().to_string(),
            callee: self.route.to().to_string(),
            mode: mode_text(self.route.mode()).to_owned(),
            state: match &self.state {
                State::Hunting(hunt) if hunt.is_ringing() => "ringing".to_owned(),
                State::Hunting(_) => "routing".to_owned(),
                State::Ignoring => "ignored".to_owned(),
                State::Bridged { .. } => "answered".to_owned(),
                State::Over => "over".to_owned(),
            },
            started_ms: self.started.wall_ms,
            rule: self.route.rule(),
        }
    }
}

impl End {
    /// In plain words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Cancelled => "the caller gave up",
            Self::Refused => "refused",
            Self::HungUpByCaller => "the caller hung up",
            Self::HungUpByCallee => "the callee hung up",
        }
    }
}

/// What an INVITE is for, told from its offer (voice, when it makes none).
pub fn mode_of(passage: &Passage) -> Mode {
    match Sdp::parse(passage.body()) {
        Some(sdp) if sdp.has("video") => Mode::Video,
        Some(sdp) if sdp.has("message") && !sdp.has("audio") => Mode::Text,
        Some(_) | None => Mode::Voice,
    }
}

/// Says something to a leg; what it has to tell as an answer is left for the switchboard.
fn say(desk: &mut Desk<'_, '_, '_>, leg: Key, word: LegWord) {
    let report = desk.legs.say(desk.wire, leg, word);
    desk.reports.extend(report);
}

fn mode_text(mode: Mode) -> &'static str {
    mode.as_str()
}

fn direction_text(direction: Direction) -> &'static str {
    match direction {
        Direction::Incoming => "incoming",
        Direction::Outgoing => "outgoing",
    }
}
