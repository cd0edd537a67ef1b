//! A new offer inside an answered call: re-INVITE in and out.
//!
//! At most one at a time: a second one from the phone while its first waits is answered 500 with
//! Retry-After, one that crosses ours 491 (glare). The call's other side hears of it and answers.
//!
//! Implements: RFC 3261 §14.

use crate::base::Key;
use crate::sip::{Message, Method, Name};
use crate::transaction::{Asked, Owner};

use super::confirmed::Confirmed;
use super::legs::{Turn, Wire};
use super::outcome::shown_status;
use super::words::{LegWord, Passage, write_required};

/// What is being renegotiated.
#[derive(Debug, Default)]
pub(super) struct Renegotiation {
    /// The phone's re-INVITE that the other side has not answered.
    asked: Option<Asked>,
    /// Our re-INVITE that the phone has not answered, and whether it made the offer.
    ours: Option<(Key, bool)>,
}

impl Renegotiation {
    pub(super) fn is_ours(&self, client: Key) -> bool {
        self.ours.is_some_and(|(ours, _)| ours == client)
    }

    /// Our re-INVITE was sent again.
    pub(super) fn on_resent(&mut self, old: Key, new: Key) {
        if let Some((client, _)) = self.ours.as_mut().filter(|(client, _)| *client == old) {
            *client = new;
        }
    }

    /// Whether a re-INVITE of ours waits for its final response.
    pub(super) fn is_open(&self) -> bool {
        self.ours.is_some()
    }

    /// Nobody waits for it any longer.
    pub(super) fn abandon(&mut self, wire: &mut Wire<'_, '_>) {
        if let Some((client, _)) = self.ours.take() {
            wire.transactions.abandon(wire.ctx, client);
        }
    }

    pub(super) fn take_asked(&mut self) -> Option<Asked> {
        self.asked.take()
    }
}

impl Confirmed {
    /// The phone makes a new offer, or asks for one.
    pub(super) fn on_reinvite(&mut self, wire: &mut Wire<'_, '_>, asked: Asked) -> Turn {
        let tag = self.dialog.local_tag();
        if self.renegotiation.ours.is_some() {
            asked.refuse(wire.ctx, wire.transactions, 491, tag);
            return Turn::Stay;
        }
        if self.renegotiation.asked.is_some() || self.is_unacknowledged() {
            let mut writer = asked.answer(500, tag);
            // RFC 3261 §14.2: between 0 and 10 seconds.
            writer.number(Name::RetryAfter, wire.ctx.rng.below(11));
            wire.transactions.respond(wire.ctx, asked.key, 500, writer.finish(b""));
            return Turn::Stay;
        }
        let trying = asked.answer(100, b"").finish(b"");
        wire.transactions.respond(wire.ctx, asked.key, 100, trying);
        self.dialog.refresh_target(wire.ctx.settings, &asked.request, asked.flow);
        let passage = Passage::of(&asked.request);
        self.renegotiation.asked = Some(asked);
        Turn::Tell(LegWord::Renegotiate(passage))
    }

    /// The other side makes a new offer: it goes to the phone.
    pub(super) fn renegotiate(&mut self, wire: &mut Wire<'_, '_>, key: Key, passage: &Passage) -> Turn {
        let busy = self.renegotiation.asked.is_some()
            || self.renegotiation.ours.is_some()
            || self.is_unacknowledged()
            || self.owes_ack();
        if busy {
            // Both sides offered at once: both are told, and try again after a while of their own.
            return Turn::Tell(LegWord::Renegotiated { status: 491, passage: Passage::default() });
        }
        let client = self.request(wire, Owner::Leg(key), Method::Invite, passage);
        self.renegotiation.ours = Some((client, passage.has_body()));
        Turn::Stay
    }

    /// The other side has answered the phone's offer.
    pub(super) fn renegotiated(&mut self, wire: &mut Wire<'_, '_>, key: Key, status: u16, passage: &Passage) {
        let Some(asked) = self.renegotiation.asked.take() else { return };
        if (200..300).contains(&status) {
            self.answer(wire, key, &asked, passage);
            return;
        }
        let mut writer = asked.answer(status, self.dialog.local_tag());
        write_required(status, &mut writer);
        passage.write(&mut writer);
        wire.transactions.respond(wire.ctx, asked.key, status, writer.finish(passage.body()));
    }

    /// The phone has answered our re-INVITE.
    pub(super) fn on_reinvite_response(
        &mut self,
        wire: &mut Wire<'_, '_>,
        client: Key,
        response: &Message,
    ) -> Turn {
        let status = response.status();
        let offered = self.renegotiation.ours.is_some_and(|(_, offered)| offered);
        match status {
            ..200 => Turn::Stay,
            200..300 => {
                self.renegotiation.ours = None;
                let flow = self.dialog.flow();
                self.dialog.refresh_target(wire.ctx.settings, response, flow);
                self.owe_ack(client, response, offered);
                if offered {
                    self.acknowledge(wire, &Passage::default());
                }
                Turn::Tell(LegWord::Renegotiated { status, passage: Passage::of(response) })
            }
            // The dialog is gone at the phone (RFC 3261 §12.2.1.2).
            408 | 481 => {
                self.renegotiation.ours = None;
                self.lost(wire)
            }
            _ => {
                self.renegotiation.ours = None;
                // A challenge is never answered, nor is it for the other side.
                let (status, passage) = (shown_status(status), Passage::of(response).without_body());
                Turn::Tell(LegWord::Renegotiated { status, passage })
            }
        }
    }

    /// Our re-INVITE was not answered at all: the dialog is gone (RFC 3261 §14.1).
    pub(super) fn on_reinvite_failed(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.renegotiation.ours = None;
        self.lost(wire)
    }
}
