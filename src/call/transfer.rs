//! Transfer: a phone sends the other side of its call to somebody else.
//!
//! To somebody new (blind): a further half of the referrer's asks for him, as if the referrer had called
//! him, so that the referrer's outgoing tree decides; he is shown the one who is sent to him. It rings
//! without an offer; the offer in the answer goes to the one who is sent, and his answer back. From then
//! on this half bridges him and the new one. To one whom the referrer is talking to already (attended):
//! the referrer's two halves are linked, and each lets its phone go.
//!
//! ```text
//!   Asking ──Answer──▶ Joining ──his answer──▶ (the new one stands in the referrer's place)
//!     └──Reject──▶ (as before)  └──refused──▶ (as before)
//!   Offering ──his offer──▶ Awaited ──the other's answer──▶ (likewise)
//! ```
//!
//! A referrer who hangs up meanwhile has done what he could: the call goes on without him.
//!
//! Implements: RFC 3515 §2.4.2; RFC 5589 §6 (blind), §7 (attended); RFC 3891 §3; RFC 3892 §2.2 (the target is
//! told who has sent him).

use std::sync::Arc;

use crate::base::{Key, Uid, name_record};
use crate::config::Settings;
use crate::leg::{LegWord, LinkEnd, Passage, Referral};
use crate::registrar::{Caller, only_of, who_of};
use crate::routing::{Mode, Who};
use crate::sip::is_sips;

use super::call::{Call, Desk, Order, State};
use super::history::History;
use super::hunt::Side;
use super::ladder::Party;
use super::parties::Opening;
use super::record::End;

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Transfer {
    /// The phone that has asked for it, or that is relieved, and whether it is gone.
    pub(super) referrer: Side,
    pub(super) left: bool,
    /// The one who is to stand in its place.
    pub(super) next: Side,
    pub(super) stage: Stage,
    /// What the one who has picked the call up will offer.
    pub(super) offer: Option<Passage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The new one is asked for.
    Asking,
    /// He has answered, and his offer is with the one who is sent to him.
    Joining,
    /// The one who is sent is asked for an offer, for somebody who is in a call already.
    Offering,
    /// That offer is with the other.
    Awaited,
    /// A phone of the owner's has picked the call up, and the caller knows it.
    Taken,
    /// The other side is asked for the session of a phone that takes over; it may have made the offer.
    Taking { offered: bool },
    /// That session is not wanted any more, and the other side has not answered.
    Withdrawing { offered: bool },
}

/// A half that is to be begun for a transfer: its owner asks for somebody in the name of another.
#[derive(Debug)]
pub struct Errand {
    /// The asking end of the link.
    pub from: LinkEnd,
    /// Whose outgoing tree decides.
    pub owner: Uid,
    /// Who is asked for.
    pub to: Who,
    /// For what.
    pub mode: Mode,
    /// What the half begins with; its name and limits are the switchboard's.
    pub opening: Opening,
}

/// Two halves of one owner that are to become one call.
#[derive(Debug)]
pub struct Join {
    /// The half whose phone has asked for it.
    pub call: Key,
    /// The half whose phone's dialog is to be replaced, and its leg there.
    pub other: Key,
    /// That leg.
    pub leg: Key,
}

impl Call {
    /// A phone asks that the other side be connected with somebody else.
    pub(super) fn refer(&mut self, desk: &mut Desk<'_, '_, '_>, leg: Key, referral: &Referral) {
        let Some(referrer) = self.side_of(leg) else { return };
        // Another cluster's user has calls at home, and none here.
        let is_abroad = desk.legs.peer_of(leg).is_some();
        let refused = match (&self.transfer, &referral.replaces) {
            (Some(_), _) => Some(491),
            (None, Some(_)) if is_abroad => Some(481),
            (None, Some(replaces)) => self.take_call(desk, referrer, replaces),
            (None, None) => self.ask_for(desk, referrer, referral, is_abroad),
        };
        if let Some(status) = refused {
            self.say(desk, referrer, LegWord::Referred { status, over: true });
        }
    }

