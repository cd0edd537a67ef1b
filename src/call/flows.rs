//! One client, several flows: when the flow that rings it is dead, the next one does.
//!
//! A flow is dead when a request could not be sent by it or was not answered at all, when a proxy says
//! so (430), or when it is silent for longer than anybody can wait (`silent_s`) and there is another:
//! over datagrams it takes half a minute until a transaction gives up, and few stages last that long.
//!
//! Implements: RFC 5626 §5.3, §6, §7 (the next flow of the same instance).

use crate::base::{At, Key};
use crate::effect::{CallTimer, Wake};
use crate::leg::{LegWord, Passage};
use crate::registrar::Binding;

use super::call::{Call, Desk, NOT_WANTED, Order, State};
use super::hunt::{Hunt, Side};
use super::stages::patience;
use super::waking::may_wake;

impl Call {
    /// By which binding of the owner's a leg rings one of his clients, and since when.
    pub fn binding_of(&self, leg: Key) -> Option<(&str, At)> {
        let State::Hunting(hunt) = &self.state else { return None };
        hunt.client_of(leg).map(|(flowing, since)| (&*flowing.binding, since))
    }

    /// A branch has failed because its flow is dead: its client is rung by another one, if it has one, or
    /// woken, if it can be.
    pub(super) fn ring_other_flow(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key) -> bool {
        let sips = self.is_sips();
        let State::Hunting(hunt) = &self.state else { return false };
        let other = other_flow(desk, (hunt, sips), leg);
        if other.is_none() && !self.wake_behind(desk, leg) {
            return false;
        }
        if let State::Hunting(hunt) = &mut self.state {
            hunt.end(leg);
        }
        if let Some(other) = other {
            self.ring_by(desk, other);
        }
        true
    }

    /// Has those looked after whose client could be rung by another flow.
    pub(super) fn watch_flows(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let sips = self.is_sips();
        let State::Hunting(hunt) = &self.state else { return };
        let now = desk.wire.ctx.at();
        let replaceable = hunt.legs().filter(|(leg, _)| {
            desk.legs.is_silent(&*desk.wire, *leg)
                && (other_flow(desk, (hunt, sips), *leg).is_some() || may_wake(desk, hunt, *leg).is_some())
        });
        let eldest = replaceable.map(|(_, began)| began).min();
        if let (Some(eldest), None) = (eldest, &self.flows) {
            let wait = patience(desk).saturating_sub(now.since(eldest));
            self.flows = Some(desk.wire.ctx.arm(wait, Wake::Call(self.key, CallTimer::Flows)));
        }
    }

    /// Flows have been silent for long enough: their clients are rung by others.
    pub(super) fn on_silent_flows(&mut self, desk: &mut Desk<'_, '_, '_>) {
        self.flows = None;
        let sips = self.is_sips();
        let State::Hunting(hunt) = &self.state else { return };
        let now = desk.wire.ctx.at();
        let is_late = |began: At| now.since(began) >= patience(desk);
        let silent: Vec<(Side, String, At)> = hunt
            .legs()
            .filter(|(leg, began)| is_late(*began) && desk.legs.is_silent(&*desk.wire, *leg))
            .filter_map(|(leg, since)| {
                Some((hunt.side(leg)?, hunt.client_of(leg)?.0.binding.to_string(), since))
            })
            .collect();
        for (side, binding, since) in silent {
            let State::Hunting(hunt) = &self.state else { return };
            if other_flow(desk, (hunt, sips), side.leg).is_none() && may_wake(desk, hunt, side.leg).is_none()
            {
                continue;
            }
            self.say(desk, side, LegWord::Cancel(Passage::reason(NOT_WANTED)));
            desk.orders.push(Order::FlowFailed { uid: self.owner.clone(), binding, since });
            self.ring_other_flow(desk, side.leg);
        }
        self.watch_flows(desk);
    }

    /// Rings a client by this binding, with a share of the breadth.
    pub(super) fn ring_by(&mut self, desk: &mut Desk<'_, '_, '_>, binding: &Binding) {
        let history = self.history.header(&self.owner);
        if let Some(share) = self.take_share() {
            self.ring_client(desk, binding, share, history.as_ref());
        }
    }
}

/// Another flow of the client that a leg rings, which was not tried and does not sleep.
fn other_flow<'a>(desk: &Desk<'a, '_, '_>, (hunt, sips): (&Hunt, bool), leg: Key) -> Option<&'a Binding> {
    let (flowing, _) = hunt.client_of(leg)?;
    let (now, limits) = (desk.wire.ctx.at(), &desk.wire.ctx.settings.limits);
    let fits = |binding: &Binding| {
        binding.takes(sips) && !hunt.knows_flow(&binding.stored.key) && !binding.sleeps(now, limits)
    };
    desk.owner.other_flow(now, &flowing.client, fits)
}
