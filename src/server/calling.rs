//! INVITE: the two halves of a call are set up here, and let go.
//!
//! Implements: RFC 5621 §8.2 (what has to be understood); RFC 3323 §4.1, §5.3 (how a caller is shown).

use std::sync::Arc;

use crate::base::{Arena, Key, ServerIndex, Uid, name_record};
use crate::call::{Call, History, Invitation, Opening, Order, Origin, Standing, breadth_of, mode_of};
use crate::config::Settings;
use crate::dialog::Face;
use crate::effect::{Ctx, Fact, Flow, StoreOp};
use crate::leg::{LegWord, LinkMail, Passage, Refusal, Wire, confirms_provisional, too_brief};
use crate::registrar::{Caller, Meaning, User, is_spent, meaning, only_of, who_of_uri};
use crate::routing::{Direction, Facts, Route, Who};
use crate::sip::{Message, Name, NameAddr, Privacy, Scheme, Uri, is_sips};
use crate::transaction::Asked;

use super::peer::PeerWord;
use super::requests::TURNED_AWAY_S;
use super::switchboard::{Switchboard, Waiting};
use super::users::{self, Job};
use super::waking::Waiter;
use super::wishes::Sent;

/// Max-Forwards of a request that names none (RFC 3261 §16.6 step 3).
pub(super) const MAX_FORWARDS: u8 = 70;

/// The bodies that calls are made with.
pub(super) const CARRIED: &[u8] = b"application/sdp, multipart/mixed";

impl Switchboard {
    /// An INVITE of a user who is who he says he is: the caller's half begins.
    pub(super) fn on_invite(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, asked: Asked) {
        let request = Arc::clone(&asked.request);
        if let Some(status) = body_refusal(&request) {
            return self.refuse_body(ctx, &asked, status);
        }
        if !has_one_contact(ctx.settings, asked.flow, &request) {
            return self.refuse_because(ctx, &asked, 400, &NO_CONTACT);
        }
        if let Some(min_s) = too_brief(&ctx.settings.limits, &request) {
            return self.refuse_brief(ctx, &asked, min_s);
        }
        if request.has(Name::Replaces) {
            return self.on_replacing(ctx, uid, asked);
        }
        let Some(to) = asked_for(ctx, &request) else { return self.refuse(ctx, &asked, 404) };
        if self.takes_no_call(ctx) {
            return self.turn_call_away(ctx, &asked);
        }
        let Some(user) = self.users.get_mut(uid) else { return self.refuse(ctx, &asked, 500) };
        if !owns_from(user, ctx, &request) {
            return self.refuse(ctx, &asked, 403);
        }
        if has_calls_enough(ctx, user, None, &self.calls) {
            return self.refuse(ctx, &asked, 486);
        }
        let Some(Sent { asked, to, profile, device }) = self.sent(ctx, uid, asked, to) else { return };
        let Some(user) = self.users.get_mut(uid) else { return };
        user.calls.begin();
        let caller = caller_of(ctx, user, &request);
        let passage = Passage::of(&request);
        let who = (Who::User(uid.clone()), to);
        let (mode, origin) = (mode_of(&passage), Origin::of(asked.flow, &request));
        let registered = registered_contact(ctx, user, &request, &origin);
        let facts = Facts { device, ..user.facts(ctx.now, &who.1, passage.content(mode)) };
        let profiles = (&profile, &ctx.settings.default_profile);
        let route = Route::begin(profiles, Direction::Outgoing, mode, who, facts);
        let shown = route.to().to_string();
        let mut opening = Opening {
            id: name_record(ctx.now, ctx.rng),
            caller,
            passage,
            reliable: confirms_provisional(&request),
            max_forwards: request.max_forwards().unwrap_or(MAX_FORWARDS).min(MAX_FORWARDS) - 1,
            breadth: breadth_of(&request, ctx.settings.limits.breadth),
            searches: ctx.settings.limits.halves_per_call,
            history: History::new(Privacy::of(&request).history),
            origin: Some(origin),
            referred: None,
            only: only_of(request.request_uri()),
        };
        let trying = asked.answer(100, b"").finish(b"");
        self.transactions.respond(ctx, asked.key, 100, trying);
        let key = self.calls.next_key();
        let user_part = shown.split('@').next().unwrap_or_default().to_owned();
        let mut wire = Wire { ctx, transactions: &mut self.transactions };
        let upstream = self.legs.answer(&mut wire, key, asked, (user_part, registered));
        self.legs.hide(upstream, &mut opening.passage);
        self.calls.insert(Call::new(
            key,
            opening,
            Direction::Outgoing,
            uid.clone(),
            route,
            upstream,
            ctx.now,
        ));
        self.with_call(ctx, key, Call::begin);
    }

