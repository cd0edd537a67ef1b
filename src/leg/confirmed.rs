//! A leg inside an answered call, whichever side opened it.
//!
//! ```text
//!   Live ──HangUp──▶ (gone)                    we send BYE
//!    │──HangUp, 2xx not yet acknowledged──▶ Closing ──ACK, time-out──▶ BYE, (gone)
//!    │──HangUp, stream gone──▶ Closing ──phone is back, or not──▶ BYE, (gone)
//!    └──BYE, dialog lost──▶ (gone)             the call is told
//!
//!   While our own re-INVITE is open the leg stays as Ended until its final response, which may be
//!   a 2xx that wants its ACK.
//! ```
//!
//! What it owes in ACKs is in `acks`, whether its phone is still there in `watch`, what passes through in
//! `relay`.
//!
//! Implements: RFC 3261 §12.2, §15; RFC 4320 §4.2.

use bytes::Bytes;

use crate::base::{Key, TimerId};
use crate::dialog::Dialog;
use crate::effect::{Flow, LegTimer, Wake};
use crate::sip::{Message, Method, Writer};
use crate::transaction::{Asked, Owner, TIMEOUT};

use super::acks::{Acks, send_away};
use super::inside::{answer_alone, request_inside};
use super::invite_out::{Guise, capabilities, refreshes_session};
use super::legs::{Turn, Wire};
use super::outcome::shown_status;
use super::refer::Refer;
use super::relay::{Relay, reply_of};
use super::renegotiation::Renegotiation;
use super::session_timer::SessionTimer;
use super::watch::{Watch, ends_dialog};
use super::words::{ELSEWHERE, LegWord, Passage};

#[derive(Debug)]
pub(super) struct Confirmed {
    pub(super) dialog: Dialog,
    pub(super) guise: Guise,
    /// A HangUp waits for the ACK of our 2xx (RFC 3261 §15), or for a phone that has lost its stream.
    pub(super) closing: Option<Box<Passage>>,
    /// The BYE has been sent or answered.
    pub(super) ended: bool,
    pub(super) acks: Acks,
    pub(super) watch: Watch,
    pub(super) renegotiation: Renegotiation,
    pub(super) session: SessionTimer,
    pub(super) refer: Refer,
    /// Whether the phone takes UPDATE.
    pub(super) updates: bool,
    /// The number of a provisional response that we sent reliably, and had no PRACK for when the call
    /// was answered.
    pub(super) unconfirmed: Option<u32>,
    pub(super) relay: Relay,
    /// How long the final response to our re-INVITE is still waited for.
    pub(super) patience: Option<TimerId>,
}

impl Confirmed {
    pub(super) fn new(dialog: Dialog, guise: Guise) -> Self {
        Self {
            dialog,
            guise,
            closing: None,
            ended: false,
            acks: Acks::default(),
            watch: Watch::default(),
            renegotiation: Renegotiation::default(),
            session: SessionTimer::default(),
            refer: Refer::default(),
            updates: false,
            unconfirmed: None,
            relay: Relay::default(),
            patience: None,
        }
    }

    pub(super) fn flow(&self) -> Flow {
        self.dialog.flow()
    }

    // ---- what the call says ----------------------------------------------------------------

    pub(super) fn say(&mut self, wire: &mut Wire<'_, '_>, key: Key, word: LegWord) -> Turn {
        match word {
            LegWord::HangUp(passage) | LegWord::Cancel(passage) => self.close(wire, key, passage),
            LegWord::Acknowledge(passage) => {
                if !passage.has_body() {
                    // An offer without an answer is refused.
                    self.refuse_offer(wire);
                }
                self.acknowledge(wire, &passage);
                Turn::Stay
            }
            LegWord::Renegotiate { update, passage, .. } => self.renegotiate(wire, key, update, &passage),
            LegWord::Withdraw(passage) => {
                self.withdraw(wire, key, passage);
                Turn::Stay
            }
            LegWord::Renegotiated { status, passage, .. } => {
                self.renegotiated(wire, key, status, &passage);
                Turn::Stay
            }
            LegWord::Request { id, method, name, passage } => {
                self.relay(wire, key, id, (method, &name), &passage)
            }
            LegWord::Reply { id, status, passage } => {
                self.reply(wire, id, status, &passage);
                Turn::Stay
            }
            LegWord::Referred { status, over } => {
                self.referred(wire, key, status, over);
                Turn::Stay
            }
            LegWord::Reject(_) => self.close(wire, key, Passage::default()),
            LegWord::Progress { .. }
            | LegWord::Settle { .. }
            | LegWord::Answer { .. }
            | LegWord::Refer(_) => Turn::Stay,
        }
    }

