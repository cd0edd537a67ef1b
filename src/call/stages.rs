//! How a half of a call follows its tree: stages of targets, and what comes after each outcome.
//!
//! Implements: RFC 3261 §16.6, §16.7 (search and best response), §8.1.3.4 (redirection).

use std::sync::Arc;
use std::time::Duration;

use crate::base::Uid;
use crate::dialog::Face;
use crate::effect::{CallTimer, Wake};
use crate::leg::{Dial, LegWord, Passage, Refusal, own_status};
use crate::routing::{Action, Direction, Outcome, Route, Target, TimedTarget, Who};

use super::call::{Call, Desk, NOT_WANTED, Order, State, say};
use super::parties::{Invitation, Opening};

impl Call {
    /// Does what the tree says now.
    pub(super) fn act(&mut self, desk: &mut Desk<'_, '_, '_>) {
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

    fn stage(&mut self, desk: &mut Desk<'_, '_, '_>, targets: &[TimedTarget], ring_for: Option<Duration>) {
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
            Target::Client(_) | Target::Inbox | Target::Voicemail | Target::Device(_) => {}
        }
    }

    fn ring_clients(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let callee =
            Face { name: None, user: self.owner.user().to_owned(), host: self.owner.cluster().to_owned() };
        let now = desk.wire.ctx.at();
        for binding in desk.owner.clients(now, None) {
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
    pub(super) fn redirect(&mut self, desk: &mut Desk<'_, '_, '_>, to: Who) {
        self.redirections += 1;
        let settings = desk.wire.ctx.settings;
        let who = (Who::User(self.owner.clone()), to);
        let profiles = desk.owner.profiles(settings);
        let facts = desk.owner.facts(desk.wire.ctx.now, &who.1, self.passage.is_urgent());
        let route = Route::begin(profiles, Direction::Outgoing, self.route.mode(), who, facts);
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
    pub(super) fn settle(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let State::Hunting(hunt) = &mut self.state else { return };
        if hunt.is_over() {
            self.come_back(desk, false);
        }
    }

    /// The current `try` comes back with its outcome.
    pub(super) fn come_back(&mut self, desk: &mut Desk<'_, '_, '_>, timed_out: bool) {
        self.stop_ringing(desk, NOT_WANTED);
        let State::Hunting(hunt) = &mut self.state else { return };
        let (outcome, refusal) = hunt.verdict(timed_out);
        if self.route.follow(outcome) {
            return self.act(desk);
        }
        let refusal = refusal.unwrap_or_else(|| Refusal::status(own_status(outcome)));
        self.refuse(desk, refusal);
    }

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

    pub(super) fn stop_ringing(&mut self, desk: &mut Desk<'_, '_, '_>, why: &'static str) {
        desk.wire.ctx.disarm(&mut self.stage);
        desk.wire.ctx.disarm(&mut self.next);
        self.later.clear();
        let State::Hunting(hunt) = &mut self.state else { return };
        for leg in hunt.clear() {
            say(desk, leg, LegWord::Cancel(Passage::reason(why)));
        }
    }
}