    /// Refuses what a call cannot be made with.
    pub(super) fn refuse_body(&mut self, ctx: &mut Ctx<'_>, asked: &Asked, status: u16) {
        let mut writer = asked.answer(status, self.fresh_tag(ctx).as_bytes());
        if status == 415 {
            writer.header(Name::Accept, CARRIED);
            writer.header(Name::AcceptEncoding, b"identity");
        }
        self.transactions.respond(ctx, asked.key, status, writer.finish(b""));
    }

    /// Refuses a session that would have to be refreshed too often (RFC 4028 §9).
    pub(super) fn refuse_brief(&mut self, ctx: &mut Ctx<'_>, asked: &Asked, min_s: u32) {
        let mut writer = asked.answer(422, self.fresh_tag(ctx).as_bytes());
        writer.number(Name::MinSe, u64::from(min_s));
        self.transactions.respond(ctx, asked.key, 422, writer.finish(b""));
    }

    /// Whether no new call is taken.
    pub(super) fn takes_no_call(&self, ctx: &Ctx<'_>) -> bool {
        let limit = usize::try_from(ctx.settings.limits.calls).unwrap_or(usize::MAX);
        self.draining || self.calls.len() >= limit
    }

    /// Asks a caller to try again later.
    pub(super) fn turn_call_away(&mut self, ctx: &mut Ctx<'_>, asked: &Asked) {
        if !self.draining {
            ctx.fact(Fact::Limit("calls"));
        }
        let mut writer = asked.answer(503, self.fresh_tag(ctx).as_bytes());
        writer.number(Name::RetryAfter, TURNED_AWAY_S);
        self.transactions.respond(ctx, asked.key, 503, writer.finish(b""));
    }

    /// Another half asks this user's routing: the callee's half begins.
    pub(super) fn on_invitation(&mut self, ctx: &mut Ctx<'_>, invitation: Invitation) {
        let uid = invitation.callee.clone();
        match self.users.known(ctx.at(), &uid) {
            Some(users::Known::Present) => {}
            Some(users::Known::Absent) => return self.refuse_invitation(&invitation, 404),
            Some(users::Known::Loading) | None => {
                return self.wait_for(ctx, &uid, Job::Call(invitation));
            }
        }
        let Some(user) = self.users.get_mut(&uid) else { return };
        user.used = ctx.at();
        if has_calls_enough(ctx, user, Some(&invitation.opening.caller.who), &self.calls) {
            return self.refuse_invitation(&invitation, 486);
        }
        if is_spent(ctx.at(), user, invitation.opening.only.as_ref()) {
            return self.refuse_invitation(&invitation, 404);
        }
        // Two users have sent the same call on to him (RFC 3261 §8.2.2.2: merged requests).
        if user.calls.has_incoming(&invitation.opening.id) {
            return self.refuse_invitation(&invitation, 482);
        }
        let key = self.calls.next_key();
        user.calls.begin_incoming(&invitation.opening.id, &invitation.opening.caller.who, key);
        let profiles = user.profiles(ctx.settings);
        let who = (invitation.opening.caller.who.clone(), Who::User(uid.clone()));
        let standing = invitation.standing.as_deref().and_then(Standing::read);
        let moved = standing.and_then(|kept| Some((kept.route(profiles, &invitation.opening)?, kept)));
        let (route, standing) = match moved {
            Some((route, standing)) => (route, Some(standing)),
            // What another user server was asked, or by another tree, is asked anew.
            None => {
                let content = invitation.opening.passage.content(invitation.mode);
                let facts = user.facts(ctx.now, &who.0, content);
                (Route::begin(profiles, Direction::Incoming, invitation.mode, who, facts), None)
            }
        };
        let upstream = self.legs.link_in(key, invitation.from);
        let opened = PeerWord::Opened { leg: invitation.from.leg, peer: self.legs.link_end(upstream) };
        self.post(invitation.from.server, opened);
        self.calls.insert(Call::new(
            key,
            invitation.opening,
            Direction::Incoming,
            uid,
            route,
            upstream,
            ctx.now,
        ));
        self.with_call(ctx, key, |call, desk| match standing {
            Some(standing) => call.resume(desk, &standing),
            None => call.begin(desk),
        });
    }

