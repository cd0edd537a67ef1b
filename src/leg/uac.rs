//! A leg that we open: we are the user agent client of an INVITE to a phone.
//!
//! ```text
//!   Calling ──2xx──▶ (confirmed)                     the call is told
//!      │──other final, time-out──▶ (gone)            the call is told
//!      └──Cancel──▶ Cancelling ──final──▶ (gone)     nobody cares any more
//!                       └──2xx──▶ ACK, BYE, (gone)   the answer crossed our CANCEL
//! ```
//!
//! Implements: RFC 3261 §13.2, §9.1; RFC 3326.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::{Key, TimerId};
use crate::dialog::Dialog;
use crate::effect::{LegTimer, Wake};
use crate::sip::{Message, Name};
use crate::transaction::TIMEOUT;

use super::confirmed::Confirmed;
use super::early_uac::{DIALOGS, Early};
use super::invite_out::Guise;
use super::legs::{Turn, Wire};
use super::words::{LegWord, Passage, Refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calling,
    /// Nobody wants it any more; the CANCEL has to wait for a provisional response.
    CancelWanted,
    Cancelling,
}

#[derive(Debug)]
pub(super) struct Uac {
    client: Key,
    pub(super) dialog: Dialog,
    pub(super) guise: Guise,
    /// Whether our INVITE made the offer; if not, the 2xx does, and its ACK has to wait.
    pub(super) offered: bool,
    pub(super) early: SmallVec<[Early; 1]>,
    /// The tags of those who have rung, whether or not they wanted a PRACK.
    rung: SmallVec<[Bytes; 1]>,
    state: State,
    reason: Passage,
    patience: Option<TimerId>,
}

impl Uac {
    pub(super) fn new(client: Key, dialog: Dialog, guise: Guise, offered: bool) -> Self {
        Self {
            client,
            dialog,
            guise,
            offered,
            early: SmallVec::new(),
            rung: SmallVec::new(),
            state: State::Calling,
            reason: Passage::default(),
            patience: None,
        }
    }

    pub(super) fn flow(&self) -> crate::effect::Flow {
        self.dialog.flow()
    }

    /// Whether this is an early dialog of a phone of ours.
    pub(super) fn rings_as(&self, call_id: &[u8], our_tag: &[u8], its_tag: &[u8]) -> bool {
        self.dialog.peer().is_none()
            && self.dialog.is_named(call_id, our_tag, b"")
            && self.rung.iter().any(|tag| tag == its_tag)
    }

    /// Remembers who rings.
    fn note_ringing(&mut self, response: &Message) {
        let tag = response.to_tag();
        if !tag.is_empty() && self.rung.len() < DIALOGS && self.rung.iter().all(|own| own != tag) {
            self.rung.push(Bytes::copy_from_slice(tag));
        }
    }

    /// Whether the phone has said nothing at all.
    pub(super) fn is_silent(&self, wire: &Wire<'_, '_>) -> bool {
        !wire.transactions.may_cancel(self.client)
    }

    pub(super) fn on_response(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        client: Key,
        response: &Arc<Message>,
    ) -> Turn {
        if client != self.client {
            return self.on_early_response(wire, client, response);
        }
        match (self.state, response.status()) {
            (State::Calling, 100) => Turn::Stay,
            (State::Calling, 101..=199) => {
                self.note_ringing(response);
                self.hear(wire, key, response).map_or(Turn::Stay, Turn::Tell)
            }
            (State::Calling, 200..=299) => self.answered(wire, key, response),
            (State::Calling, _) => {
                self.drop_early(wire);
                let cluster = self.dialog.peer().is_some();
                Turn::TellAndEnd(LegWord::Reject(Refusal { cluster, ..Refusal::of(response) }))
            }
            (State::CancelWanted | State::Cancelling, 100..=199) => {
                self.refuse_offers(wire, key, response);
                if self.state == State::CancelWanted {
                    self.cancel(wire, key);
                }
                Turn::Stay
            }
            // The answer crossed our CANCEL on the wire: the phone believes it is in a call, so it
            // has to be told that it is not.
            (State::CancelWanted | State::Cancelling, 200..=299) => {
                wire.ctx.disarm(&mut self.patience);
                let mut confirmed = self.confirm(wire, response);
                self.drop_early(wire);
                confirmed.hang_up(wire, &self.reason);
                Turn::End
            }
            (State::CancelWanted | State::Cancelling, _) => {
                wire.ctx.disarm(&mut self.patience);
                self.drop_early(wire);
                Turn::End
            }
        }
    }

