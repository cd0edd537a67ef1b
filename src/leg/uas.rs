//! A leg that a phone opened: we are the user agent server of its INVITE.
//!
//! ```text
//!   Proceeding ──Answer──▶ (confirmed)
//!       │──Reject, HangUp──▶ (gone)       the phone is told
//!       └──CANCEL, BYE──▶ (gone)          the call is told
//! ```
//!
//! Every tag that it has given the phone is an early dialog, in which the phone may say BYE. What else
//! happens in those is in `reliable` and `early_uas`.
//!
//! Implements: RFC 3261 §13.3, §9.2, §12.1.1, §14.2, §15.

use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::{Key, PeerId, TimerId, Token, ms};
use crate::dialog::Misfit;
use crate::effect::{Flow, LegTimer, Wake};
use crate::sip::{Message, Method, Name};
use crate::transaction::Asked;

use super::confirmed::Confirmed;
use super::early_uas::Negotiation;
use super::inside::answer_alone;
use super::invite_out::Guise;
use super::legs::{Turn, Wire};
use super::reliable::{Provisional, Reliable};
use super::words::{LegWord, Passage, Refusal, write_required};

/// How often a provisional response is repeated so that nobody on the way loses patience.
const PROVISIONAL_AGAIN: Duration = ms(60_000);

#[derive(Debug)]
pub(super) struct Uas {
    pub(super) asked: Asked,
    tag: Token,
    pub(super) guise: Guise,
    /// The early dialogs that it knows of: those up to this one.
    early: u8,
    /// The number of its latest request, in each early dialog that it has asked in: they count
    /// apart (RFC 3261 §12.1.2).
    asked_in: SmallVec<[(u8, u32); 1]>,
    last: Option<Provisional>,
    /// Sessions that were described in a response which may be lost, by early dialog.
    sessions: SmallVec<[(u8, Passage); 1]>,
    pub(super) reliable: Reliable,
    pub(super) negotiation: Negotiation,
    minute: Option<TimerId>,
    /// The other cluster that it came from, and how that is reached.
    pub(super) peer: Option<(PeerId, Flow)>,
    /// The Contact that its phone has registered, if it calls by a GRUU.
    pub(super) registered: Option<Bytes>,
    /// When the phone itself does not want it any more.
    expires: Option<TimerId>,
}

impl Uas {
    pub(super) fn new(asked: Asked, tag: Token, guise: Guise, registered: Option<String>) -> Self {
        let reliable = Reliable::of(&asked.request);
        Self {
            asked,
            tag,
            guise,
            early: 0,
            asked_in: SmallVec::new(),
            last: None,
            sessions: SmallVec::new(),
            reliable,
            negotiation: Negotiation::default(),
            minute: None,
            expires: None,
            peer: None,
            registered: registered.map(Bytes::from),
        }
    }

    /// The leg is there: a minute without any news, and the phone's own Expires, run from now.
    pub(super) fn start(&mut self, wire: &mut Wire<'_, '_>, key: Key) {
        self.minute = Some(wire.ctx.arm(PROVISIONAL_AGAIN, Wake::Leg(key, LegTimer::Minute)));
        // Beyond this no call rings anyway.
        let soon = |seconds: &u32| *seconds < wire.ctx.settings.limits.ring_s;
        if let Some(seconds) = self.asked.request.expires().filter(soon) {
            let after = Duration::from_secs(u64::from(seconds));
            self.expires = Some(wire.ctx.arm(after, Wake::Leg(key, LegTimer::Expired)));
        }
    }

    /// It comes from another cluster, which is reached by a flow of its own.
    pub(super) fn comes_from(&mut self, peer: PeerId, flow: Flow) {
        self.peer = Some((peer, flow));
        self.guise.abroad = true;
    }

    pub(super) fn flow(&self) -> Flow {
        self.asked.flow
    }

