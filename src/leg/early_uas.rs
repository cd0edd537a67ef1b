//! Offers in the early dialogs of a caller's phone: its own in PRACK and UPDATE, the other side's in
//! UPDATE.
//!
//! One at a time, and none before the first offer of the dialog is answered reliably: what comes too
//! early is to be tried again (500 with Retry-After), what crosses ours 491. One that is open when the
//! call is answered goes on in the answered call.
//!
//! Implements: RFC 3311 §5 (in an early dialog); RFC 3262 §5 (an offer in PRACK).

use crate::base::Key;
use crate::dialog::Dialog;
use crate::sip::{Message, Method, Name, Writer};
use crate::transaction::{Asked, Owner};

use super::confirmed::Confirmed;
use super::inside::request_inside;
use super::invite_out::capabilities;
use super::legs::{Turn, Wire};
use super::outcome::shown_status;
use super::uas::Uas;
use super::words::{LegWord, Passage};

/// What is being negotiated in early dialogs.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    /// The phone's PRACK or UPDATE whose offer the other side has not answered, and in which dialog.
    asked: Option<(u8, Asked)>,
    /// Our UPDATE that the phone has not answered.
    ours: Option<(u8, Key)>,
    /// The number of our latest request in any of the dialogs.
    cseq: u32,
    /// The latest UPDATE, which says where the phone is now.
    moved: Option<Asked>,
}

impl Uas {
    /// The phone changes the session of an early dialog, or says that it is there.
    pub(super) fn on_early_update(&mut self, wire: &mut Wire<'_, '_>, asked: Asked) -> Turn {
        let early = self.early_of(asked.request.to_tag());
        let passage = Passage::of(&asked.request);
        self.negotiation.moved = Some(asked.clone());
        if !passage.has_body() {
            self.grant_early(wire, &asked, &passage);
            return Turn::Stay;
        }
        self.take_offer(wire, early, asked, passage).map_or(Turn::Stay, Turn::Tell)
    }

    /// An offer of the phone's, in an early dialog: the other side is to answer it, if it may come now.
    pub(super) fn take_offer(
        &mut self,
        wire: &mut Wire<'_, '_>,
        early: u8,
        asked: Asked,
        passage: Passage,
    ) -> Option<LegWord> {
        let tag = asked.request.to_tag();
        if self.negotiation.ours.is_some() {
            asked.refuse(wire.ctx, wire.transactions, 491, tag);
            return None;
        }
        if self.negotiation.asked.is_some() || !self.reliable.is_settled(early) {
            asked.refuse_for_now(wire.ctx, wire.transactions, tag);
            return None;
        }
        self.negotiation.asked = Some((early, asked));
        Some(LegWord::Renegotiate { early, update: true, passage })
    }

    /// The other side has answered that offer.
    pub(super) fn settle_early(
        &mut self,
        wire: &mut Wire<'_, '_>,
        early: u8,
        status: u16,
        passage: &Passage,
    ) {
        let Some((_, asked)) = self.negotiation.asked.take_if(|(own, _)| *own == early) else { return };
        match status {
            200..300 => self.grant_early(wire, &asked, passage),
            500 if asked.request.method() == Method::Update => {
                asked.refuse_for_now(wire.ctx, wire.transactions, asked.request.to_tag());
            }
            // A PRACK has done its work, whatever becomes of the offer in it.
            500 => asked.refuse(wire.ctx, wire.transactions, 488, asked.request.to_tag()),
            _ => asked.refuse(wire.ctx, wire.transactions, status, asked.request.to_tag()),
        }
    }

    fn grant_early(&self, wire: &mut Wire<'_, '_>, asked: &Asked, passage: &Passage) {
        let mut writer = asked.answer(200, asked.request.to_tag());
        if asked.request.method() == Method::Update {
            self.guise.introduce(wire.ctx.settings, asked.flow, true, &mut writer);
        }
        passage.write(&mut writer);
        wire.transactions.respond(wire.ctx, asked.key, 200, writer.finish(passage.body()));
    }

