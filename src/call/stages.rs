//! How a half of a call follows its tree: stages of targets, and what comes after each outcome.
//!
//! A stage is one `try`. Its targets ring together, or after a while of their own, counted from the
//! stage's beginning; when nothing rings any more, the next one begins at once, since there is
//! nobody to wait for. What rings when the time of a stage is over rings on if the next one names it
//! again. A target without a handler leaves the outcome of the stage before as it was.
//!
//! Implements: RFC 3261 §16.6, §16.7 (search and best response).

use std::time::Duration;

use smallvec::SmallVec;

use crate::base::Uid;
use crate::effect::{CallTimer, Fact, Wake};
use crate::leg::{LegWord, Passage, Refusal, own_status};
use crate::routing::{Action, Outcome, Route, TimedTarget, Try, Who};

use super::call::{Call, Desk, NOT_WANTED, State};
use super::targets::{Hop, is_missing};

impl Call {
    /// Does what the tree says now.
    pub(super) fn act(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let route = self.route.clone();
        // What is sent on as a whole has the whole breadth; a stage divides it.
        self.claims = 1;
        desk.wire.ctx.fact(Fact::Decided { tree: self.direction, action: route.action().word() });
        self.do_sides(desk, &route);
        self.perform(desk, &route);
        self.settle(desk);
    }

    /// Does what a line says, but for what it says besides.
    pub(super) fn perform(&mut self, desk: &mut Desk<'_, '_, '_>, route: &Route) {
        match route.action() {
            Action::Try(plan) => self.stage(desk, plan),
            Action::Send => match route.to() {
                Who::User(uid) => self.ring_user(desk, uid, &Hop::default()),
                Who::Number(number) => self.find_number(desk, number, &Hop::default()),
                Who::Anonymous => self.refuse(desk, Refusal::status(404)),
            },
            Action::Forward(_) | Action::Redirect(_) if self.is_for_one_client() => {
                self.refuse(desk, Refusal::status(480));
            }
            Action::Forward(uid) => self.forward(desk, uid),
            Action::Decline => self.refuse(desk, Refusal::status(603)),
            Action::Busy => self.refuse(desk, Refusal::status(486)),
            Action::Refuse(why) => {
                let reason = Passage::reason_text(403, why);
                self.refuse(desk, Refusal { passage: reason, ..Refusal::status(403) });
            }
            Action::Reply(name) => self.reply(desk, name),
            Action::Redirect(uid) => self.send_elsewhere(desk, uid),
            // A call cannot wait.
            Action::Hold => self.refuse(desk, Refusal::status(480)),
            // Who is ignored hears what others would who call somebody that is not there.
            Action::Ignore if !self.would_ring(desk) => self.refuse(desk, Refusal::status(480)),
            Action::Ignore => {
                self.state = State::Ignoring;
                let word =
                    LegWord::Progress { status: 180, early: 0, reliable: false, passage: Passage::default() };
                self.say(desk, self.upstream, word);
            }
        }
    }

    /// Another user's routing takes over. Back to one who has been asked before it is a loop, and
    /// this half is the one that closed it.
    fn forward(&mut self, desk: &mut Desk<'_, '_, '_>, uid: &Uid) {
        if self.history.has(desk.wire.ctx.settings, uid) {
            return self.refuse(desk, Refusal::status(482));
        }
        let hop = Hop { cause: self.cause(), ..Hop::default() };
        self.ring_user(desk, uid, &hop);
    }

    fn stage(&mut self, desk: &mut Desk<'_, '_, '_>, plan: &Try) {
        let for_one = self.is_for_one_client();
        let State::Hunting(hunt) = &mut self.state else { return };
        let is_missing = |timed: &TimedTarget| is_missing(desk.owner, &timed.target, for_one);
        if plan.targets.iter().all(is_missing) {
            hunt.begin_with(self.earlier.take().map(|verdict| *verdict));
            return;
        }
        let tried = self.tried_before;
        if let Some(ring_for) = plan.ring_for {
            let ring_for = ring_for.saturating_sub(tried);
            self.stage = Some(desk.wire.ctx.arm(ring_for, Wake::Call(self.key, CallTimer::Stage)));
        }
        let (mut now, mut later) = (SmallVec::<[_; 2]>::new(), SmallVec::new());
        for timed in &plan.targets {
            // What rings on from the stage before has begun, whenever it was to begin.
            if timed.after <= tried || self.rings(desk, &timed.target) {
                now.push(timed.target.clone());
            } else {
                later.push((timed.after.saturating_sub(tried), timed.target.clone()));
            }
        }
        later.sort_by_key(|(after, _)| std::cmp::Reverse(*after));
        self.later = later;
        self.ring_all(desk, &now);
        self.await_next(desk);
    }

    /// If nothing rings any more, the next target begins, or the tree says what is next.
    pub(super) fn settle(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let State::Hunting(hunt) = &mut self.state else { return };
        match (hunt.is_quiet(), self.later.is_empty()) {
            (true, true) if self.ring_in_order(desk) => {}
            (true, true) => self.come_back(desk, false),
            (true, false) => self.ring_next(desk),
            (false, true) => self.await_life(desk),
            (false, false) => {}
        }
    }

    /// The current `try` comes back with its outcome.
    pub(super) fn come_back(&mut self, desk: &mut Desk<'_, '_, '_>, timed_out: bool) {
        let State::Hunting(hunt) = &mut self.state else { return };
        let (outcome, refusal) = hunt.verdict(timed_out);
        if !self.route.follow(outcome) {
            let refusal = refusal.unwrap_or_else(|| Refusal::status(own_status(outcome)));
            return self.refuse(desk, refusal);
        }
        self.earlier = Some(Box::new((outcome, refusal)));
        self.search = (self.search.0.wrapping_add(1), desk.wire.ctx.at());
        self.tried_before = Duration::ZERO;
        self.let_go(desk);
        self.act(desk);
    }