    /// Another user server goes on with a user's half of a call that rings here. The halves of others whom it
    /// rings are told to stop, and asked again from there: those may live here too, and stay.
    pub(super) fn hand_over(&mut self, ctx: &mut Ctx<'_>, (id, owner): (&str, &Uid), to: ServerIndex) {
        let is_meant = |call: &Call| **call.id() == *id && call.owner() == owner;
        let named = self.calls.iter().filter(|(_, call)| is_meant(call));
        let keys: Vec<Key> = named.map(|(key, _)| key).collect();
        for key in keys {
            let mut given = None;
            self.with_call(ctx, key, |call, desk| given = call.give_up(desk));
            if let Some(invitation) = given {
                // Whom it rang is told first: he is asked again from there.
                self.post_mail();
                self.post(to, PeerWord::Invite(invitation));
            }
        }
    }

    pub(super) fn refuse_invitation(&mut self, invitation: &Invitation, status: u16) {
        let word = LegWord::Reject(Refusal::status(status));
        self.post(invitation.from.server, PeerWord::Mail(LinkMail { to: invitation.from, word }));
    }

    pub(super) fn on_call_order(&mut self, ctx: &mut Ctx<'_>, order: Order) {
        match order {
            Order::Invite(mut invitation) => {
                match meaning(ctx.settings, &invitation.callee) {
                    Meaning::Plain => {}
                    Meaning::Client(uid, only) => {
                        (invitation.callee, invitation.opening.only) = (uid, Some(only));
                    }
                    Meaning::Nobody => return self.refuse_invitation(&invitation, 404),
                }
                let owner = invitation.callee.slot().owner(ctx.settings.servers);
                self.post(owner, PeerWord::Invite(invitation));
            }
            Order::Errand(errand) => self.on_errand(ctx, *errand),
            Order::Join(join) => self.on_join(ctx, &join),
            Order::FindNumber(lookup) => {
                let ticket = ctx.store(StoreOp::FindNumber(lookup.number.to_string()));
                self.waiting.insert(ticket, Waiting::NumberForCall(lookup));
            }
            Order::Set { uid, key, value } => self.set_property(ctx, &uid, key, value),
            Order::Rouse(call, rousing) => self.rouse(ctx, Waiter::Call(call), *rousing),
            Order::FlowFailed { uid, binding, since } => self.on_flow_failed(ctx, &uid, &binding, since),
            Order::Over(key) => {
                let Some(call) = self.calls.remove(key) else { return };
                if let Some(user) = self.users.get_mut(call.owner()) {
                    user.calls.end(call.id(), call.direction() == Direction::Incoming);
                    user.used = ctx.at();
                }
                self.users.let_go(ctx, call.owner());
            }
        }
    }
}

/// The Contact that a phone has registered which calls by a GRUU of its own (RFC 5627 §4.4).
fn registered_contact(ctx: &Ctx<'_>, user: &User, request: &Message, origin: &Origin) -> Option<String> {
    let uri = Uri::parse(request.contact_uri()?).ok()?;
    let is_gruu = uri.params.has("gr") && ctx.settings.is_own_host(uri.host_text());
    let mut own = user.bindings.reachable(ctx.at()).filter(|binding| is_gruu && origin.is(binding));
    own.next().map(|binding| binding.stored.contact.clone())
}

/// Whom a request asks for; `None` is nobody whom we could reach.
pub(super) fn asked_for(ctx: &Ctx<'_>, request: &Message) -> Option<Who> {
    who_of_uri(ctx.settings, &Uri::parse(request.request_uri()).ok()?)
}

