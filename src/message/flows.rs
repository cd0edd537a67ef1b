//! By which flows a page has gone to its owner's phones. One whose flow is dead gets it by another, if its
//! client has one.
//!
//! Implements: RFC 5626 §5.3, §7.

use crate::base::{At, Key};
use crate::registrar::{Binding, Flowing};
use crate::transaction::Owner;

use super::desk::Desk;
use super::page::Page;

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
    /// has one that was not tried in this stage.
    pub(super) fn send_by_other_flow(&mut self, desk: &mut Desk<'_, '_>, client: Key) -> bool {
        let Some(sent) = self.sent.iter().find(|sent| sent.client == client) else { return false };
        let tried =
            |key: &str| self.sent.iter().any(|own| own.stage == sent.stage && *own.to.binding == *key);
        let sips = self.sender.face.sips;
        let fits = |binding: &Binding| binding.takes(sips) && !tried(&binding.stored.key);
        let other = desk.owner.other_flow(desk.ctx.at(), &sent.to.client, fits);
        let Some(binding) = other else { return false };
        let client = self.send_to(desk, Owner::Page(self.key), binding);
        self.note_sent(client, binding.flowing(), desk.ctx.at());
        true
    }

    /// A request has gone to one of the owner's phones, in the present stage.
    pub(super) fn note_sent(&mut self, client: Key, to: Flowing, at: At) {
        let Some(stage) = self.stage() else { return };
        stage.open.push(client);
        let stage = stage.number;
        self.sent.push(Sent { client, stage, to, at });
    }
}