    /// Asks for somebody new, as the owner's tree decides: he is the referrer, or the one whom a user of
    /// another cluster sends on, and who calls there himself. Gives a status if that cannot be.
    fn ask_for(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        referrer: Side,
        referral: &Referral,
        is_abroad: bool,
    ) -> Option<u16> {
        let Some(to) = who_of(desk.wire.ctx.settings, &referral.to) else { return Some(404) };
        if is_abroad && matches!(to, Who::Number(_)) {
            // What a number costs is not for others to say.
            return Some(403);
        }
        if self.max_forwards == 0 {
            return Some(483);
        }
        let from = desk.legs.link_out(self.key);
        let party = match &to {
            Who::User(uid) => Party::User(uid.clone()),
            Who::Number(number) => Party::Number(Arc::clone(number)),
            Who::Anonymous => Party::Asker,
        };
        let next = Side { leg: from.leg, party: self.ladder.party(party) };
        self.ladder.invite(self.after_ms(desk), next.party, false);
        self.transfer = Some(Transfer::new(referrer, next, Stage::Asking));
        let opening = Opening {
            id: name_record(desk.wire.ctx.now, desk.wire.ctx.rng),
            caller: self.sent(desk.wire.ctx.settings, referrer, is_sips(&referral.to)),
            passage: Passage::default(),
            reliable: false,
            max_forwards: self.max_forwards - 1,
            breadth: desk.wire.ctx.settings.limits.breadth,
            searches: desk.wire.ctx.settings.limits.halves_per_call,
            history: History::new(self.caller.who == Who::Anonymous),
            origin: None,
            referred: self.name_of(referrer, is_abroad).filter(|_| !referral.hidden),
            only: only_of(&referral.to),
        };
        let (owner, mode) = (self.owner.clone(), self.route.mode());
        desk.orders.push(Order::Errand(Box::new(Errand { from, owner, to, mode, opening })));
        None
    }

    /// The one who is sent, as the new one is shown him: who called here, or who was called, by the
    /// name that the referrer knows him by.
    fn sent(&self, settings: &Settings, referrer: Side, sips: bool) -> Caller {
        let is_caller = referrer.leg == self.upstream.leg;
        let sent = if is_caller { Caller::called(settings, self.route.to()) } else { self.caller.clone() };
        // What is said over TLS so far does not go on without.
        Caller { face: sent.face.secured(sips || self.caller.face.sips), ..sent }
    }

    /// Who the referrer is, if he may be known (RFC 3892).
    fn name_of(&self, referrer: Side, is_abroad: bool) -> Option<Uid> {
        let is_caller = referrer.leg == self.upstream.leg;
        let other = if is_caller { &self.caller.who } else { self.route.to() };
        match other {
            Who::Anonymous => None,
            _ if !is_abroad => Some(self.owner.clone()),
            Who::User(uid) => Some(uid.clone()),
            Who::Number(_) => None,
        }
    }

    /// Takes another call of the referrer's. Gives a status if there is none.
    fn take_call(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        referrer: Side,
        replaces: &crate::leg::Replaces,
    ) -> Option<u16> {
        let Some((leg, other)) = desk.legs.dialog_of(replaces).filter(|(_, other)| *other != self.key) else {
            return Some(481);
        };
        self.transfer = Some(Transfer::new(referrer, referrer, Stage::Offering));
        desk.orders.push(Order::Join(Join { call: self.key, other, leg }));
        None
    }

    /// The other call is there, at the end of this link; `None` if it cannot be had.
    pub fn join(&mut self, desk: &mut Desk<'_, '_, '_>, link: Option<Key>) {
        let Some(transfer) = &mut self.transfer else { return };
        let Some(link) = link else { return self.give_up_transfer(desk, 481) };
        transfer.next.leg = link;
        let far = self.far_from(self.referrer());
        self.say(desk, far, LegWord::Renegotiate { early: 0, update: false, passage: Passage::default() });
    }

    /// This half is to be linked with another of its owner's in the place of one of its phones. False if
    /// it is in no state for that, or one of the two calls is by `sips:` and the other is not.
    pub fn stands_by(&mut self, leg: Key, link: Key, sips: bool) -> bool {
        let State::Bridged { .. } = self.state else { return false };
        if sips != self.is_sips() {
            return false;
        }
        let Some(side) = self.side_of(leg).filter(|_| self.transfer.is_none() && self.joined.is_none())
        else {
            return false;
        };
        self.joined = Some((side, Side { leg: link, party: side.party }));
        true
    }

    /// Deals with a word that belongs to a transfer; gives it back if it does not.
    pub(super) fn transferring(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        leg: Key,
        word: LegWord,
    ) -> Option<LegWord> {
        if let Some((phone, link)) = self.joined.take_if(|(_, link)| link.leg == leg) {
            return self.on_joined(desk, phone, link, word);
        }
        match self.transfer.as_ref().map(Transfer::copy) {
            None => Some(word),
            Some(transfer) if transfer.stage.is_relief() => self.taking_over(desk, leg, word),
            Some(transfer) => self.go_on(desk, &transfer, leg, word),
        }
    }