/// Whether the number in a From is one of the user's own.
pub(super) fn owns_from(user: &User, ctx: &Ctx<'_>, request: &Message) -> bool {
    let uri = request.from().and_then(|from| Uri::parse(from.uri).ok());
    match uri.and_then(|uri| who_of_uri(ctx.settings, &uri)) {
        Some(Who::Number(number)) => {
            user.uid.user() == &*number || user.numbers.iter().any(|own| same_number(own, &number))
        }
        Some(Who::User(_) | Who::Anonymous) | None => true,
    }
}

fn same_number(a: &str, b: &str) -> bool {
    a.trim_start_matches('+') == b.trim_start_matches('+')
}

/// How the sender is shown to others: as himself, or not at all if he asks so (RFC 3323); by an address
/// of the scheme that he asks for.
pub(super) fn caller_of(ctx: &Ctx<'_>, user: &User, request: &Message) -> Caller {
    let sips = is_sips(request.request_uri());
    let from = request.from();
    let uri = from.and_then(|from| Uri::parse(from.uri).ok());
    if Privacy::of(request).sender {
        let own = Some(user.uid.clone());
        return Caller { who: Who::Anonymous, face: Face::anonymous().secured(sips), own };
    }
    let display = from.map(|from| from.display_text().into_owned()).filter(|text| !text.is_empty());
    let number = match uri.and_then(|uri| who_of_uri(ctx.settings, &uri)) {
        Some(Who::Number(number)) => Some(number.to_string()),
        Some(Who::User(_) | Who::Anonymous) | None => None,
    };
    let face = Face {
        name: user.name.clone().or(display),
        user: number.unwrap_or_else(|| user.uid.user().to_owned()),
        ..Face::of(&user.uid).secured(sips)
    };
    Caller { who: Who::User(user.uid.clone()), face, own: Some(user.uid.clone()) }
}

/// What is wrong with an INVITE without that.
const NO_CONTACT: &str = "an INVITE needs exactly one Contact, with a sip: address";

/// Whether a request says in exactly one way where its dialog's requests are to go (RFC 3261
/// §8.1.1.8, §12.1.1), and one that can be kept to: who wants to be asked over TLS speaks so.
pub(super) fn has_one_contact(settings: &Settings, flow: Flow, request: &Message) -> bool {
    let mut contacts = request.values(Name::Contact);
    let is_secure = settings.transport(flow).is_secure();
    let is_sip = |contact: &[u8]| {
        let uri = NameAddr::parse(contact).and_then(|address| Uri::parse(address.uri).ok());
        uri.is_some_and(|uri| uri.scheme == Scheme::Sip || (uri.scheme == Scheme::Sips && is_secure))
    };
    contacts.next().is_some_and(is_sip) && contacts.next().is_none()
}

/// The status for which an INVITE's body is refused: what is neither a session nor may be passed over has to be
/// understood, and we do not (RFC 5621 §8.2); beside a session it is for the other phone to say.
pub(super) fn body_refusal(request: &Message) -> Option<u16> {
    let body = request.body();
    let part = request.part(&body);
    if body.is_empty() || part.session().is_some() || part.is_optional() {
        return None;
    }
    if part.claims_session() {
        return Some(if request.has(Name::ContentEncoding) { 415 } else { 488 });
    }
    let mut parts = part.parts();
    let Some(first) = parts.next() else { return Some(if part.is_multipart() { 400 } else { 415 }) };
    let may_go_on = first.is_optional() && parts.all(|part| part.is_optional());
    (!may_go_on).then_some(415)
}

/// Whether a user has as many calls as he may have, of his own or of a caller; whoever watches is told.
pub(super) fn has_calls_enough(
    ctx: &mut Ctx<'_>,
    user: &User,
    caller: Option<&Who>,
    calls: &Arena<Call>,
) -> bool {
    let most = ctx.settings.limits.calls_per_user;
    let waits = |half| calls.get(half).is_some_and(|call| !call.is_answered());
    let has_room = match caller {
        Some(caller) => user.calls.has_room_for(caller, most, waits),
        None => user.calls.has_room(most),
    };
    if !has_room {
        ctx.fact(Fact::Limit("calls_per_user"));
    }
    !has_room
}