    /// Ends the stage: what the next one names again rings on, the others are told to stop.
    fn let_go(&mut self, desk: &mut Desk<'_, '_, '_>) {
        self.stop_timers(desk);
        let named = self.named(desk);
        let State::Hunting(hunt) = &mut self.state else { return };
        for side in hunt.clear(|rings| named.covers(rings)) {
            self.say(desk, side, LegWord::Cancel(Passage::reason(NOT_WANTED)));
        }
        self.watch_waking(desk);
    }

    /// A timer of this call fired.
    pub fn on_timer(&mut self, desk: &mut Desk<'_, '_, '_>, timer: CallTimer) {
        let is_told = match timer {
            CallTimer::Stage | CallTimer::Limit => true,
            CallTimer::Next | CallTimer::Silent | CallTimer::Flows | CallTimer::Waking => false,
        };
        if is_told {
            self.ladder.time(self.after_ms(desk), timer);
        }
        match (&self.state, timer) {
            (State::Hunting(_), CallTimer::Stage) => self.come_back(desk, true),
            (State::Hunting(_), CallTimer::Next) => self.ring_next(desk),
            (State::Hunting(_), CallTimer::Silent) => self.on_silence(desk),
            (State::Hunting(_), CallTimer::Flows) => self.on_silent_flows(desk),
            (State::Hunting(_), CallTimer::Waking) => self.on_waking_over(desk),
            (State::Hunting(_), CallTimer::Limit) => {
                self.refuse(desk, Refusal::status(own_status(Outcome::NoAnswer)));
            }
            (State::Ignoring, CallTimer::Limit) => self.refuse(desk, Refusal::status(480)),
            (State::Ignoring | State::Bridged { .. } | State::Over, _) => {}
        }
    }

    /// The time of the next target has come, or there is nobody to wait for any more.
    fn ring_next(&mut self, desk: &mut Desk<'_, '_, '_>) {
        desk.wire.ctx.disarm(&mut self.next);
        let Some((due, first)) = self.later.pop() else { return };
        let mut now: SmallVec<[_; 2]> = SmallVec::new();
        now.push(first);
        while self.later.last().is_some_and(|(after, _)| *after <= due) {
            now.extend(self.later.pop().map(|(_, target)| target));
        }
        self.ring_all(desk, &now);
        self.await_next(desk);
        self.settle(desk);
    }

    fn await_next(&mut self, desk: &mut Desk<'_, '_, '_>) {
        if let Some((after, _)) = self.later.last() {
            let passed = desk.wire.ctx.at().since(self.search.1);
            let wait = after.saturating_sub(passed);
            self.next = Some(desk.wire.ctx.arm(wait, Wake::Call(self.key, CallTimer::Next)));
        }
    }

    /// Somebody has refused, and those that still ring have given no sign of life: they hold up the
    /// answer for a while only.
    fn await_life(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let State::Hunting(hunt) = &self.state else { return };
        if self.silent.is_some() || !hunt.has_verdict() || hunt.asked > 0 || hunt.is_waking() {
            return;
        }
        if let Some(silence) = self.silence(desk) {
            let wait = patience(desk).saturating_sub(silence);
            self.silent = Some(desk.wire.ctx.arm(wait, Wake::Call(self.key, CallTimer::Silent)));
        }
    }

    /// How long the youngest of the branches has been silent; `None` if one has shown itself alive.
    fn silence(&self, desk: &Desk<'_, '_, '_>) -> Option<Duration> {
        let State::Hunting(hunt) = &self.state else { return None };
        let mut youngest = None;
        for (leg, began) in hunt.legs() {
            if !desk.legs.is_silent(&*desk.wire, leg) {
                return None;
            }
            youngest = youngest.max(Some(began));
        }
        youngest.map(|began| desk.wire.ctx.at().since(began))
    }

    fn on_silence(&mut self, desk: &mut Desk<'_, '_, '_>) {
        self.silent = None;
        if self.silence(desk).is_none_or(|silence| silence < patience(desk)) {
            return self.settle(desk);
        }
        self.ladder.time(self.after_ms(desk), CallTimer::Silent);
        let State::Hunting(hunt) = &mut self.state else { return };
        hunt.note(Refusal::status(408));
        for side in hunt.clear(|_| false) {
            self.say(desk, side, LegWord::Cancel(Passage::reason(NOT_WANTED)));
        }
        self.settle(desk);
    }

    /// Nothing is to ring any more.
    pub(super) fn stop_ringing(&mut self, desk: &mut Desk<'_, '_, '_>, why: &Passage) {
        self.stop_timers(desk);
        let State::Hunting(hunt) = &mut self.state else { return };
        for side in hunt.clear(|_| false) {
            self.say(desk, side, LegWord::Cancel(why.clone()));
        }
    }

    fn stop_timers(&mut self, desk: &mut Desk<'_, '_, '_>) {
        for timer in [&mut self.stage, &mut self.next, &mut self.silent, &mut self.flows, &mut self.waking] {
            desk.wire.ctx.disarm(timer);
        }
        self.later.clear();
    }
}

/// How long a phone may be silent and still hold up the answer of others.
pub(super) fn patience(desk: &Desk<'_, '_, '_>) -> Duration {
    Duration::from_secs(u64::from(desk.wire.ctx.settings.limits.silent_s))
}
