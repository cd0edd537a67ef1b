//! Phones that sleep: they are woken by their push service, and ring when they have registered.
//!
//! A call waits for them as it waits for phones that ring, as long as its stage lasts and no longer than
//! `wake_s`. Whoever is awake rings meanwhile. A phone whose connection is open is taken to be awake; if
//! that proves to be dead, it is woken then.
//!
//! Implements: RFC 8599 §5.6 (a request to a phone that has to be woken).

use std::time::Duration;

use crate::base::Key;
use crate::effect::{CallTimer, PushReason, Wake};
use crate::leg::Refusal;
use crate::registrar::{Binding, Rousing};

use super::call::{Call, Desk, Order, State};
use super::hunt::Hunt;

impl Call {
    /// Has a phone of the owner's woken, if it sleeps; false if it is awake.
    pub(super) fn wake(&mut self, desk: &mut Desk<'_, '_, '_>, binding: &Binding) -> bool {
        let ctx = &*desk.wire.ctx;
        let sleeps = binding.sleeps(ctx.at(), &ctx.settings.limits);
        if sleeps {
            self.rouse(desk, binding);
        }
        sleeps
    }

    /// The flow of the client that a leg rings is dead, and it has no other: its phone may have fallen
    /// asleep behind it, and is woken, but once. Whether it is.
    pub(super) fn wake_behind(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key) -> bool {
        let State::Hunting(hunt) = &self.state else { return false };
        let Some(binding) = may_wake(desk, hunt, leg) else { return false };
        self.rouse(desk, binding);
        true
    }

    fn rouse(&mut self, desk: &mut Desk<'_, '_, '_>, binding: &Binding) {
        let State::Hunting(hunt) = &mut self.state else { return };
        let Some(rousing) = Rousing::of(&self.owner, binding, PushReason::Call) else { return };
        hunt.await_waking(binding.flowing());
        desk.orders.push(Order::Rouse(self.key, Box::new(rousing)));
        self.watch_waking(desk);
    }

    /// Gives those that are being woken their time, from now on.
    pub(super) fn watch_waking(&mut self, desk: &mut Desk<'_, '_, '_>) {
        desk.wire.ctx.disarm(&mut self.waking);
        if matches!(&self.state, State::Hunting(hunt) if hunt.is_waking()) {
            let patience = Duration::from_secs(desk.wire.ctx.settings.limits.wake_s.into());
            self.waking = Some(desk.wire.ctx.arm(patience, Wake::Call(self.key, CallTimer::Waking)));
        }
    }

    /// A phone that was woken has registered: it rings too.
    pub fn on_awake(&mut self, desk: &mut Desk<'_, '_, '_>, client: &str) {
        let sips = self.is_sips();
        let State::Hunting(hunt) = &mut self.state else { return };
        if !hunt.has_woken(client) {
            return;
        }
        let (now, limits) = (desk.wire.ctx.at(), &desk.wire.ctx.settings.limits);
        let fits = |one: &Binding| one.takes(sips) && !one.sleeps(now, limits);
        match desk.owner.other_flow(now, client, fits) {
            Some(binding) => self.ring_late(desk, binding),
            None => {
                hunt.note(Refusal::status(480));
            }
        }
        self.settle(desk);
    }

    /// A phone will not wake up. By a flow that may be alive it is rung all the same: that costs nothing, and
    /// an application that is in front of its user's eyes is not asleep.
    pub fn on_asleep(&mut self, desk: &mut Desk<'_, '_, '_>, client: &str) {
        let sips = self.is_sips();
        let State::Hunting(hunt) = &mut self.state else { return };
        let may_live = |one: &Binding| one.takes(sips) && !one.is_gone && !hunt.has_tried(&one.stored.key);
        match desk.owner.other_flow(desk.wire.ctx.at(), client, may_live) {
            Some(binding) if hunt.has_woken(client) => {
                self.ring_late(desk, binding);
                self.settle(desk);
            }
            Some(_) => {}
            None => self.give_up_waking(desk, Some(client)),
        }
    }

    /// Rings a client that was waited for.
    fn ring_late(&mut self, desk: &mut Desk<'_, '_, '_>, binding: &Binding) {
        self.claims = self.claims_later(desk).saturating_add(1).saturating_mul(2);
        self.ring_by(desk, binding);
    }

    /// Phones have had their time to wake up.
    pub(super) fn on_waking_over(&mut self, desk: &mut Desk<'_, '_, '_>) {
        self.waking = None;
        self.give_up_waking(desk, None);
    }

    fn give_up_waking(&mut self, desk: &mut Desk<'_, '_, '_>, client: Option<&str>) {
        let State::Hunting(hunt) = &mut self.state else { return };
        if hunt.sleeps_on(client) {
            hunt.note(Refusal::status(480));
            self.settle(desk);
        }
    }
}

/// The binding by which a leg rings a client whose phone can be woken, and has had no turn in this `try`.
pub(super) fn may_wake<'a>(desk: &Desk<'a, '_, '_>, hunt: &Hunt, leg: Key) -> Option<&'a Binding> {
    let (flowing, _) = hunt.client_of(leg).filter(|(flowing, _)| !hunt.has_ended(&flowing.client))?;
    desk.owner.bindings.get(&flowing.binding).filter(|binding| binding.asleep.is_some())
}
