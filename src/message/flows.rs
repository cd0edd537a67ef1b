//! By which flows a page has gone to its owner's phones. One whose flow is dead gets it by another, if its
//! client has one, or when it was woken, if it can be.
//!
//! Implements: RFC 5626 §5.3, §7.

use crate::base::{At, Key};
use crate::registrar::{Binding, Flowing};
use crate::transaction::Owner;

use super::desk::Desk;
use super::page::{Page, State};

/// A request to one of the owner's phones.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) client: Key,
    /// In which stage.
    pub(super) stage: u8,
    pub(super) to: Flowing,
    pub(super) at: At,
}

impl Page {
    /// By which binding a request went to one of the owner's phones, and when.
    pub fn binding_of(&self, client: Key) -> Option<(&str, At)> {
        let sent = self.sent.iter().find(|sent| sent.client == client)?;
        Some((&sent.to.binding, sent.at))
    }

    /// A request has failed because its flow is dead: the page goes to the client by another one, if it
    /// has one that was not tried in this stage; or its phone is woken, but once.
    pub(super) fn send_by_other_flow(&mut self, desk: &mut Desk<'_, '_>, client: Key) -> bool {
        let Some(sent) = self.sent.iter().find(|sent| sent.client == client) else { return false };
        let mut tried = self.sent.iter().filter(|own| own.stage == sent.stage);
        let (now, limits, sips) = (desk.ctx.at(), &desk.ctx.settings.limits, self.sender.face.sips);
        let fits = |binding: &Binding| {
            binding.takes(sips)
                && !tried.clone().any(|own| *own.to.binding == *binding.stored.key)
                && !binding.sleeps(now, limits)
        };
        let Some(binding) = desk.owner.other_flow(now, &sent.to.client, fits) else {
            let is_first = !tried.any(|own| own.client != client && own.to.client == sent.to.client);
            let binding = desk.owner.bindings.get(&sent.to.binding);
            let Some(binding) = binding.filter(|own| is_first && own.asleep.is_some()) else { return false };
            self.rouse(desk, binding);
            return true;
        };
        let client = self.send_to(desk, Owner::Page(self.key), binding);
        self.note_sent(client, binding.flowing(), desk.ctx.at());
        true
    }

    /// Whether the page has gone by this binding in the present stage.
    pub(super) fn has_tried(&self, binding: &str) -> bool {
        let State::Asking(stage) = &self.state else { return false };
        self.sent.iter().any(|own| own.stage == stage.number && *own.to.binding == *binding)
    }

    /// A request has gone to one of the owner's phones, in the present stage.
    pub(super) fn note_sent(&mut self, client: Key, to: Flowing, at: At) {
        let Some(stage) = self.stage() else { return };
        stage.open.push(client);
        let stage = stage.number;
        self.sent.push(Sent { client, stage, to, at });
    }
}
