//! A new offer inside an answered call: re-INVITE and UPDATE, in and out.
//!
//! At most one at a time: a second one from the phone while its first waits is answered 500 with
//! Retry-After, one that crosses ours 491 (glare). The call's other side hears of it and answers. What
//! came by UPDATE goes on by UPDATE to a phone that takes it, else by a re-INVITE, which we acknowledge
//! ourselves; an UPDATE without an offer only refreshes the session, and goes no further.
//!
//! A CANCEL of the phone's is passed on as the wish that it is; its re-INVITE is answered with what
//! becomes of ours. To answer 487 at once, as RFC 3261 §9.2 has it for an INVITE that opens a call,
//! would leave the two sides with different sessions whenever the answer crosses the CANCEL.
//!
//! Implements: RFC 3261 §14, §9; RFC 3311 §5 (in an answered call).

use crate::base::Key;
use crate::sip::{Message, Method, Name};
use crate::transaction::{Asked, Owner};

use super::confirmed::Confirmed;
use super::invite_out::refreshes_session;
use super::legs::{Turn, Wire};
use super::outcome::shown_status;
use super::watch::ends_dialog;
use super::words::{LegWord, Passage, write_required};

/// What is being renegotiated.
#[derive(Debug, Default)]
pub(super) struct Renegotiation {
    /// The phone's re-INVITE or UPDATE that the other side has not answered.
    asked: Option<Asked>,
    /// Our re-INVITE or UPDATE that the phone has not answered.
    ours: Option<Ours>,
}

#[derive(Debug)]
struct Ours {
    client: Key,
    /// Whether it made the offer.
    offered: bool,
    /// It is not wanted any more; the CANCEL waits for a provisional response.
    withdrawn: Option<Box<Passage>>,
    /// Whether it only refreshes the session: the other side has not asked for it.
    refresh: bool,
}

impl Renegotiation {
    pub(super) fn is_ours(&self, client: Key) -> bool {
        self.ours.as_ref().is_some_and(|ours| ours.client == client)
    }

    /// Our re-INVITE was sent again.
    pub(super) fn on_resent(&mut self, old: Key, new: Key) {
        if let Some(ours) = self.ours.as_mut().filter(|ours| ours.client == old) {
            ours.client = new;
        }
    }

    /// Whether an offer of ours waits for its final response.
    pub(super) fn is_open(&self) -> bool {
        self.ours.is_some()
    }

    /// Nobody waits for it any longer.
    pub(super) fn abandon(&mut self, wire: &mut Wire<'_, '_>) {
        if let Some(ours) = self.ours.take() {
            wire.transactions.abandon(wire.ctx, ours.client);
        }
    }

    /// An offer of the phone's was open when the call was answered.
    pub(super) fn has_asked(&mut self, asked: Asked) {
        self.asked = Some(asked);
    }

    /// An UPDATE of ours was.
    pub(super) fn has_offered(&mut self, client: Key) {
        self.ours = Some(Ours { client, offered: true, withdrawn: None, refresh: false });
    }

    pub(super) fn take_asked(&mut self) -> Option<Asked> {
        self.asked.take()
    }
}

impl Confirmed {
    /// The phone makes a new offer, or asks for one.
    pub(super) fn on_reinvite(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: Asked) -> Turn {
        if self.refuses_to_negotiate(wire, &asked) {
            return Turn::Stay;
        }
        let trying = asked.answer(100, b"").finish(b"");
        wire.transactions.respond(wire.ctx, asked.key, 100, trying);
        self.dialog.refresh_target(wire.ctx.settings, &asked.request, asked.flow);
        wire.transactions.belongs_to(asked.key, key);
        self.relay.note_packages(&asked.request);
        let passage = Passage::of(&asked.request);
        self.renegotiation.asked = Some(asked);
        Turn::Tell(LegWord::Renegotiate { early: 0, update: false, passage })
    }

    /// The phone makes a new offer, or says that it is there.
    pub(super) fn on_update(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: Asked) -> Turn {
        self.updates = true;
        self.relay.note_packages(&asked.request);
        let passage = Passage::of(&asked.request);
        if passage.has_body() && self.refuses_to_negotiate(wire, &asked) {
            return Turn::Stay;
        }
        self.dialog.refresh_target(wire.ctx.settings, &asked.request, asked.flow);
        if !passage.has_body() {
            self.grant(wire, key, &asked, &Passage::default());
            return Turn::Stay;
        }
        self.renegotiation.asked = Some(asked);
        Turn::Tell(LegWord::Renegotiate { early: 0, update: true, passage })
    }

    /// Refuses an offer that meets another one (RFC 3261 §14.2, RFC 3311 §5.2).
    fn refuses_to_negotiate(&self, wire: &mut Wire<'_, '_>, asked: &Asked) -> bool {
        let tag = self.dialog.local_tag();
        if self.renegotiation.ours.is_some() {
            asked.refuse(wire.ctx, wire.transactions, 491, tag);
            return true;
        }
        let busy = self.renegotiation.asked.is_some() || self.acks.is_awaited();
        if busy {
            asked.refuse_for_now(wire.ctx, wire.transactions, tag);
        }
        busy
    }