    /// Takes a transfer that a phone has asked for a step further.
    fn go_on(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        transfer: &Transfer,
        leg: Key,
        word: LegWord,
    ) -> Option<LegWord> {
        let Transfer { referrer, left, next, stage, .. } = *transfer;
        let far = self.far_from(referrer);
        let is_over = matches!(word, LegWord::HangUp(_) | LegWord::Cancel(_) | LegWord::Reject(_));
        match (stage, word) {
            (Stage::Asking, LegWord::Progress { status, .. }) if leg == next.leg => {
                self.say(desk, referrer, LegWord::Referred { status, over: false });
            }
            (Stage::Asking, LegWord::Reject(refusal)) if leg == next.leg => {
                self.give_up_transfer(desk, refusal.status);
            }
            (Stage::Asking, LegWord::Answer { passage, .. }) if leg == next.leg => {
                self.go_on_with(Stage::Joining);
                self.say(desk, far, LegWord::Renegotiate { early: 0, update: false, passage });
            }
            (Stage::Joining, LegWord::Renegotiated { status, passage, .. }) if leg == far.leg => {
                if (200..300).contains(&status) {
                    self.say(desk, next, LegWord::Acknowledge(passage));
                    self.replace_referrer(desk);
                } else {
                    self.say(desk, next, LegWord::HangUp(Passage::default()));
                    self.give_up_transfer(desk, status);
                }
            }
            (Stage::Offering, LegWord::Renegotiated { status, passage, .. }) if leg == far.leg => {
                if (200..300).contains(&status) {
                    self.go_on_with(Stage::Awaited);
                    self.say(desk, next, LegWord::Renegotiate { early: 0, update: false, passage });
                } else {
                    self.say(desk, next, LegWord::HangUp(Passage::default()));
                    self.give_up_transfer(desk, status);
                }
            }
            (Stage::Awaited, LegWord::Renegotiated { status, passage, .. }) if leg == next.leg => {
                self.say(desk, far, LegWord::Acknowledge(passage));
                if (200..300).contains(&status) {
                    self.replace_referrer(desk);
                } else {
                    self.say(desk, next, LegWord::HangUp(Passage::default()));
                    self.give_up_transfer(desk, status);
                }
            }
            // The one who is sent may take his session all the same, and is to have the old one then.
            (Stage::Joining, _) if leg == next.leg && is_over && !left => {
                self.say(desk, referrer, LegWord::Referred { status: 480, over: true });
                self.withdraw_from(desk, true);
            }
            (_, _) if leg == next.leg && is_over => self.give_up_transfer(desk, 480),
            // He has asked for it, and need not wait for what comes of it.
            (_, _) if leg == referrer.leg && is_over => self.note_left(),
            (_, word) if leg == far.leg && is_over => {
                self.say(desk, next, LegWord::Cancel(Passage::default()));
                self.transfer = None;
                if left {
                    self.finish(desk, 200, self.ended_by(far));
                    return None;
                }
                return Some(word);
            }
            // While the new one only rings, the two talk on.
            (Stage::Asking, word) if !left => return Some(word),
            (_, word) if leg == far.leg => self.put_off(desk, far, left, word),
            (_, word) if leg == referrer.leg => return self.put_off_referrer(desk, referrer, word),
            (_, _) => {}
        }
        None
    }

    /// The first word of the half that takes this call: from now on it stands in the place of the phone.
    fn on_joined(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        phone: Side,
        link: Side,
        word: LegWord,
    ) -> Option<LegWord> {
        if !matches!(word, LegWord::Renegotiate { .. }) {
            return None;
        }
        self.stand_in(phone, link);
        self.say(desk, phone, LegWord::HangUp(Passage::default()));
        Some(word)
    }

    /// What the one who is sent says meanwhile, and nobody is there to hear.
    pub(super) fn put_off(&mut self, desk: &mut Desk<'_, '_, '_>, far: Side, left: bool, word: LegWord) {
        let passage = Passage::default();
        if let LegWord::Renegotiate { early, .. } = word {
            self.say(desk, far, LegWord::Renegotiated { early, status: 491, passage });
        } else if let LegWord::Request { id, .. } = word {
            self.say(desk, far, LegWord::Reply { id, status: 480, passage });
        } else if let LegWord::Refer(_) = word {
            self.say(desk, far, LegWord::Referred { status: 491, over: true });
        } else if !left {
            let referrer = self.referrer();
            self.say(desk, referrer, word);
        }
    }

