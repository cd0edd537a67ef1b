//! Another phone of the owner's takes the place of one of this half, by an INVITE with Replaces.
//!
//! Of one that talks: the other side is asked for the session that the new phone offers, or asks for; then the
//! new one is answered and the old one let go. Of one that rings: the new phone answers the call. If both it
//! and the caller have made an offer, the caller is answered first with media that do not flow, and asked for
//! the new phone's session then.
//!
//! ```text
//!   talks:  Taking ──the other side's answer──▶ (the new one stands in the old one's place)
//!             │  └──refused──▶ (as before)
//!             └──the new one gives up──▶ Withdrawing ──refused──▶ (as before)
//!                                            └──granted──▶ (the old one's session is asked for again)
//!   rings:  Taken ──the caller's ACK──▶ (answered), or Taking
//! ```
//!
//! Implements: RFC 3891 §3; RFC 3264 §6.1, §8 (the caller is answered, and asked anew).

use crate::base::Key;
use crate::leg::{ELSEWHERE, LegWord, Passage, Refusal};
use crate::registrar::Flowing;

use super::call::{Call, Desk, State};
use super::hunt::{Branch, Rings, Side};
use super::parties::Origin;
use super::transfer::{Stage, Transfer};

impl Call {
    /// The phone of this leg is to be relieved by the one of that leg, which has sent this.
    pub fn take_over(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        (old, new): (Key, Key),
        phone: &Origin,
        passage: Passage,
    ) {
        let party = phone.party(desk.owner, desk.wire.ctx.at());
        let next = Side { leg: new, party: self.ladder.party(party) };
        self.ladder.asked(self.after_ms(desk), next.party, passage.has_body());
        let is_free = self.transfer.is_none() && self.joined.is_none();
        match (&self.state, self.side_of(old)) {
            (State::Bridged { .. }, Some(old)) if is_free => {
                let offered = passage.has_body();
                self.transfer = Some(Transfer::new(old, next, Stage::Taking { offered }));
                let far = self.far_from(old);
                self.say(desk, far, LegWord::Renegotiate { early: 0, update: false, passage });
            }
            // It is being sent somewhere at this very moment.
            (State::Bridged { .. }, Some(_)) => {
                let retry_after = Some("5".into());
                let refusal = Refusal { retry_after, ..Refusal::status(480) };
                self.say(desk, next, LegWord::Reject(refusal));
            }
            (State::Hunting(_), Some(_)) if old != self.upstream.leg => self.pick_up(desk, next, passage),
            (State::Hunting(_) | State::Ignoring | State::Bridged { .. } | State::Over, _) => {
                self.say(desk, next, LegWord::Reject(Refusal::status(481)));
            }
        }
    }

    /// The new phone answers a call that rings elsewhere.
    fn pick_up(&mut self, desk: &mut Desk<'_, '_, '_>, next: Side, passage: Passage) {
        let asked = Passage::default().with_body_of(&self.passage);
        if !asked.has_body() && !passage.has_body() {
            // Nobody has said what is to be talked about.
            return self.say(desk, next, LegWord::Reject(Refusal::status(488)));
        }
        self.stop_ringing(desk, &Passage::reason(ELSEWHERE));
        let State::Hunting(hunt) = &mut self.state else { return };
        hunt.add(Branch::new(
            next,
            Rings::Client(Flowing { client: "".into(), binding: "".into() }),
            0,
            desk.wire.ctx.at(),
        ));
        if !passage.has_body() {
            // The caller's offer is its to answer, with its ACK.
            return self.say(desk, next, LegWord::Answer { early: 0, passage: asked });
        }
        let (told, offer) = if asked.has_body() {
            (Passage::held(&asked.session().unwrap_or_default()), Some(passage))
        } else {
            (passage, None)
        };
        self.answer(desk, next, 0, told);
        self.transfer = Some(Transfer::new(next, next, Stage::Taken).offering(offer));
    }

