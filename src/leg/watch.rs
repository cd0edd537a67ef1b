//! Is the phone of a call still there? It is asked now and then by OPTIONS inside the dialog, and at
//! once when it has left a request unanswered.
//!
//! ```text
//!   Resting ──its time──▶ Asking ──200──▶ Resting
//!      ▲                    └──408, 481──▶ (lost)
//!      └──a new flow── Adrift ──too long──▶ (lost)      from either, when its stream is gone
//! ```
//!
//! Implements: RFC 3261 §12.2.1.2 (408 and 481 end a dialog); RFC 5057 §5.

use std::time::Duration;

use crate::base::{Key, TimerId};
use crate::effect::{Flow, LegTimer, Wake};
use crate::sip::Method;
use crate::transaction::Owner;

use super::confirmed::Confirmed;
use super::legs::{Turn, Wire};
use super::words::{LegWord, Passage};

#[derive(Debug, Default)]
pub(super) struct Watch {
    /// When it is asked next; none while a question is out.
    next: Option<TimerId>,
    /// The question that is out.
    asked: Option<Key>,
    /// Its stream is gone, and `next` is when it has not come back.
    adrift: bool,
}

impl Watch {
    /// Nothing is asked any more, and no answer waited for.
    pub(super) fn stop(&mut self, wire: &mut Wire<'_, '_>) {
        wire.ctx.disarm(&mut self.next);
        self.asked = None;
        self.adrift = false;
    }

    /// Whether the phone cannot be reached, and is waited for.
    pub(super) fn is_adrift(&self) -> bool {
        self.adrift
    }

    /// The question was sent again, with a proof that another cluster asked for.
    pub(super) fn on_resent(&mut self, old: Key, new: Key) {
        if self.asked == Some(old) {
            self.asked = Some(new);
        }
    }

    /// Whether this is the question that is out.
    pub(super) fn is_question(&self, client: Key) -> bool {
        self.asked == Some(client)
    }
}

impl Confirmed {
    /// Begins to ask now and then whether the phone still knows the dialog.
    pub(super) fn watch(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        let after = Duration::from_secs(u64::from(wire.ctx.settings.limits.dialog_probe_s));
        self.watch.stop(wire);
        self.watch.next = Some(wire.ctx.arm(after, Wake::Leg(key, LegTimer::Probe)));
    }

    /// Asks now.
    pub(super) fn probe(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        if self.watch.asked.is_none() && !self.watch.adrift {
            self.watch.stop(wire);
            let question = self.request(wire, Owner::Leg(key), Method::Options, &Passage::default());
            self.watch.asked = Some(question);
        }
    }

    /// It is time to ask, or the phone has not come back in time.
    pub(super) fn on_probe(&mut self, wire: &mut Wire<'_, '_>, key: Key) -> Turn {
        if self.watch.adrift {
            return self.lost(wire);
        }
        self.probe(wire, key);
        Turn::Stay
    }

    /// The phone's stream is gone. A phone that changes its network loses it and is back in a moment:
    /// it has a while for that.
    pub(super) fn cut_off(&mut self, wire: &mut Wire<'_, '_>, key: Key) -> Turn {
        if self.ended {
            return self.lost(wire);
        }
        let after = Duration::from_secs(u64::from(wire.ctx.settings.limits.lost_flow_s));
        self.watch.stop(wire);
        self.watch.adrift = true;
        self.watch.next = Some(wire.ctx.arm(after, Wake::Leg(key, LegTimer::Probe)));
        Turn::Stay
    }

    /// The phone has sent a request of its dialog by this flow: it is there, and knows of the call.
    pub(super) fn follow(&mut self, wire: &mut Wire<'_, '_>, key: Key, flow: Flow) {
        self.dialog.take_over(wire.ctx.settings, flow);
        self.acks.move_to(wire.transactions, flow);
        if self.watch.adrift {
            self.watch(wire, key);
        }
    }

    /// The phone has registered by this flow: if it was away, it may have been switched off and on
    /// meanwhile, and is asked; or it has to hear that the call is over.
    pub(super) fn on_flow(&mut self, wire: &mut Wire<'_, '_>, key: Key, flow: Flow) -> Turn {
        self.dialog.moved_to(wire.ctx.settings, flow);
        self.acks.move_to(wire.transactions, flow);
        if !std::mem::take(&mut self.watch.adrift) {
            return Turn::Stay;
        }
        if let Some(passage) = self.closing.take() {
            self.watch.stop(wire);
            return self.close(wire, key, *passage);
        }
        if self.acks.is_awaited() {
            // It cannot know a dialog whose answer it may never have had.
            self.acks.repeat(wire, key);
            self.watch(wire, key);
        } else {
            self.probe(wire, key);
        }
        Turn::Stay
    }

    /// The phone has answered the question.
    pub(super) fn on_probed(&mut self, wire: &mut Wire<'_, '_>, key: Key, status: u16) -> Turn {
        if ends_dialog(status) {
            return self.lost(wire);
        }
        self.watch(wire, key);
        Turn::Stay
    }

    /// The phone does not know the dialog any more, or is gone.
    pub(super) fn lost(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.end_for(wire, "SIP;cause=481;text=\"Phone is gone\"")
    }

    /// Ends the call on both sides, for this reason.
    pub(super) fn end_for(&mut self, wire: &mut Wire<'_, '_>, reason: &'static str) -> Turn {
        self.renegotiation.abandon(wire);
        if self.ended {
            return self.gone(wire);
        }
        let reason = Passage::reason(reason);
        if self.acks.is_awaited() {
            // No BYE before the ACK, or the time that it has (RFC 3261 §15).
            self.watch.stop(wire);
            self.session.stop(wire);
            self.closing = Some(Box::new(reason.clone()));
            return Turn::TellAndOrphan(LegWord::HangUp(reason));
        }
        self.hang_up(wire, &reason);
        Turn::TellAndEnd(LegWord::HangUp(reason))
    }
}

/// Whether a response to any request inside a dialog says that the dialog is no more.
pub(super) fn ends_dialog(status: u16) -> bool {
    matches!(status, 408 | 481)
}