    /// The call says something.
    pub(super) fn say(&mut self, wire: &mut Wire<'_, '_>, key: Key, word: LegWord) -> Turn {
        match word {
            LegWord::Progress { status, early, reliable, passage } => {
                self.early = self.early.max(early);
                let next = Provisional { status, early, reliable, passage };
                self.last = Some(Provisional { reliable: false, ..next.clone() });
                self.progress(wire, key, next);
                wire.ctx.disarm(&mut self.minute);
                self.minute = Some(wire.ctx.arm(PROVISIONAL_AGAIN, Wake::Leg(key, LegTimer::Minute)));
                Turn::Stay
            }
            LegWord::Answer { early, passage } => self.answer(wire, key, early, &passage),
            LegWord::Reject(refusal) => self.refuse(wire, &refusal),
            LegWord::HangUp(passage) | LegWord::Cancel(passage) => {
                self.refuse(wire, &Refusal { passage, ..Refusal::status(480) })
            }
            LegWord::Renegotiate { early, passage, .. } => self.offer_early(wire, key, early, &passage),
            LegWord::Renegotiated { early, status, passage } => {
                self.settle_early(wire, early, status, &passage);
                Turn::Stay
            }
            LegWord::Acknowledge(_)
            | LegWord::Settle { .. }
            | LegWord::Withdraw(_)
            | LegWord::Request { .. }
            | LegWord::Refer(_)
            | LegWord::Referred { .. }
            | LegWord::Reply { .. } => Turn::Stay,
        }
    }

    /// The phone gives up.
    pub(super) fn on_cancel(&mut self, wire: &mut Wire<'_, '_>, cancel: &Message) -> Turn {
        self.give_up(wire, Passage::of(cancel).without_body())
    }

    /// The phone has said how long it would wait, and that is over (RFC 3261 §13.3.1).
    pub(super) fn on_expired(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.give_up(wire, Passage::reason("SIP;cause=487;text=\"Invitation expired\""))
    }

    fn give_up(&mut self, wire: &mut Wire<'_, '_>, why: Passage) -> Turn {
        let tag = self.tag_of(0);
        self.disarm(wire);
        self.asked.refuse(wire.ctx, wire.transactions, 487, &tag);
        Turn::TellAndEnd(LegWord::Cancel(why))
    }

    fn disarm(&mut self, wire: &mut Wire<'_, '_>) {
        wire.ctx.disarm(&mut self.minute);
        wire.ctx.disarm(&mut self.expires);
        self.reliable.stop(wire);
        self.drop_negotiation(wire);
    }

    /// Whether a request belongs to one of its early dialogs.
    pub(super) fn is_of(&self, request: &Message) -> bool {
        let invite = &self.asked.request;
        request.call_id() == invite.call_id()
            && request.from_tag() == invite.from_tag()
            && (0..=self.early).any(|early| request.to_tag() == self.tag_of(early))
    }

    /// Whether a request of an early dialog is in order; remembers its number if it is.
    pub(super) fn accept(&mut self, request: &Message) -> Result<(), Misfit> {
        if !self.is_of(request) {
            return Err(Misfit::Unknown);
        }
        let early = self.early_of(request.to_tag());
        if request.cseq() <= self.latest_in(early) {
            return Err(Misfit::Old);
        }
        self.asked_in.retain(|(own, _)| *own != early);
        self.asked_in.push((early, request.cseq()));
        Ok(())
    }

    /// The number of the phone's latest request in this early dialog, which its INVITE began.
    pub(super) fn latest_in(&self, early: u8) -> u32 {
        let later = self.asked_in.iter().find(|(own, _)| *own == early);
        later.map_or(self.asked.request.cseq(), |(_, cseq)| *cseq)
    }

    /// A request inside an early dialog. BYE ends the call as CANCEL would; what needs somebody to
    /// talk to has to wait until there is one.
    pub(super) fn on_request(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: Asked) -> Turn {
        let tag = asked.request.to_tag();
        match asked.request.method() {
            Method::Bye => {
                asked.refuse(wire.ctx, wire.transactions, 200, tag);
                return self.on_cancel(wire, &asked.request);
            }
            Method::Prack => return self.on_prack(wire, key, asked),
            Method::Update => return self.on_early_update(wire, asked),
            Method::Invite | Method::Info | Method::Message | Method::Other => {
                asked.refuse_for_now(wire.ctx, wire.transactions, tag);
            }
            Method::Options
            | Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Subscribe
            | Method::Notify
            | Method::Publish
            | Method::Refer => answer_alone(wire, &asked, tag),
        }
        Turn::Stay
    }

