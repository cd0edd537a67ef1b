//! INVITE with Replaces: a phone takes over a call of another phone of its user.
//!
//! Nothing new is begun and no tree is asked: the half that the other phone is in goes on. A dialog of
//! anybody else is one that does not exist.
//!
//! Implements: RFC 3891 §3; RFC 3911 §4 (not with Join).

use std::sync::Arc;

use crate::base::Uid;
use crate::call::{Call, Origin};
use crate::effect::Ctx;
use crate::leg::{Passage, Replaces, Wire};
use crate::sip::{Message, Method, Name, Uri, is_sips};
use crate::transaction::Asked;

use super::switchboard::Switchboard;

/// Whether a request uses Replaces in a way that has no meaning.
pub(super) fn misuses_replaces(request: &Message) -> bool {
    request.has(Name::Replaces) && (request.method() != Method::Invite || request.has(Name::Join))
}

impl Switchboard {
    /// An INVITE of this user's that names a dialog.
    pub(super) fn on_replacing(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, asked: Asked) {
        let request = Arc::clone(&asked.request);
        let Some(replaces) = request.header(Name::Replaces).and_then(Replaces::parse) else {
            return self.refuse(ctx, &asked, 400);
        };
        let is_own = |(_, call, _): &(_, _, _)| self.calls.get(*call).map(Call::owner) == Some(uid);
        let Some((old, call, is_answered)) = self.legs.replaced_by(&replaces).filter(is_own) else {
            return self.refuse(ctx, &asked, 481);
        };
        if is_answered && replaces.early_only {
            return self.refuse(ctx, &asked, 486);
        }
        if self.calls.get(call).is_some_and(|own| own.is_sips() != is_sips(request.request_uri())) {
            // What is said over TLS all the way does not go on without.
            return self.refuse(ctx, &asked, 480);
        }
        let trying = asked.answer(100, b"").finish(b"");
        self.transactions.respond(ctx, asked.key, 100, trying);
        let uri = Uri::parse(request.request_uri()).ok();
        let user = uri.and_then(|uri| uri.user_text()).map(std::borrow::Cow::into_owned).unwrap_or_default();
        let phone = Origin::of(asked.flow, &request);
        let mut wire = Wire { ctx, transactions: &mut self.transactions };
        let new = self.legs.answer(&mut wire, call, asked, (user, None));
        let mut passage = Passage::of(&request);
        self.legs.hide(new, &mut passage);
        self.with_call(ctx, call, |call, desk| call.take_over(desk, (old, new), &phone, passage));
    }
}
