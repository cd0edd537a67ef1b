//! Phones that sleep: a page waits for them as long as its stage lasts, and goes to them when they have
//! registered. One that has been put into the inbox meanwhile comes from there.
//!
//! Implements: RFC 8599 §5.6.

use crate::effect::PushReason;
use crate::registrar::{Binding, Rousing};
use crate::routing::Outcome;
use crate::transaction::Owner;

use super::desk::{Desk, Order};
use super::page::Page;

impl Page {
    /// Has a sleeping phone of the owner's woken; false if it is awake.
    pub(super) fn wake(&mut self, desk: &mut Desk<'_, '_>, binding: &Binding) -> bool {
        let sleeps = binding.sleeps(desk.ctx.at(), &desk.ctx.settings.limits);
        if sleeps {
            self.rouse(desk, binding);
        }
        sleeps
    }

    /// Has a phone woken, and waits for it.
    pub(super) fn rouse(&mut self, desk: &mut Desk<'_, '_>, binding: &Binding) {
        let Some(rousing) = Rousing::of(&self.owner, binding, PushReason::Page) else { return };
        let Some(stage) = self.stage() else { return };
        stage.waking.push(binding.client().into());
        desk.orders.push(Order::Rouse(self.key, Box::new(rousing)));
    }

    /// A phone that was woken has registered: it is sent the page too.
    pub fn on_awake(&mut self, desk: &mut Desk<'_, '_>, client: &str) {
        if !self.waits_for(client) {
            return;
        }
        let (now, limits, sips) = (desk.ctx.at(), &desk.ctx.settings.limits, self.sender.face.sips);
        let fits = |one: &Binding| one.takes(sips) && !one.sleeps(now, limits);
        match desk.owner.other_flow(now, client, fits) {
            Some(binding) => self.send_late(desk, binding),
            None => self.note((Outcome::Unreachable, 480)),
        }
        self.settle(desk);
    }

    /// Sends the page to a client that was waited for.
    fn send_late(&mut self, desk: &mut Desk<'_, '_>, binding: &Binding) {
        let request = self.send_to(desk, Owner::Page(self.key), binding);
        self.note_sent(request, binding.flowing(), desk.ctx.at());
    }

    /// A phone will not wake up. By a flow that may be alive it is sent the page all the same.
    pub fn on_asleep(&mut self, desk: &mut Desk<'_, '_>, client: &str) {
        if !self.waits_for(client) {
            return;
        }
        let sips = self.sender.face.sips;
        let may_live = |one: &Binding| one.takes(sips) && !one.is_gone && !self.has_tried(&one.stored.key);
        match desk.owner.other_flow(desk.ctx.at(), client, may_live) {
            Some(binding) => self.send_late(desk, binding),
            None => self.note((Outcome::Unreachable, 480)),
        }
        self.settle(desk);
    }

    /// Waits for a client no more; whether it did.
    fn waits_for(&mut self, client: &str) -> bool {
        let Some(stage) = self.stage() else { return false };
        let before = stage.waking.len();
        stage.waking.retain(|own| **own != *client);
        stage.waking.len() < before
    }
}