    /// The phone's connection is gone: as if it had given up.
    pub(super) fn on_lost(&mut self, wire: &mut Wire<'_, '_>) -> Turn {
        self.give_up(wire, Passage::reason("SIP;cause=503;text=\"Connection closed\""))
    }

    /// A minute has passed with nothing new to say, or nothing at all (RFC 3261 §13.3.1.1).
    pub(super) fn on_minute(&mut self, wire: &mut Wire<'_, '_>, key: Key) -> Turn {
        let nothing = || Provisional { status: 183, early: 0, reliable: false, passage: Passage::default() };
        let last = self.last.get_or_insert_with(nothing).clone();
        self.progress(wire, key, last);
        self.minute = Some(wire.ctx.arm(PROVISIONAL_AGAIN, Wake::Leg(key, LegTimer::Minute)));
        Turn::Stay
    }

    /// Our tag towards the phone, for a CANCEL's own response.
    pub(super) fn tag(&self) -> &[u8] {
        self.tag.as_bytes()
    }

    /// A provisional response as it is sent, with its number if it is to be confirmed.
    pub(super) fn provisional(&self, wire: &Wire<'_, '_>, next: &Provisional, rseq: Option<u32>) -> Bytes {
        let mut writer = self.asked.answer(next.status, &self.tag_of(next.early));
        writer.copy(&self.asked.request, Name::RecordRoute);
        self.guise.introduce(wire.ctx.settings, self.asked.flow, true, &mut writer);
        if let Some(rseq) = rseq {
            writer.header(Name::Require, b"100rel");
            writer.number(Name::RSeq, u64::from(rseq));
        }
        next.passage.write(&mut writer);
        writer.finish(next.passage.body())
    }

    /// A session was described in a response that may be lost.
    pub(super) fn remember(&mut self, next: &Provisional) {
        if next.passage.has_body() {
            self.sessions.retain(|(early, _)| *early != next.early);
            self.sessions.push((next.early, next.passage.clone()));
        }
    }

    /// Answers the INVITE, once what was described reliably is confirmed. Each session is described
    /// exactly once in a way that cannot be lost.
    pub(super) fn answer(&mut self, wire: &mut Wire<'_, '_>, key: Key, early: u8, passage: &Passage) -> Turn {
        self.early = self.early.max(early);
        if self.reliable.holds(early, passage) {
            return Turn::Stay;
        }
        let unconfirmed = self.reliable.unconfirmed();
        let described = self.sessions.iter().find(|(own, _)| *own == early).map(|(_, passage)| passage);
        let passage = match described {
            _ if self.reliable.has_described(early) => passage.clone().without_body(),
            Some(described) if !passage.has_body() => passage.clone().with_body_of(described),
            Some(_) | None => passage.clone(),
        };
        let dialog = self.dialog(wire, early);
        let mut confirmed = Confirmed::new(dialog, self.guise.clone());
        confirmed.updates = self.asked.request.has_token(Name::Allow, "UPDATE");
        confirmed.relay.note_packages(&self.asked.request);
        confirmed.unconfirmed = unconfirmed;
        confirmed.answer(wire, key, &self.asked, &passage);
        confirmed.watch(wire, key);
        self.hand_over(wire, early, &mut confirmed);
        self.disarm(wire);
        Turn::Confirm(Box::new(confirmed), None)
    }

    pub(super) fn refuse(&mut self, wire: &mut Wire<'_, '_>, refusal: &Refusal) -> Turn {
        self.disarm(wire);
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

    /// The early dialog of this tag.
    pub(super) fn early_of(&self, tag: &[u8]) -> u8 {
        (0..=self.early).find(|early| tag == self.tag_of(*early)).unwrap_or(0)
    }

    /// A branch with media of its own has a dialog of its own: our tag and its number.
    pub(super) fn tag_of(&self, early: u8) -> Vec<u8> {
        let mut tag = self.tag.as_bytes().to_vec();
        if early > 0 {
            tag.extend_from_slice(format!("-{early}").as_bytes());
        }
        tag
    }
}
