//! The early dialogs of a phone that we call: its reliable provisional responses, which we confirm, and
//! the offers that it makes and is made in them.
//!
//! A PRACK goes out at once, unless the response makes an offer: then it carries the answer of the
//! call's other side. A phone behind a proxy that forks may have several dialogs; offers of the call go
//! into the latest.
//!
//! Implements: RFC 3262 §4, §5; RFC 3311 §5 (in an early dialog).

use crate::base::Key;
use crate::dialog::{Dialog, Misfit};
use crate::sip::{Message, Method, Name, Writer};
use crate::transaction::{Asked, Owner};

use super::confirmed::Confirmed;
use super::inside::{answer_alone, request_inside};
use super::invite_out::{Guise, capabilities};
use super::legs::{Turn, Wire};
use super::outcome::shown_status;
use super::uac::Uac;
use super::words::{LegWord, Passage};

const PRACK: (Method, &str) = (Method::Prack, Method::Prack.as_str());
const UPDATE: (Method, &str) = (Method::Update, Method::Update.as_str());
/// Early dialogs of one INVITE: behind one binding nobody has more, and each costs memory.
pub(super) const DIALOGS: usize = 16;

/// One early dialog.
#[derive(Debug)]
pub(super) struct Early {
    dialog: Dialog,
    /// The number of its latest reliable response.
    rseq: u32,
    /// Its latest reliable response made an offer, and its PRACK waits for the answer.
    owes: bool,
    /// Offer and answer have been exchanged.
    settled: bool,
    /// Whether it takes UPDATE.
    updates: bool,
    /// The phone's UPDATE that the other side has not answered.
    asked: Option<Asked>,
    /// Our UPDATE that the phone has not answered.
    ours: Option<Key>,
}

impl Uac {
    /// A provisional response: what is told of it, or nothing if it is a repeat or came before its time.
    pub(super) fn hear(&mut self, wire: &mut Wire<'_, '_>, key: Key, response: &Message) -> Option<LegWord> {
        let status = response.status();
        let passage = Passage::of(response);
        let place = self.place_of(response.to_tag());
        let Some(rseq) = rseq_of(response) else {
            let (early, settled) = self.early_at(response.to_tag());
            let passage = if settled { passage.without_body() } else { passage };
            return Some(LegWord::Progress { status, early, reliable: false, passage });
        };
        let place = place.or_else(|| self.begin_early(wire, response))?;
        let offered = self.offered;
        let early = self.early.get_mut(place)?;
        // One that came out of order is not confirmed: it will come again (RFC 3262 §4).
        if early.rseq != 0 && early.rseq.checked_add(1) != Some(rseq) {
            return None;
        }
        early.rseq = rseq;
        early.updates |= response.has_token(Name::Allow, "UPDATE");
        let passage = if early.settled { passage.without_body() } else { passage };
        match (passage.has_body(), offered) {
            (true, false) => early.owes = true,
            (true, true) => {
                early.settled = true;
                self.confirm_early(wire, key, place, &Passage::default());
            }
            (false, _) => self.confirm_early(wire, key, place, &Passage::default()),
        }
        Some(LegWord::Progress { status, early: number(Some(place)), reliable: true, passage })
    }

    /// Sends the PRACK of the latest reliable response (RFC 3262 §4).
    fn confirm_early(&mut self, wire: &mut Wire<'_, '_>, key: Key, place: usize, passage: &Passage) {
        let invite = self.dialog.local_cseq();
        let Some(early) = self.early.get_mut(place) else { return };
        early.owes = false;
        let rseq = early.rseq;
        let more = |writer: &mut Writer| {
            writer.text(Name::RAck, format_args!("{rseq} {invite} INVITE"));
        };
        request_inside(wire, Owner::Leg(key), &mut early.dialog, PRACK, &more, passage);
    }

    /// The answer to the offer of a reliable response.
    pub(super) fn settle(&mut self, wire: &mut Wire<'_, '_>, key: Key, number: u8, passage: &Passage) {
        let place = usize::from(number);
        if let Some(early) = self.early.get_mut(place).filter(|early| early.owes) {
            early.settled = true;
            self.confirm_early(wire, key, place, passage);
        }
    }

    /// The call is not wanted any more: offers that wait for an answer are refused.
    pub(super) fn refuse_offers(&mut self, wire: &mut Wire<'_, '_>, key: Key, response: &Message) {
        let offer = Passage::of(response).session().unwrap_or_default();
        if self.hear(wire, key, response).is_some() {
            for place in 0..self.early.len() {
                if self.early.get(place).is_some_and(|early| early.owes) {
                    self.confirm_early(wire, key, place, &Passage::refusing(&offer));
                }
            }
        }
    }