    /// Ends the dialog at once: the ACK that is owed, and a BYE that looks after itself.
    pub(super) fn hang_up(&mut self, wire: &mut Wire<'_, '_>, passage: &Passage) {
        self.refuse_offer(wire);
        self.drop_pending(wire);
        self.request(wire, Owner::Nobody, Method::Bye, passage);
    }

    pub(super) fn close(&mut self, wire: &mut Wire<'_, '_>, key: Key, passage: Passage) -> Turn {
        if self.acks.is_awaited() || self.watch.is_adrift() {
            self.closing = Some(Box::new(passage));
            return Turn::Orphan;
        }
        self.hang_up(wire, &passage);
        self.end(wire, key, None)
    }

    /// The dialog is over: the leg goes, unless a re-INVITE of ours is still open.
    fn end(&mut self, wire: &mut Wire<'_, '_>, key: Key, word: Option<LegWord>) -> Turn {
        if self.renegotiation.is_open() {
            self.ended = true;
            self.wait_for_reinvite(wire, key);
            return word.map_or(Turn::Orphan, Turn::TellAndOrphan);
        }
        word.map_or(Turn::End, Turn::TellAndEnd)
    }

    /// The last open request of an ended dialog has been answered.
    pub(super) fn gone(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.refuse_offer(wire);
        wire.ctx.disarm(&mut self.patience);
        Turn::End
    }

    /// The final response to our re-INVITE is waited for so long and no longer.
    pub(super) fn wait_for_reinvite(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        wire.ctx.disarm(&mut self.patience);
        self.patience = Some(wire.ctx.arm(TIMEOUT, Wake::Leg(key, LegTimer::Cancelled)));
    }

    /// Sends a request inside the dialog.
    pub(super) fn request(
        &mut self,
        wire: &mut Wire<'_, '_>,
        owner: Owner,
        method: Method,
        passage: &Passage,
    ) -> Key {
        self.request_named(wire, owner, (method, method.as_str()), passage)
    }

    /// [`Confirmed::request`] by a name of its own.
    pub(super) fn request_named(
        &mut self,
        wire: &mut Wire<'_, '_>,
        owner: Owner,
        (method, name): (Method, &str),
        passage: &Passage,
    ) -> Key {
        let flow = self.dialog.flow();
        let (session, settings) = (&self.session, wire.ctx.settings);
        let guise = &self.guise.within(settings, &self.dialog);
        let more = |writer: &mut Writer| {
            capabilities(settings, flow, guise, method, writer);
            if refreshes_session(method) {
                session.write_request(&settings.limits, writer);
            }
        };
        request_inside(wire, owner, &mut self.dialog, (method, name), &more, passage)
    }

    /// A request of ours was sent again, with a proof that another cluster asked for.
    pub(super) fn on_resent(&mut self, old: Key, new: Key, cseq: u32) {
        self.dialog.resent(cseq);
        self.renegotiation.on_resent(old, new);
        self.watch.on_resent(old, new);
        self.session.on_resent(old, new);
        self.relay.on_resent(old, new);
    }

    // ---- what the phone says ---------------------------------------------------------------

    /// A request inside the dialog, already found to belong here and to be in order.
    pub(super) fn on_request(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: Asked) -> Turn {
        if self.ended && asked.request.method() != Method::Bye {
            asked.refuse(wire.ctx, wire.transactions, 481, self.dialog.local_tag());
            return Turn::Stay;
        }
        if asked.request.method() != Method::Bye && !self.acks.is_awaited() && self.closing.is_some() {
            // The phone is back in a call that is over.
            asked.refuse(wire.ctx, wire.transactions, 481, self.dialog.local_tag());
            let passage = self.closing.take().unwrap_or_default();
            return self.close(wire, key, *passage);
        }
        match asked.request.method() {
            Method::Bye => {
                asked.refuse(wire.ctx, wire.transactions, 200, self.dialog.local_tag());
                let passage = Passage::of(&asked.request).without_body();
                self.refuse_offer(wire);
                self.drop_pending(wire);
                self.end(wire, key, Some(LegWord::HangUp(passage)))
            }
            Method::Invite => self.on_reinvite(wire, key, asked),
            Method::Refer => self.on_refer(wire, key, &asked),
            Method::Update => self.on_update(wire, key, asked),
            Method::Prack => self.on_late_prack(wire, &asked),
            Method::Info | Method::Message | Method::Other => self.on_relayed(asked),
            Method::Subscribe => self.on_subscribe(wire, key, &asked),
            Method::Options
            | Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Notify
            | Method::Publish => {
                answer_alone(wire, &asked, self.dialog.local_tag());
                Turn::Stay
            }
        }
    }