    /// The other side makes an offer in an early dialog. A phone that could not take it, or that has
    /// not seen the end of the first, is left alone: it will do when the call is answered.
    pub(super) fn offer_early(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        early: u8,
        passage: &Passage,
    ) -> Turn {
        let crosses = self.negotiation.asked.is_some() || self.negotiation.ours.is_some();
        // A re-INVITE that asks for an offer has no counterpart before the answer.
        let can = passage.has_body() && self.reliable.is_settled(early);
        let may = can && self.asked.request.has_token(Name::Allow, "UPDATE");
        if crosses || !may {
            let status = if crosses { 491 } else { 500 };
            return Turn::Tell(LegWord::Renegotiated { early, status, passage: Passage::default() });
        }
        let mut dialog = self.dialog(wire, early);
        let update = (Method::Update, Method::Update.as_str());
        let (settings, flow) = (wire.ctx.settings, dialog.flow());
        let guise = &self.guise.within(settings, &dialog);
        let more = |writer: &mut Writer| capabilities(settings, flow, guise, Method::Update, writer);
        let client = request_inside(wire, Owner::Leg(key), &mut dialog, update, &more, passage);
        self.negotiation.cseq = dialog.local_cseq();
        self.negotiation.ours = Some((early, client));
        Turn::Stay
    }

    /// The phone has answered our UPDATE.
    pub(super) fn on_response(&mut self, client: Key, response: &Message) -> Turn {
        let Some((early, _)) = self.negotiation.ours.filter(|(_, own)| *own == client) else {
            return Turn::Stay;
        };
        let status = response.status();
        if status < 200 {
            return Turn::Stay;
        }
        self.negotiation.ours = None;
        let passage = Passage::of(response);
        let passage = if status < 300 { passage } else { passage.without_body() };
        Turn::Tell(LegWord::Renegotiated { early, status: shown_status(status), passage })
    }

    /// Our UPDATE was not answered, or could not be sent.
    pub(super) fn on_failed(&mut self, client: Key, status: u16) -> Turn {
        let Some((early, _)) = self.negotiation.ours.take_if(|(_, own)| *own == client) else {
            return Turn::Stay;
        };
        let status = shown_status(status);
        Turn::Tell(LegWord::Renegotiated { early, status, passage: Passage::default() })
    }

    /// Our UPDATE was sent again, with a proof.
    pub(super) fn on_resent(&mut self, old: Key, new: Key, cseq: u32) {
        if let Some((_, own)) = self.negotiation.ours.as_mut().filter(|(_, own)| *own == old) {
            *own = new;
            self.negotiation.cseq = self.negotiation.cseq.max(cseq);
        }
    }

    /// An early dialog as it stands now.
    pub(super) fn dialog(&self, wire: &Wire<'_, '_>, early: u8) -> Dialog {
        let settings = wire.ctx.settings;
        let dialog = Dialog::as_uas(settings, &self.asked.request, &self.tag_of(early), self.asked.flow);
        let mut dialog = match self.peer {
            Some((peer, flow)) => dialog.with_peer(peer, flow),
            None => dialog,
        };
        if let Some(contact) = &self.registered {
            dialog.called_at(contact);
        }
        if let Some(moved) = &self.negotiation.moved {
            dialog.refresh_target(settings, &moved.request, moved.flow);
        }
        dialog.has_seen(self.latest_in(early));
        dialog.resent(self.negotiation.cseq);
        dialog
    }

    /// The dialog is confirmed, and what is open in it goes on there.
    pub(super) fn hand_over(&mut self, wire: &mut Wire<'_, '_>, early: u8, confirmed: &mut Confirmed) {
        match self.negotiation.asked.take() {
            Some((own, asked)) if own == early => confirmed.renegotiation.has_asked(asked),
            Some((_, asked)) => asked.refuse(wire.ctx, wire.transactions, 487, asked.request.to_tag()),
            None => {}
        }
        match self.negotiation.ours.take() {
            Some((own, client)) if own == early => confirmed.renegotiation.has_offered(client),
            Some(_) | None => {}
        }
    }

    /// No early dialog is left: what the phone still waits for will not be answered by the other side.
    pub(super) fn drop_negotiation(&mut self, wire: &mut Wire<'_, '_>) {
        self.negotiation.ours = None;
        if let Some((_, asked)) = self.negotiation.asked.take() {
            asked.refuse(wire.ctx, wire.transactions, 487, asked.request.to_tag());
        }
    }
}