    fn begin_early(&mut self, wire: &Wire<'_, '_>, response: &Message) -> Option<usize> {
        if self.early.len() >= DIALOGS || response.to_tag().is_empty() {
            return None;
        }
        let dialog = self.dialog.confirmed_by(wire.ctx.settings, response);
        self.early.push(Early {
            dialog,
            rseq: 0,
            owes: false,
            settled: false,
            updates: false,
            asked: None,
            ours: None,
        });
        Some(self.early.len() - 1)
    }

    fn place_of(&self, tag: &[u8]) -> Option<usize> {
        self.early.iter().position(|early| early.dialog.remote_tag() == tag)
    }

    /// The number of the early dialog with this tag, and whether its session is settled.
    pub(super) fn early_at(&self, tag: &[u8]) -> (u8, bool) {
        let place = self.place_of(tag);
        let settled = place.and_then(|place| self.early.get(place)).is_some_and(|early| early.settled);
        (number(place), settled)
    }

    fn early_of(&mut self, request: &Message) -> Option<(u8, &mut Early)> {
        let place = self.early.iter().position(|early| early.dialog.is_of(request))?;
        Some((number(Some(place)), self.early.get_mut(place)?))
    }

    /// The early dialog that a request of the phone's belongs to.
    pub(super) fn dialog_of(&self, request: &Message) -> Option<&Dialog> {
        self.early.iter().map(|early| &early.dialog).find(|dialog| dialog.is_of(request))
    }

    /// Whether a request of an early dialog is in order; remembers its number if it is.
    pub(super) fn accept(&mut self, request: &Message) -> Result<(), Misfit> {
        self.early_of(request).ok_or(Misfit::Unknown)?.1.dialog.accept(request)
    }

    /// A request of the phone's in an early dialog: it may change the session, and may not end it
    /// (RFC 3261 §15).
    pub(super) fn on_request(&mut self, wire: &mut Wire<'_, '_>, asked: Asked) -> Turn {
        let guise = std::mem::take(&mut self.guise);
        let turn = self.on_early_request(wire, asked, &guise);
        self.guise = guise;
        turn
    }

    fn on_early_request(&mut self, wire: &mut Wire<'_, '_>, asked: Asked, guise: &Guise) -> Turn {
        let tag = asked.request.to_tag();
        let passage = Passage::of(&asked.request);
        let Some((number, early)) = self.early_of(&asked.request) else {
            asked.refuse(wire.ctx, wire.transactions, 481, tag);
            return Turn::Stay;
        };
        match asked.request.method() {
            Method::Update if !passage.has_body() => {
                early.updates = true;
                early.dialog.refresh_target(wire.ctx.settings, &asked.request, asked.flow);
                grant(wire, guise, &asked, &passage);
            }
            // What we offered is not answered, or what it offered: RFC 3311 §5.2.
            Method::Update if early.ours.is_some() || !early.settled => {
                asked.refuse(wire.ctx, wire.transactions, 491, tag);
            }
            Method::Update if early.asked.is_some() => asked.refuse_for_now(wire.ctx, wire.transactions, tag),
            Method::Update => {
                early.updates = true;
                early.dialog.refresh_target(wire.ctx.settings, &asked.request, asked.flow);
                early.asked = Some(asked);
                return Turn::Tell(LegWord::Renegotiate { early: number, update: true, passage });
            }
            Method::Invite | Method::Info | Method::Message | Method::Other => {
                asked.refuse_for_now(wire.ctx, wire.transactions, tag);
            }
            Method::Options
            | Method::Bye
            | Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Prack
            | Method::Subscribe
            | Method::Notify
            | Method::Publish
            | Method::Refer => answer_alone(wire, &asked, tag),
        }
        Turn::Stay
    }

    /// The call's other side makes an offer in an early dialog.
    pub(super) fn offer(&mut self, wire: &mut Wire<'_, '_>, key: Key, number: u8, passage: &Passage) -> Turn {
        let refused =
            |status| Turn::Tell(LegWord::Renegotiated { early: number, status, passage: Passage::default() });
        let guise = &self.guise;
        let Some(early) = self.early.get_mut(usize::from(number)) else { return refused(500) };
        if early.asked.is_some() || early.ours.is_some() {
            return refused(491);
        }
        // A re-INVITE that asks for an offer has no counterpart before the answer.
        if !early.settled || !early.updates || !passage.has_body() {
            return refused(500);
        }
        let (settings, flow) = (wire.ctx.settings, early.dialog.flow());
        let guise = &guise.within(settings, &early.dialog);
        let more = |writer: &mut Writer| capabilities(settings, flow, guise, Method::Update, writer);
        let client = request_inside(wire, Owner::Leg(key), &mut early.dialog, UPDATE, &more, passage);
        early.ours = Some(client);
        Turn::Stay
    }

