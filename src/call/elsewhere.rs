//! Where else a call goes: to whose number it is, and to where a phone says that its user is.
//!
//! Implements: RFC 3261 §8.1.3.4 (redirection).

use std::sync::Arc;

use bytes::Bytes;

use crate::base::Uid;
use crate::leg::Refusal;
use crate::registrar::who_of;
use crate::routing::{Action, Direction, Route, Who};
use crate::sip::{NameAddr, is_sips};

use super::call::{Call, Desk, Lookup, Order, State};
use super::targets::Hop;

/// How often a call may be redirected by phones (302).
const REDIRECTIONS: u8 = 5;

impl Call {
    /// Asks whose number it is.
    pub(super) fn find_number(&mut self, desk: &mut Desk<'_, '_, '_>, number: &Arc<str>, hop: &Hop<'_>) {
        let State::Hunting(hunt) = &mut self.state else { return };
        hunt.asked = hunt.asked.saturating_add(1);
        let (call, search, number) = (self.key, self.search.0, Arc::clone(number));
        let (cause, sips) = (hop.cause, hop.sips);
        desk.orders.push(Order::FindNumber(Lookup { call, search, number, cause, sips }));
    }

    /// It is known whose number it is: nobody's is 404.
    pub fn on_number(&mut self, desk: &mut Desk<'_, '_, '_>, lookup: &Lookup, uid: Option<&Uid>) {
        let State::Hunting(hunt) = &mut self.state else { return };
        if lookup.search != self.search.0 || hunt.asked == 0 {
            return;
        }
        hunt.asked -= 1;
        match uid {
            Some(uid) => {
                self.claims = self.claims_later(desk).saturating_add(2);
                let hop = Hop { number: Some(&lookup.number), cause: lookup.cause, sips: lookup.sips };
                self.ring_user(desk, uid, &hop);
            }
            None => {
                hunt.note(Refusal::status(404));
            }
        }
        self.settle(desk);
    }

    /// A phone says that he is elsewhere: the owner's outgoing tree decides about it as if he had
    /// called there himself. True if somebody is there to be rung in the place of the phone, or it
    /// is noted why not.
    pub(super) fn redirect(&mut self, desk: &mut Desk<'_, '_, '_>, status: u16, contacts: &[Bytes]) -> bool {
        let mut followed = false;
        for contact in contacts {
            let Some(to) = who_of(desk.wire.ctx.settings, contact) else { continue };
            if self.redirections >= REDIRECTIONS {
                break;
            }
            self.redirections += 1;
            followed = true;
            self.claims = self.claims_later(desk).saturating_add(2);
            let contact = NameAddr::parse(contact).map_or(&**contact, |named| named.uri);
            let hop = Hop { number: None, cause: Some(status), sips: is_sips(contact) };
            self.follow_contact(desk, to, &hop);
        }
        followed
    }

    fn follow_contact(&mut self, desk: &mut Desk<'_, '_, '_>, to: Who, hop: &Hop<'_>) {
        let settings = desk.wire.ctx.settings;
        let who = (Who::User(self.owner.clone()), to);
        let profiles = desk.owner.profiles(settings);
        let facts = desk.owner.facts(desk.wire.ctx.now, &who.1, self.passage.content(self.route.mode()));
        let route = Route::begin(profiles, Direction::Outgoing, self.route.mode(), who, facts);
        match (route.action(), route.to()) {
            (Action::Send, Who::User(uid)) => self.ring_user(desk, uid, hop),
            (Action::Send, Who::Number(number)) => self.find_number(desk, number, hop),
            (Action::Forward(uid), _) => self.ring_user(desk, uid, hop),
            _ => {
                // Where its user may not go, his phone is as good as gone.
                if let State::Hunting(hunt) = &mut self.state {
                    hunt.note(Refusal::status(480));
                }
            }
        }
    }
}
