//! Is the phone of a call still there? It is asked now and then by OPTIONS inside the dialog, and at
//! once when it has left a request unanswered.
//!
//! Implements: RFC 3261 §12.2.1.2 (408 and 481 end a dialog); RFC 5057 §5.

use std::time::Duration;

use crate::base::{Key, TimerId};
use crate::effect::{LegTimer, Wake};
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
}

impl Watch {
    /// Nothing is asked any more, and no answer waited for.
    pub(super) fn stop(&mut self, wire: &mut Wire<'_, '_>) {
        wire.ctx.disarm(&mut self.next);
        self.asked = None;
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
        if self.watch.asked.is_none() {
            self.watch.stop(wire);
            let question = self.request(wire, Owner::Leg(key), Method::Options, &Passage::default());
            self.watch.asked = Some(question);
        }
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
        if self.ended {
            return self.gone(wire);
        }
        self.renegotiation.abandon(wire);
        let reason = Passage::reason("SIP;cause=481;text=\"Phone is gone\"");
        if self.acks.is_awaited() {
            // No BYE before the ACK, or the time that it has (RFC 3261 §15).
            self.watch.stop(wire);
            self.closing = Some(reason.clone());
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