    pub(super) fn on_failed(&mut self, wire: &mut Wire<'_, '_>, client: Key, status: u16) -> Turn {
        if client != self.client {
            return self.on_early_failed(client, status);
        }
        wire.ctx.disarm(&mut self.patience);
        self.drop_early(wire);
        match self.state {
            State::Calling if self.dialog.peer().is_some() => {
                Turn::TellAndEnd(LegWord::Reject(Refusal::no_cluster(503, None)))
            }
            State::Calling => {
                let refusal = Refusal { no_flow: true, ..Refusal::status(status) };
                Turn::TellAndEnd(LegWord::Reject(refusal))
            }
            State::CancelWanted | State::Cancelling => Turn::End,
        }
    }

    /// Whether a challenged request is to be sent again: not an INVITE that nobody wants any more.
    pub(super) fn wants_again(&self, client: Key) -> bool {
        self.state == State::Calling || self.client != client
    }

    /// A request was sent again, with a proof.
    pub(super) fn on_resent(&mut self, old: Key, new: Key, cseq: u32) {
        if self.client == old {
            self.client = new;
            self.dialog.resent(cseq);
        } else {
            self.on_early_resent(old, new, cseq);
        }
    }

    /// It goes to another server of its cluster.
    pub(super) fn on_redirected(&mut self, flow: crate::effect::Flow) {
        self.dialog.redirected(flow);
    }

    /// The phone's connection is gone.
    pub(super) fn on_lost(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        wire.transactions.abandon(wire.ctx, self.client);
        self.on_failed(wire, self.client, 503)
    }

    /// The call says something.
    pub(super) fn say(&mut self, wire: &mut Wire<'_, '_>, key: Key, word: LegWord) -> Turn {
        match word {
            LegWord::Cancel(passage) | LegWord::HangUp(passage) => {
                self.reason = passage;
                if wire.transactions.may_cancel(self.client) {
                    self.cancel(wire, key);
                } else {
                    self.state = State::CancelWanted;
                }
                Turn::Orphan
            }
            LegWord::Settle { early, passage } => {
                self.settle(wire, key, early, &passage);
                Turn::Stay
            }
            LegWord::Renegotiate { early, passage, .. } => self.offer(wire, key, early, &passage),
            LegWord::Renegotiated { early, status, passage } => {
                self.answer_offer(wire, early, status, &passage);
                Turn::Stay
            }
            LegWord::Progress { .. }
            | LegWord::Answer { .. }
            | LegWord::Acknowledge(_)
            | LegWord::Reject(_)
            | LegWord::Withdraw(_)
            | LegWord::Request { .. }
            | LegWord::Refer(_)
            | LegWord::Referred { .. }
            | LegWord::Reply { .. } => Turn::Stay,
        }
    }

    /// The CANCEL has had no effect in 64·T1 (RFC 3261 §9.1).
    pub(super) fn on_out_of_patience(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.drop_early(wire);
        wire.transactions.abandon(wire.ctx, self.client);
        Turn::End
    }

    fn cancel(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        self.state = State::Cancelling;
        wire.transactions.cancel(wire.ctx, self.client, self.reason.header(Name::Reason));
        self.patience = Some(wire.ctx.arm(TIMEOUT, Wake::Leg(key, LegTimer::Cancelled)));
    }

    fn answered(&mut self, wire: &mut Wire<'_, '_>, key: Key, response: &Message) -> Turn {
        let (early, settled) = self.early_at(response.to_tag());
        let mut confirmed = self.confirm(wire, response);
        confirmed.watch(wire, key);
        confirmed.refreshed_by(wire, key, response);
        confirmed.has_told(wire, &Passage::default(), Some(self.client));
        let passage = Passage::of(response);
        let passage = if settled { passage.without_body() } else { passage };
        let word = LegWord::Answer { early, passage };
        Turn::Confirm(Box::new(confirmed), Some(word))
    }

    fn confirm(&mut self, wire: &mut Wire<'_, '_>, response: &Message) -> Confirmed {
        let (dialog, settled, asked, ours) = self.confirm_dialog(wire, response);
        let mut confirmed = Confirmed::new(dialog, std::mem::take(&mut self.guise));
        confirmed.updates = response.has_token(Name::Allow, "UPDATE");
        confirmed.relay.note_packages(response);
        confirmed.take_over(asked, ours);
        let offered = self.offered || settled;
        confirmed.owe_ack(self.client, response, offered);
        if offered {
            confirmed.acknowledge(wire, &Passage::default());
        }
        confirmed
    }
}
