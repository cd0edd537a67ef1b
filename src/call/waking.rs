//! Phones that sleep: they are woken by their push service, and ring when they have registered.
//!
//! A call waits for them as it waits for phones that ring, as long as its stage lasts and no longer than
//! `wake_s`. Whoever is awake rings meanwhile.
//!
//! Implements: RFC 8599 §5.6 (a request to a phone that has to be woken).

use std::time::Duration;

use crate::effect::{CallTimer, PushReason, Wake};
use crate::leg::Refusal;
use crate::registrar::{Binding, Rousing};

use super::call::{Call, Desk, Order, State};

impl Call {
    /// Has a sleeping phone of the owner's woken; false if it is awake.
    pub(super) fn wake(&mut self, desk: &mut Desk<'_, '_, '_>, binding: &Binding) -> bool {
        let ctx = &mut *desk.wire.ctx;
        let Some(address) = binding.sleeps(ctx.at(), &ctx.settings.limits) else { return false };
        let State::Hunting(hunt) = &mut self.state else { return false };
        hunt.wake(binding.flowing());
        let patience = Duration::from_secs(ctx.settings.limits.wake_s.into());
        if self.waking.is_none() {
            self.waking = Some(ctx.arm(patience, Wake::Call(self.key, CallTimer::Waking)));
        }
        let client = binding.client().to_owned();
        let rousing =
            Rousing { uid: self.owner.clone(), client, to: address.clone(), reason: PushReason::Call };
        desk.orders.push(Order::Rouse(self.key, Box::new(rousing)));
        true
    }

    /// A phone that was woken has registered: it rings too.
    pub fn on_awake(&mut self, desk: &mut Desk<'_, '_, '_>, client: &str) {
        let sips = self.is_sips();
        let State::Hunting(hunt) = &mut self.state else { return };
        if !hunt.is_awake(client) {
            return;
        }
        let (now, limits) = (desk.wire.ctx.at(), &desk.wire.ctx.settings.limits);
        let fits = |one: &Binding| one.takes(sips) && one.sleeps(now, limits).is_none();
        match desk.owner.other_flow(now, client, fits) {
            Some(binding) => {
                self.claims = self.claims_later(desk).saturating_add(2);
                self.ring_by(desk, binding);
            }
            None => {
                hunt.note(Refusal::status(480));
            }
        }
        self.settle(desk);
    }

    /// A phone will not wake up.
    pub fn on_asleep(&mut self, desk: &mut Desk<'_, '_, '_>, client: &str) {
        let State::Hunting(hunt) = &mut self.state else { return };
        if hunt.is_awake(client) {
            hunt.note(Refusal::status(480));
            self.settle(desk);
        }
    }

    /// Phones have had their time to wake up.
    pub(super) fn on_waking_over(&mut self, desk: &mut Desk<'_, '_, '_>) {
        self.waking = None;
        let State::Hunting(hunt) = &mut self.state else { return };
        if hunt.gives_up_waking() {
            hunt.note(Refusal::status(480));
            self.settle(desk);
        }
    }
}