    /// The call's other side has answered the phone's offer.
    pub(super) fn answer_offer(
        &mut self,
        wire: &mut Wire<'_, '_>,
        number: u8,
        status: u16,
        passage: &Passage,
    ) {
        let Some(asked) = self.early.get_mut(usize::from(number)).and_then(|early| early.asked.take()) else {
            return;
        };
        match status {
            200..300 => grant(wire, &self.guise, &asked, passage),
            500 => asked.refuse_for_now(wire.ctx, wire.transactions, asked.request.to_tag()),
            _ => asked.refuse(wire.ctx, wire.transactions, status, asked.request.to_tag()),
        }
    }

    /// A response to a request in an early dialog.
    pub(super) fn on_early_response(&mut self, wire: &Wire<'_, '_>, client: Key, response: &Message) -> Turn {
        let status = response.status();
        let Some(place) = self.early.iter().position(|early| early.ours == Some(client)) else {
            return Turn::Stay;
        };
        let Some(early) = self.early.get_mut(place).filter(|_| status >= 200) else { return Turn::Stay };
        early.ours = None;
        let passage = Passage::of(response);
        let passage = if status < 300 {
            let flow = early.dialog.flow();
            early.dialog.refresh_target(wire.ctx.settings, response, flow);
            passage
        } else {
            passage.without_body()
        };
        Turn::Tell(LegWord::Renegotiated {
            early: number(Some(place)),
            status: shown_status(status),
            passage,
        })
    }

    /// A request in an early dialog was not answered, or could not be sent.
    pub(super) fn on_early_failed(&mut self, client: Key, status: u16) -> Turn {
        let Some(place) = self.early.iter().position(|early| early.ours == Some(client)) else {
            return Turn::Stay;
        };
        if let Some(early) = self.early.get_mut(place) {
            early.ours = None;
        }
        let (status, passage) = (shown_status(status), Passage::default());
        Turn::Tell(LegWord::Renegotiated { early: number(Some(place)), status, passage })
    }

    /// A request in an early dialog was sent again, with a proof.
    pub(super) fn on_early_resent(&mut self, old: Key, new: Key, cseq: u32) {
        for early in &mut self.early {
            early.dialog.resent(cseq);
            if early.ours == Some(old) {
                early.ours = Some(new);
            }
        }
    }

    /// The dialog that a 2xx confirms, and whether its session is settled already. What is open in it
    /// goes on in the answered call; that of the others is over.
    pub(super) fn confirm_dialog(
        &mut self,
        wire: &mut Wire<'_, '_>,
        response: &Message,
    ) -> (Dialog, bool, Option<Asked>, Option<Key>) {
        let Some(place) = self.place_of(response.to_tag()) else {
            self.drop_early(wire);
            return (self.dialog.confirmed_by(wire.ctx.settings, response), false, None, None);
        };
        let mut early = self.early.swap_remove(place);
        self.drop_early(wire);
        let dialog = early.dialog.confirmed_by(wire.ctx.settings, response);
        (dialog, early.settled, early.asked.take(), early.ours.take())
    }

    /// No early dialog is left.
    pub(super) fn drop_early(&mut self, wire: &mut Wire<'_, '_>) {
        for early in self.early.drain(..) {
            if let Some(asked) = early.asked {
                asked.refuse(wire.ctx, wire.transactions, 487, asked.request.to_tag());
            }
        }
    }
}

impl Confirmed {
    /// What was open in the early dialog goes on.
    pub(super) fn take_over(&mut self, asked: Option<Asked>, ours: Option<Key>) {
        if let Some(asked) = asked {
            self.renegotiation.has_asked(asked);
        }
        if let Some(client) = ours {
            self.renegotiation.has_offered(client);
        }
    }
}

fn grant(wire: &mut Wire<'_, '_>, guise: &Guise, asked: &Asked, passage: &Passage) {
    let mut writer = asked.answer(200, asked.request.to_tag());
    guise.introduce(wire.ctx.settings, asked.flow, true, &mut writer);
    passage.write(&mut writer);
    wire.transactions.respond(wire.ctx, asked.key, 200, writer.finish(passage.body()));
}

/// The number of a response that is to be confirmed.
fn rseq_of(response: &Message) -> Option<u32> {
    let reliable = response.has_token(Name::Require, "100rel");
    response.number(Name::RSeq).filter(|_| reliable).and_then(|rseq| u32::try_from(rseq).ok())
}

fn number(place: Option<usize>) -> u8 {
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(0)
}