    /// The referrer's own offers have to wait; the rest is as before.
    pub(super) fn put_off_referrer(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        referrer: Side,
        word: LegWord,
    ) -> Option<LegWord> {
        if let LegWord::Renegotiate { early, .. } = word {
            self.say(
                desk,
                referrer,
                LegWord::Renegotiated { early, status: 491, passage: Passage::default() },
            );
            return None;
        }
        Some(word)
    }

    pub(super) fn go_on_with(&mut self, stage: Stage) {
        if let Some(transfer) = &mut self.transfer {
            transfer.stage = stage;
        }
    }

    pub(super) fn note_left(&mut self) {
        if let Some(transfer) = &mut self.transfer {
            transfer.left = true;
        }
    }

    pub(super) fn referrer(&self) -> Side {
        self.transfer.as_ref().map_or(self.upstream, |transfer| transfer.referrer)
    }

    /// Nothing comes of it: the call is as it was; without its referrer it is over.
    fn give_up_transfer(&mut self, desk: &mut Desk<'_, '_, '_>, status: u16) {
        let Some(Transfer { referrer, left, .. }) = self.transfer.take() else { return };
        if left {
            let far = self.far_from(referrer);
            self.say(desk, far, LegWord::HangUp(Passage::default()));
            self.finish(desk, 200, self.ended_by(referrer));
        } else {
            self.say(desk, referrer, LegWord::Referred { status, over: true });
        }
    }

    /// The two talk: the referrer is told, and let go.
    fn replace_referrer(&mut self, desk: &mut Desk<'_, '_, '_>) {
        let Some(Transfer { referrer, left, next, .. }) = self.transfer.take() else { return };
        self.stand_in(referrer, next);
        // Its own session is asked for again: nobody goes.
        if !left && next.leg != referrer.leg {
            self.say(desk, referrer, LegWord::Referred { status: 200, over: true });
            self.say(desk, referrer, LegWord::HangUp(Passage::default()));
        }
    }

    pub(super) fn stand_in(&mut self, old: Side, new: Side) {
        if old.leg == self.upstream.leg {
            self.upstream = new;
        } else {
            self.state = State::Bridged { downstream: new };
        }
    }

    /// The other side of an answered call.
    pub(super) fn far_from(&self, side: Side) -> Side {
        match &self.state {
            State::Bridged { downstream } if side.leg == self.upstream.leg => *downstream,
            State::Bridged { .. } | State::Hunting(_) | State::Ignoring | State::Over => self.upstream,
        }
    }

    pub(super) fn ended_by(&self, side: Side) -> End {
        if side.leg == self.upstream.leg { End::HungUpByCaller } else { End::HungUpByCallee }
    }

    /// The call ends: whoever was asked for is not wanted any more.
    pub(super) fn drop_transfer(&mut self, desk: &mut Desk<'_, '_, '_>) {
        if let Some(Transfer { next, referrer, .. }) = self.transfer.take()
            && next.leg != referrer.leg
        {
            self.say(desk, next, LegWord::Cancel(Passage::default()));
        }
        if let Some((_, link)) = self.joined.take() {
            self.say(desk, link, LegWord::HangUp(Passage::default()));
        }
    }
}

impl Transfer {
    /// Who is to stand in the referrer's place.
    pub(super) fn next(&self) -> Side {
        self.next
    }

    pub(super) fn new(referrer: Side, next: Side, stage: Stage) -> Self {
        Self { referrer, left: false, next, stage, offer: None }
    }

    /// With what is to be offered later.
    #[must_use]
    pub(super) fn offering(self, offer: Option<Passage>) -> Self {
        Self { offer, ..self }
    }

    /// All but the offer.
    pub(super) fn copy(&self) -> Self {
        let Self { referrer, left, next, stage, .. } = *self;
        Self { referrer, left, next, stage, offer: None }
    }
}

impl Stage {
    /// Whether one phone of the owner's takes the place of another.
    fn is_relief(self) -> bool {
        match self {
            Self::Taken | Self::Taking { .. } | Self::Withdrawing { .. } => true,
            Self::Asking | Self::Joining | Self::Offering | Self::Awaited => false,
        }
    }
}
