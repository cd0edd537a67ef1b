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

impl Call {
    /// By which binding of the owner's a leg rings one of his clients, and since when.
    pub fn binding_of(&self, leg: Key) -> Option<(&str, At)> {
        let State::Hunting(hunt) = &self.state else { return None };
        hunt.client_of(leg).map(|(flowing, since)| (&*flowing.binding, since))
    }

    /// A branch has failed because its flow is dead: its client is rung by another one, if it has one.
    pub(super) fn ring_other_flow(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key) -> bool {
        let sips = self.is_sips();
        let State::Hunting(hunt) = &mut self.state else { return false };
        let Some((flowing, _)) = hunt.client_of(leg) else { return false };
        let is_dead = desk.owner.bindings.get(&flowing.binding).is_none_or(|binding| binding.has_failed);
        let Some(other) = other_flow(desk, (hunt, sips), leg).filter(|_| is_dead) else { return false };
        hunt.end(leg);
        self.ring_by(desk, other);
        true
    }

    /// Has those looked after whose client could be rung by another flow.
    pub(super) fn watch_flows(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let sips = self.is_sips();
        let State::Hunting(hunt) = &self.state else { return };
        let now = desk.wire.ctx.at();
        let replaceable = hunt.legs().filter(|(leg, _)| {
            desk.legs.is_silent(&*desk.wire, *leg) && other_flow(desk, (hunt, sips), *leg).is_some()
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
            let State::Hunting(hunt) = &mut self.state else { return };
            let Some(other) = other_flow(desk, (hunt, sips), side.leg) else { continue };
            hunt.end(side.leg);
            self.say(desk, side, LegWord::Cancel(Passage::reason(NOT_WANTED)));
            desk.orders.push(Order::FlowFailed { uid: self.owner.clone(), binding, since });
            self.ring_by(desk, other);
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

/// Another flow of the client that a leg rings, which was not tried.
fn other_flow<'a>(desk: &Desk<'a, '_, '_>, (hunt, sips): (&Hunt, bool), leg: Key) -> Option<&'a Binding> {
    let (flowing, _) = hunt.client_of(leg)?;
    let fits = |binding: &Binding| binding.takes(sips) && !hunt.knows_flow(&binding.stored.key);
    desk.owner.other_flow(desk.wire.ctx.at(), &flowing.client, fits)
}