    pub(super) fn on_response(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        client: Key,
        response: &Message,
    ) -> Turn {
        let status = response.status();
        if self.renegotiation.is_ours(client) {
            let turn = self.on_offer_response(wire, key, client, response);
            return if self.ended && !self.renegotiation.is_open() { self.gone(wire) } else { turn };
        }
        if response.method() == Method::Invite {
            return self.on_further_answer(wire, client, response);
        }
        if status < 200 {
            return Turn::Stay;
        }
        if self.session.is_update(client) {
            return self.on_refreshed(wire, key, response);
        }
        if self.watch.is_question(client) {
            return self.on_probed(wire, key, status);
        }
        let Some(id) = self.relay.take(client) else { return Turn::Stay };
        if ends_dialog(status) {
            // The other side's request is answered as all that is pending.
            return self.lost(wire);
        }
        Turn::Tell(reply_of(id, response))
    }

    pub(super) fn on_failed(&mut self, wire: &mut Wire<'_, '_>, key: Key, client: Key, status: u16) -> Turn {
        if self.watch.is_question(client) {
            // What cannot be sent has lost its stream, whether or not we have heard of that.
            return if ends_dialog(status) { self.lost(wire) } else { self.cut_off(wire, key) };
        }
        if self.session.is_update(client) {
            return self.on_refresh_failed(wire, key, status);
        }
        if self.renegotiation.is_ours(client) {
            return self.on_offer_failed(wire, key, status);
        }
        let Some(id) = self.relay.take(client) else { return Turn::Stay };
        // Some phones drop what they do not know; one that is gone does not answer this either.
        self.probe(wire, key);
        Turn::Tell(LegWord::Reply { id, status: shown_status(status), passage: Passage::default() })
    }

    /// A PRACK that the answer of the call has overtaken (RFC 3262 §3).
    fn on_late_prack(&mut self, wire: &mut Wire<'_, '_>, asked: &Asked) -> Turn {
        let rseq = asked.request.rack().map(|rack| rack.rseq);
        let known = rseq.is_some() && self.unconfirmed.take_if(|own| Some(*own) == rseq).is_some();
        let status = if known { 200 } else { 481 };
        asked.refuse(wire.ctx, wire.transactions, status, self.dialog.local_tag());
        Turn::Stay
    }

    /// A further response to one of our INVITEs in this dialog.
    fn on_further_answer(&self, wire: &mut Wire<'_, '_>, client: Key, response: &Message) -> Turn {
        if response.to_tag() != self.dialog.remote_tag() {
            // Another phone behind the same address has answered too.
            send_away(wire, client, response, &Passage::reason(ELSEWHERE));
        }
        Turn::Stay
    }

    // ---- what time does --------------------------------------------------------------------

    pub(super) fn on_timer(&mut self, wire: &mut Wire<'_, '_>, key: Key, timer: LegTimer) -> Turn {
        match timer {
            LegTimer::Repeat2xx => {
                self.acks.repeat(wire, key);
                Turn::Stay
            }
            LegTimer::NoAck => self.on_no_ack(wire),
            LegTimer::Probe => self.on_probe(wire, key),
            LegTimer::Session => self.on_session_timer(wire, key),
            LegTimer::Cancelled => self.on_out_of_patience(wire),
            LegTimer::Minute | LegTimer::Expired | LegTimer::RepeatReliable | LegTimer::NoPrack => Turn::Stay,
        }
    }

    /// What the phone still waits for will not be answered by the call any more.
    fn drop_pending(&mut self, wire: &mut Wire<'_, '_>) {
        self.watch.stop(wire);
        self.session.stop(wire);
        wire.ctx.disarm(&mut self.patience);
        self.acks.settle(wire);
        self.relay.said.clear();
        let tag = Bytes::copy_from_slice(self.dialog.local_tag());
        for asked in self.relay.heard.drain(..).chain(self.renegotiation.take_asked()) {
            asked.refuse(wire.ctx, wire.transactions, 487, &tag);
        }
    }
}
