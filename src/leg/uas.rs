//! A leg that a phone opened: we are the user agent server of its INVITE.
//!
//! ```text
//!   Proceeding ──Answer──▶ (confirmed)
//!       │──Reject, HangUp──▶ (gone)       the phone is told
//!       └──CANCEL──▶ (gone)               the call is told
//! ```
//!
//! Implements: RFC 3261 §13.3, §9.2.

use crate::base::{Key, TimerId, Token, ms};
use crate::dialog::Dialog;
use crate::effect::{LegTimer, Wake};
use crate::sip::{Message, Name};
use crate::transaction::Asked;

use super::confirmed::Confirmed;
use super::invite_out::contact;
use super::legs::{Turn, Wire};
use super::words::{ALLOW, LegWord, Passage, Refusal, write_required};

/// How often a provisional response is repeated so that nobody on the way loses patience.
const PROVISIONAL_AGAIN: std::time::Duration = ms(60_000);

#[derive(Debug)]
pub(super) struct Uas {
    asked: Asked,
    tag: Token,
    /// The user part of our Contact: whom the phone believes to talk to.
    user: String,
    last: Option<(u16, u8, Passage)>,
    minute: Option<TimerId>,
}

impl Uas {
    pub(super) fn new(asked: Asked, tag: Token, user: String) -> Self {
        Self { asked, tag, user, last: None, minute: None }
    }

    pub(super) fn flow(&self) -> crate::effect::Flow {
        self.asked.flow
    }

    /// The call says something.
    pub(super) fn say(&mut self, wire: &mut Wire<'_, '_>, key: Key, word: LegWord) -> Turn {
        match word {
            LegWord::Progress { status, early, passage } => {
                self.progress(wire, status, early, &passage);
                self.last = Some((status, early, passage));
                wire.ctx.disarm(&mut self.minute);
                self.minute = Some(wire.ctx.arm(PROVISIONAL_AGAIN, Wake::Leg(key, LegTimer::Minute)));
                Turn::Stay
            }
            LegWord::Answer { early, passage } => self.answer(wire, key, early, &passage),
            LegWord::Reject(refusal) => self.refuse(wire, &refusal),
            LegWord::HangUp(passage) | LegWord::Cancel(passage) => {
                self.refuse(wire, &Refusal { passage, ..Refusal::status(480) })
            }
            LegWord::Acknowledge(_)
            | LegWord::Renegotiate(_)
            | LegWord::Renegotiated { .. }
            | LegWord::Request { .. }
            | LegWord::Reply { .. } => Turn::Stay,
        }
    }

    /// The phone gives up.
    pub(super) fn on_cancel(&mut self, wire: &mut Wire<'_, '_>, cancel: &Message) -> Turn {
        let tag = self.tag_of(0);
        wire.ctx.disarm(&mut self.minute);
        self.asked.refuse(wire.ctx, wire.transactions, 487, &tag);
        Turn::TellAndEnd(LegWord::Cancel(Passage::of(cancel).without_body()))
    }

    /// The phone's connection is gone: as if it had given up.
    pub(super) fn on_lost(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        let tag = self.tag_of(0);
        wire.ctx.disarm(&mut self.minute);
        self.asked.refuse(wire.ctx, wire.transactions, 487, &tag);
        Turn::TellAndEnd(LegWord::Cancel(Passage::reason("SIP;cause=503;text=\"Connection closed\"")))
    }

    /// A minute has passed with nothing new to say.
    pub(super) fn on_minute(&mut self, wire: &mut Wire<'_, '_>, key: Key) -> Turn {
        if let Some((status, early, passage)) = self.last.take() {
            self.progress(wire, status, early, &passage);
            self.last = Some((status, early, passage));
            self.minute = Some(wire.ctx.arm(PROVISIONAL_AGAIN, Wake::Leg(key, LegTimer::Minute)));
        }
        Turn::Stay
    }

    /// Our tag towards the phone, for a CANCEL's own response.
    pub(super) fn tag(&self) -> &[u8] {
        self.tag.as_bytes()
    }

    fn progress(&self, wire: &mut Wire<'_, '_>, status: u16, early: u8, passage: &Passage) {
        let mut writer = self.asked.answer(status, &self.tag_of(early));
        contact(wire.ctx.settings, self.asked.flow, &self.user, &mut writer);
        writer.header(Name::Allow, ALLOW);
        passage.write(&mut writer);
        let response = writer.finish(passage.body());
        wire.transactions.respond(wire.ctx, self.asked.key, status, response);
    }

    fn answer(&mut self, wire: &mut Wire<'_, '_>, key: Key, early: u8, passage: &Passage) -> Turn {
        wire.ctx.disarm(&mut self.minute);
        let tag = self.tag_of(early);
        let dialog = Dialog::as_uas(wire.ctx.settings, &self.asked.request, &tag, self.asked.flow);
        let mut confirmed = Confirmed::new(dialog, std::mem::take(&mut self.user));
        confirmed.answer(wire, key, &self.asked, passage);
        confirmed.watch(wire, key);
        Turn::Confirm(Box::new(confirmed), None)
    }

    fn refuse(&mut self, wire: &mut Wire<'_, '_>, refusal: &Refusal) -> Turn {
        wire.ctx.disarm(&mut self.minute);
        let mut writer = self.asked.answer(refusal.status, &self.tag_of(0));
        for contact in &refusal.contacts {
            writer.header(Name::Contact, contact);
        }
        if let Some(retry_after) = &refusal.retry_after {
            writer.header(Name::RetryAfter, retry_after);
        }
        write_required(refusal.status, &mut writer);
        refusal.passage.write(&mut writer);
        let response = writer.finish(refusal.passage.body());
        wire.transactions.respond(wire.ctx, self.asked.key, refusal.status, response);
        Turn::End
    }

    /// A branch with media of its own has a dialog of its own: our tag and its number.
    fn tag_of(&self, early: u8) -> Vec<u8> {
        let mut tag = self.tag.as_bytes().to_vec();
        if early > 0 {
            tag.extend_from_slice(format!("-{early}").as_bytes());
        }
        tag
    }
}
