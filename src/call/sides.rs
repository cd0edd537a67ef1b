//! What a half of a call does besides, whatever becomes of the call, and how it sends its caller
//! elsewhere.
//!
//! Copies are for pages: a call is with one. A reply is speech on a call, and there is nobody yet who
//! speaks; where it is all that a line does, the caller reads it as the reason of a refusal.
//!
//! Implements: RFC 3261 §21.3.3 (302).

use std::sync::Arc;

use crate::base::Uid;
use crate::effect::Fact;
use crate::leg::{LegWord, Passage, Refusal};
use crate::routing::{Route, Side, stock_text};

use super::call::{Call, Desk, NOT_WANTED, Order};
use super::record::End;

impl Call {
    /// Does what a line does besides its action.
    pub(super) fn do_sides(&self, desk: &mut Desk<'_, '_, '_>, route: &Route) {
        for side in route.sides() {
            match side {
                Side::Also(_) | Side::Reply(_) => {}
                Side::Set(key, value) => desk.orders.push(Order::Set {
                    uid: self.owner.clone(),
                    key: Arc::clone(key),
                    value: Arc::clone(value),
                }),
                Side::Log(text) => desk.wire.ctx.fact(Fact::Noted {
                    id: self.id.to_string(),
                    owner: self.owner.clone(),
                    text: text.to_string(),
                }),
            }
        }
    }

    /// The caller is refused, and reads a stock message of the owner's.
    pub(super) fn reply(&mut self, desk: &mut Desk<'_, '_, '_>, name: &str) {
        let text = stock_text(&desk.owner.stock, name).unwrap_or_default();
        let passage = Passage::reason_text(480, text);
        self.refuse(desk, Refusal { passage, ..Refusal::status(480) });
    }

    /// The caller is told to ask somebody else himself: his own outgoing tree decides about it.
    pub(super) fn send_elsewhere(&mut self, desk: &mut Desk<'_, '_, '_>, uid: &Uid) {
        self.stop_ringing(desk, &Passage::reason(NOT_WANTED));
        let mut refusal = Refusal::status(302);
        refusal.contacts.push(format!("<sip:{uid}>").into());
        refusal.spent = (self.searches.1 - self.searches.0).saturating_add(1);
        self.say(desk, self.upstream, LegWord::Reject(refusal));
        self.finish(desk, 302, End::Refused);
    }
}