    /// Deals with a word while a phone takes the place of another.
    pub(super) fn taking_over(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        leg: Key,
        word: LegWord,
    ) -> Option<LegWord> {
        let Transfer { referrer: old, left, next, stage, .. } = self.transfer.as_ref().map(Transfer::copy)?;
        let far = self.far_from(old);
        let is_over = matches!(word, LegWord::HangUp(_) | LegWord::Cancel(_) | LegWord::Reject(_));
        match (stage, word) {
            (Stage::Taken, LegWord::Acknowledge(passage)) if leg == far.leg => {
                self.on_caller_ready(desk, far, next, passage);
            }
            (Stage::Taking { .. }, LegWord::Renegotiated { status, passage, .. }) if leg == far.leg => {
                self.on_taken(desk, status, passage);
            }
            (Stage::Withdrawing { offered }, LegWord::Renegotiated { status, passage, .. })
                if leg == far.leg =>
            {
                self.on_withdrawn(desk, (200..300).contains(&status).then_some((offered, passage)));
            }
            (stage, _) if leg == next.leg && is_over => self.on_given_up(desk, stage),
            (_, _) if leg == old.leg && is_over => self.note_left(),
            (stage, word) if leg == far.leg && is_over => {
                if !matches!(stage, Stage::Withdrawing { .. }) {
                    self.say(desk, next, LegWord::Reject(Refusal::status(480)));
                }
                self.transfer = None;
                if left || old.leg == next.leg {
                    self.finish(desk, 200, self.ended_by(far));
                    return None;
                }
                return Some(word);
            }
            (_, word) if leg == far.leg => self.put_off(desk, far, left || old.leg == next.leg, word),
            (_, word) if leg == old.leg && old.leg != next.leg => {
                return self.put_off_referrer(desk, old, word);
            }
            (_, _) => {}
        }
        None
    }

    /// The caller has acknowledged what he was told when the call was picked up.
    fn on_caller_ready(&mut self, desk: &mut Desk<'_, '_, '_>, far: Side, next: Side, answer: Passage) {
        let Some(transfer) = &mut self.transfer else { return };
        match transfer.offer.take() {
            Some(passage) => {
                transfer.stage = Stage::Taking { offered: true };
                self.say(desk, far, LegWord::Renegotiate { early: 0, update: false, passage });
            }
            None => {
                self.transfer = None;
                self.say(desk, next, LegWord::Answer { early: 0, passage: answer });
            }
        }
    }

    /// The other side has answered the new phone's offer, or made one for it.
    fn on_taken(&mut self, desk: &mut Desk<'_, '_, '_>, status: u16, passage: Passage) {
        let Some(Transfer { referrer: old, left, next, .. }) = self.transfer.take() else { return };
        if (200..300).contains(&status) {
            self.stand_in(old, next);
            self.say(desk, next, LegWord::Answer { early: 0, passage });
            if !left && old.leg != next.leg {
                self.say(desk, old, LegWord::HangUp(Passage::reason(ELSEWHERE)));
            }
            return;
        }
        // Two offers have met: it may try again.
        let retry_after = (status == 491).then(|| "2".into());
        let status = if status == 491 { 480 } else { status };
        self.say(desk, next, LegWord::Reject(Refusal { retry_after, ..Refusal::status(status) }));
        self.go_back(desk, old, left || old.leg == next.leg);
    }

    /// The new phone does not want it any more.
    fn on_given_up(&mut self, desk: &mut Desk<'_, '_, '_>, stage: Stage) {
        let Some(Transfer { referrer: old, left, next, .. }) = self.transfer.as_ref().map(Transfer::copy)
        else {
            return;
        };
        if left || old.leg == next.leg {
            self.transfer = None;
            self.go_back(desk, old, true);
        } else if let Stage::Taking { offered } = stage {
            self.withdraw_from(desk, offered);
        }
    }

    /// The other side is not to take the session that it has been offered, or asked for.
    pub(super) fn withdraw_from(&mut self, desk: &mut Desk<'_, '_, '_>, offered: bool) {
        self.go_on_with(Stage::Withdrawing { offered });
        let far = self.far_from(self.referrer());
        self.say(desk, far, LegWord::Withdraw(Passage::default()));
    }

    /// What the other side said to that: if it has taken it all the same, with `offered` or not, it is
    /// to have the old one's session again.
    fn on_withdrawn(&mut self, desk: &mut Desk<'_, '_, '_>, granted: Option<(bool, Passage)>) {
        let Some(Transfer { referrer: old, left, .. }) = self.transfer.take() else { return };
        let far = self.far_from(old);
        match granted {
            None => self.go_back(desk, old, left),
            Some(_) if left => self.go_back(desk, old, true),
            Some((true, _)) => {
                self.transfer = Some(Transfer::new(old, old, Stage::Offering));
                let passage = Passage::default();
                self.say(desk, far, LegWord::Renegotiate { early: 0, update: false, passage });
            }
            Some((false, passage)) => {
                self.transfer = Some(Transfer::new(old, old, Stage::Awaited));
                self.say(desk, old, LegWord::Renegotiate { early: 0, update: false, passage });
            }
        }
    }

    /// The call is as it was; if nobody is left on this side, it is over.
    fn go_back(&mut self, desk: &mut Desk<'_, '_, '_>, old: Side, is_left: bool) {
        if is_left {
            let far = self.far_from(old);
            self.say(desk, far, LegWord::HangUp(Passage::default()));
            self.finish(desk, 200, self.ended_by(old));
        }
    }
}
