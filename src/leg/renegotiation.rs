//! A new offer inside an answered call: re-INVITE in and out.
//!
//! At most one at a time: a second one from the phone while its first waits is answered 500 with
//! Retry-After, one that crosses ours 491 (glare). The call's other side hears of it and answers.
//!
//! A CANCEL of the phone's is passed on as the wish that it is; its re-INVITE is answered with what
//! becomes of ours. To answer 487 at once, as RFC 3261 §9.2 has it for an INVITE that opens a call,
//! would leave the two sides with different sessions whenever the answer crosses the CANCEL.
//!
//! Implements: RFC 3261 §14, §9.

use crate::base::Key;
use crate::sip::{Message, Method, Name};
use crate::transaction::{Asked, Owner};

use super::confirmed::Confirmed;
use super::legs::{Turn, Wire};
use super::outcome::shown_status;
use super::watch::ends_dialog;
use super::words::{LegWord, Passage, write_required};

/// What is being renegotiated.
#[derive(Debug, Default)]
pub(super) struct Renegotiation {
    /// The phone's re-INVITE that the other side has not answered.
    asked: Option<Asked>,
    /// Our re-INVITE that the phone has not answered.
    ours: Option<Ours>,
}

#[derive(Debug)]
struct Ours {
    client: Key,
    /// Whether it made the offer.
    offered: bool,
    /// It is not wanted any more; the CANCEL waits for a provisional response.
    withdrawn: Option<Passage>,
}

impl Renegotiation {
    pub(super) fn is_ours(&self, client: Key) -> bool {
        self.ours.as_ref().is_some_and(|ours| ours.client == client)
    }

    /// Whether a re-INVITE of ours waits for its final response.
    pub(super) fn is_open(&self) -> bool {
        self.ours.is_some()
    }

    /// Nobody waits for it any longer.
    pub(super) fn abandon(&mut self, wire: &mut Wire<'_, '_>) {
        if let Some(ours) = self.ours.take() {
            wire.transactions.abandon(wire.ctx, ours.client);
        }
    }

    pub(super) fn take_asked(&mut self) -> Option<Asked> {
        self.asked.take()
    }
}

impl Confirmed {
    /// The phone makes a new offer, or asks for one.
    pub(super) fn on_reinvite(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: Asked) -> Turn {
        let tag = self.dialog.local_tag();
        if self.renegotiation.ours.is_some() {
            asked.refuse(wire.ctx, wire.transactions, 491, tag);
            return Turn::Stay;
        }
        if self.renegotiation.asked.is_some() || self.acks.is_awaited() {
            let mut writer = asked.answer(500, tag);
            // RFC 3261 §14.2: between 0 and 10 seconds.
            writer.number(Name::RetryAfter, wire.ctx.rng.below(11));
            wire.transactions.respond(wire.ctx, asked.key, 500, writer.finish(b""));
            return Turn::Stay;
        }
        let trying = asked.answer(100, b"").finish(b"");
        wire.transactions.respond(wire.ctx, asked.key, 100, trying);
        self.dialog.refresh_target(wire.ctx.settings, &asked.request, asked.flow);
        wire.transactions.belongs_to(asked.key, key);
        let passage = Passage::of(&asked.request);
        self.renegotiation.asked = Some(asked);
        Turn::Tell(LegWord::Renegotiate(passage))
    }

    /// The phone takes its offer back.
    pub(super) fn on_cancel(&self, invite: Key, cancel: &Message) -> Turn {
        match &self.renegotiation.asked {
            Some(asked) if asked.key == invite => {
                Turn::Tell(LegWord::Withdraw(Passage::of(cancel).without_body()))
            }
            Some(_) | None => Turn::Stay,
        }
    }

    /// The other side takes its offer back: our re-INVITE gets a CANCEL as soon as it may.
    pub(super) fn withdraw(&mut self, wire: &mut Wire<'_, '_>, key: Key, passage: Passage) {
        let Some(ours) = &mut self.renegotiation.ours else { return };
        if wire.transactions.may_cancel(ours.client) {
            wire.transactions.cancel(wire.ctx, ours.client, passage.header(Name::Reason));
            self.wait_for_reinvite(wire, key);
        } else {
            ours.withdrawn = Some(passage);
        }
    }

    /// Nothing has come of a CANCEL, or of a dialog's end, in 64·T1 (RFC 3261 §9.1).
    pub(super) fn on_out_of_patience(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.patience = None;
        self.renegotiation.abandon(wire);
        if self.ended {
            return Turn::End;
        }
        Turn::Tell(LegWord::Renegotiated { status: 487, passage: Passage::default() })
    }

    /// The other side makes a new offer: it goes to the phone.
    pub(super) fn renegotiate(&mut self, wire: &mut Wire<'_, '_>, key: Key, passage: &Passage) -> Turn {
        let busy = self.renegotiation.asked.is_some()
            || self.renegotiation.ours.is_some()
            || self.acks.is_awaited()
            || self.acks.is_owed();
        if busy {
            // Both sides offered at once: both are told, and try again after a while of their own.
            return Turn::Tell(LegWord::Renegotiated { status: 491, passage: Passage::default() });
        }
        let client = self.request(wire, Owner::Leg(key), Method::Invite, passage);
        self.renegotiation.ours = Some(Ours { client, offered: passage.has_body(), withdrawn: None });
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
        key: Key,
        client: Key,
        response: &Message,
    ) -> Turn {
        let status = response.status();
        if status < 200 {
            let wanted = self.renegotiation.ours.as_mut().and_then(|ours| ours.withdrawn.take());
            if let Some(passage) = wanted {
                self.withdraw(wire, key, passage);
            }
            return Turn::Stay;
        }
        let offered = self.renegotiation.ours.take().is_some_and(|ours| ours.offered);
        wire.ctx.disarm(&mut self.patience);
        match status {
            200..300 => {
                let flow = self.dialog.flow();
                self.dialog.refresh_target(wire.ctx.settings, response, flow);
                self.owe_ack(client, response, offered);
                if offered {
                    self.acknowledge(wire, &Passage::default());
                }
                Turn::Tell(LegWord::Renegotiated { status, passage: Passage::of(response) })
            }
            _ if ends_dialog(status) => self.lost(wire),
            _ => {
                // A challenge is never answered, nor is it for the other side.
                let (status, passage) = (shown_status(status), Passage::of(response).without_body());
                Turn::Tell(LegWord::Renegotiated { status, passage })
            }
        }
    }

    /// Our re-INVITE was not answered at all: the dialog is gone (RFC 3261 §14.1). One that could not
    /// be sent changes nothing.
    pub(super) fn on_reinvite_failed(&mut self, wire: &mut Wire<'_, '_>, status: u16) -> Turn {
        self.renegotiation.ours = None;
        if ends_dialog(status) || self.ended {
            return self.lost(wire);
        }
        wire.ctx.disarm(&mut self.patience);
        Turn::Tell(LegWord::Renegotiated { status: shown_status(status), passage: Passage::default() })
    }
}