    /// Answers an UPDATE, or a PRACK with an offer, with a 2xx.
    fn grant(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: &Asked, passage: &Passage) {
        let mut writer = asked.answer(200, self.dialog.local_tag());
        if refreshes_session(asked.request.method()) {
            self.guise.introduce(wire.ctx.settings, asked.flow, true, &mut writer);
            self.session.agree(&wire.ctx.settings.limits, &asked.request, &mut writer);
            self.time_session(wire, key);
        }
        passage.write(&mut writer);
        wire.transactions.respond(wire.ctx, asked.key, 200, writer.finish(passage.body()));
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
            ours.withdrawn = Some(Box::new(passage));
        }
    }

    /// Nothing has come of a CANCEL, or of a dialog's end, in 64·T1 (RFC 3261 §9.1).
    pub(super) fn on_out_of_patience(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.patience = None;
        self.renegotiation.abandon(wire);
        if self.ended {
            return Turn::End;
        }
        Turn::Tell(LegWord::Renegotiated { early: 0, status: 487, passage: Passage::default() })
    }

    /// The other side makes a new offer: it goes to the phone.
    pub(super) fn renegotiate(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        update: bool,
        passage: &Passage,
    ) -> Turn {
        if self.is_renegotiating() {
            // Both sides offered at once: both are told, and try again after a while of their own.
            return Turn::Tell(LegWord::Renegotiated { early: 0, status: 491, passage: Passage::default() });
        }
        let method = if update && self.updates { Method::Update } else { Method::Invite };
        let client = self.request(wire, Owner::Leg(key), method, passage);
        self.has_told(wire, passage, None);
        let offered = passage.has_body();
        self.renegotiation.ours = Some(Ours { client, offered, withdrawn: None, refresh: false });
        Turn::Stay
    }

    /// Whether an offer is open, either way.
    pub(super) fn is_renegotiating(&self) -> bool {
        self.renegotiation.asked.is_some()
            || self.renegotiation.ours.is_some()
            || self.acks.is_awaited()
            || self.acks.is_owed()
    }

    /// Tells the phone once more what it knows, so that the session goes on (RFC 4028 §7.4).
    pub(super) fn refresh_by_reinvite(&mut self, wire: &mut Wire<'_, '_>, key: Key, told: &Passage) {
        let client = self.request(wire, Owner::Leg(key), Method::Invite, told);
        self.renegotiation.ours = Some(Ours { client, offered: true, withdrawn: None, refresh: true });
    }

    /// The other side has answered the phone's offer.
    pub(super) fn renegotiated(&mut self, wire: &mut Wire<'_, '_>, key: Key, status: u16, passage: &Passage) {
        let Some(asked) = self.renegotiation.asked.take() else { return };
        if (200..300).contains(&status) {
            if asked.request.method() != Method::Invite {
                return self.grant(wire, key, &asked, passage);
            }
            return self.answer(wire, key, &asked, passage);
        }
        if status == 500 {
            // Whatever is in its way over there may have gone soon (RFC 3261 §14.2).
            return asked.refuse_for_now(wire.ctx, wire.transactions, self.dialog.local_tag());
        }
        let mut writer = asked.answer(status, self.dialog.local_tag());
        write_required(status, &mut writer);
        passage.write(&mut writer);
        wire.transactions.respond(wire.ctx, asked.key, status, writer.finish(passage.body()));
    }

    /// The phone has answered our re-INVITE or UPDATE.
    pub(super) fn on_offer_response(
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
                self.withdraw(wire, key, *passage);
            }
            return Turn::Stay;
        }
        let Some(Ours { offered, refresh, .. }) = self.renegotiation.ours.take() else { return Turn::Stay };
        wire.ctx.disarm(&mut self.patience);
        match status {
            200..300 => {
                let flow = self.dialog.flow();
                self.dialog.refresh_target(wire.ctx.settings, response, flow);
                self.relay.note_packages(response);
                if response.method() == Method::Invite {
                    self.owe_ack(client, response, offered);
                }
                if offered {
                    self.acknowledge(wire, &Passage::default());
                }
                if !self.ended {
                    self.refreshed_by(wire, key, response);
                }
                if refresh {
                    return Turn::Stay;
                }
                Turn::Tell(LegWord::Renegotiated { early: 0, status, passage: Passage::of(response) })
            }
            _ if ends_dialog(status) => self.lost(wire),
            _ if self.ended => Turn::Stay,
            _ if refresh => {
                self.put_off_refresh(wire, key);
                Turn::Stay
            }
            _ => {
                // A challenge is never answered, nor is it for the other side.
                let (status, passage) = (shown_status(status), Passage::of(response).without_body());
                Turn::Tell(LegWord::Renegotiated { early: 0, status, passage })
            }
        }
    }

    /// Our re-INVITE or UPDATE was not answered at all: the dialog is gone (RFC 3261 §14.1). One that
    /// could not be sent changes nothing.
    pub(super) fn on_offer_failed(&mut self, wire: &mut Wire<'_, '_>, key: Key, status: u16) -> Turn {
        let refresh = self.renegotiation.ours.take().is_some_and(|ours| ours.refresh);
        if ends_dialog(status) || self.ended {
            return self.lost(wire);
        }
        wire.ctx.disarm(&mut self.patience);
        if refresh {
            self.put_off_refresh(wire, key);
            return Turn::Stay;
        }
        Turn::Tell(LegWord::Renegotiated {
            early: 0,
            status: shown_status(status),
            passage: Passage::default(),
        })
    }
}
