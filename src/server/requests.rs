//! A request from outside: the order of checks, and who is to deal with it.
//!
//! Before the challenge and without state: 400, 505, 416. After it: 483, 420, 405 or 501, 415, 400
//! (no Contact), 404. Inside a dialog: 481, 403 (by `sips:`, and now without TLS), 407 from another
//! address, 500 (CSeq), 420, 483, 415, 400, 422, and what the leg says.
//!
//! Implements: RFC 3261 §8.2, §9.2, §12.2.2, §22, §26.2.2; RFC 5630 §5.3.

use std::sync::Arc;

use crate::base::address::canonical;
use crate::base::{Key, Token, Uid};
use crate::config::Face;
use crate::dialog::Misfit;
use crate::effect::fact::Dropped;
use crate::effect::{Ctx, Fact, Flow};
use crate::leg::{ALLOW, SUPPORTED, Wire, too_brief};
use crate::registrar::{Access, Suspect, Verdict, claimed, who_of_uri};
use crate::routing::Who;
use crate::sip::digest::Credentials;
use crate::sip::{Message, Method, Name, Privacy, Uri, is_sips};
use crate::transaction::{Arrival, Asked};

use super::calling::{CARRIED, body_refusal, has_one_contact};
use super::federating::is_for_peers;
use super::replacing::misuses_replaces;
use super::steer::{Home, home};
use super::switchboard::{Switchboard, Waiting};
use super::users::{Job, Known};

/// Seconds that somebody with too many wrong passwords is asked to wait.
const PAUSE_S: u64 = 60;
/// Seconds that somebody who comes while there is too much to do, or while we end, is asked to wait.
pub(super) const TURNED_AWAY_S: u64 = 5;
/// The extensions that a phone may require of us in a REGISTER.
const REGISTRAR: &[u8] = b"path, outbound, gruu";

impl Switchboard {
    pub(super) fn on_message(&mut self, ctx: &mut Ctx<'_>, flow: Flow, message: &Arc<Message>) {
        if !message.is_request() {
            if message.fault().is_some() {
                return ctx.fact(Fact::Dropped(Dropped::Unreadable));
            }
            // Somebody has sent it to us by mistake (RFC 3261 §8.1.3.3).
            if message.values(Name::Via).nth(1).is_some() {
                return ctx.fact(Fact::Dropped(Dropped::StrayResponse));
            }
            return self.on_response(ctx, flow, message);
        }
        if let Some(fault) = message.fault() {
            return self.on_fault(ctx, flow, message, fault.status);
        }
        match self.transactions.on_request(ctx, message) {
            Arrival::Known => {}
            Arrival::Merged => self.refuse_plainly(ctx, flow, message, 482),
            Arrival::New if message.method() == Method::Ack => self.on_ack(ctx, message),
            Arrival::New if message.method() == Method::Cancel => self.on_cancel(ctx, flow, message),
            Arrival::New if message.to_tag().is_empty() => self.on_new_request(ctx, flow, message),
            Arrival::New => self.on_dialog_request(ctx, flow, message),
        }
    }

    /// A request that cannot be served, but perhaps answered.
    fn on_fault(&mut self, ctx: &mut Ctx<'_>, flow: Flow, message: &Message, status: u16) {
        if message.method() == Method::Ack || message.via().is_none() {
            return ctx.fact(Fact::Dropped(Dropped::Unreadable));
        }
        self.refuse_plainly(ctx, flow, message, status);
    }

    fn on_ack(&mut self, ctx: &mut Ctx<'_>, ack: &Message) {
        let Some((_, key)) = Token::read(ack.to_tag()) else {
            // The ACK of a challenge: its To tag is no token.
            return;
        };
        let mut wire = Wire { ctx, transactions: &mut self.transactions };
        match self.legs.on_ack(&mut wire, key, ack) {
            Ok(report) => self.reports.extend(report),
            Err(_) => ctx.fact(Fact::Dropped(Dropped::StrayAck)),
        }
    }

    /// The CANCEL of an INVITE: answered for itself, then carried out (RFC 3261 §9.2).
    fn on_cancel(&mut self, ctx: &mut Ctx<'_>, flow: Flow, cancel: &Arc<Message>) {
        let Some((invite, leg)) = self.transactions.cancelled(flow, cancel) else {
            // Offered to every user server, it is another's; and nobody answers for all of them.
            return match home(ctx.settings, flow, cancel) {
                Home::Every if ctx.settings.servers > 1 => ctx.fact(Fact::Dropped(Dropped::StrayCancel)),
                Home::Every | Home::Any | Home::Server(_) => self.refuse_plainly(ctx, flow, cancel, 481),
            };
        };
        let asked = self.transactions.open(flow, cancel);
        let tag = leg.and_then(|leg| self.legs.tag(leg)).map(<[u8]>::to_vec);
        let tag = tag.unwrap_or_else(|| self.fresh_tag(ctx).as_bytes().to_vec());
        asked.refuse(ctx, &mut self.transactions, 200, &tag);
        if let (Some(leg), false) = (leg, self.transactions.is_final(invite)) {
            let mut wire = Wire { ctx, transactions: &mut self.transactions };
            let report = self.legs.on_cancel(&mut wire, leg, invite, cancel);
            self.reports.extend(report);
        }
    }

    /// A request inside a dialog: matched by its tags and its source; from another source its sender
    /// has to say who he is.
    fn on_dialog_request(&mut self, ctx: &mut Ctx<'_>, flow: Flow, message: &Arc<Message>) {
        let leg = Token::read(message.to_tag()).map(|(_, key)| key);
        let Some((leg, homes)) = leg.and_then(|key| Some((key, self.legs.flows_of(key, message)?))) else {
            // It may have overtaken what makes its dialog: then its repeats get the same answer.
            if leg.is_some_and(|key| self.legs.call_of(key).is_some()) {
                let asked = self.transactions.open(flow, message);
                return asked.refuse(ctx, &mut self.transactions, 481, message.to_tag());
            }
            return self.refuse_plainly(ctx, flow, message, 481);
        };
        if self.legs.is_sips(leg) && !ctx.settings.transport(flow).is_secure() {
            return self.refuse_plainly(ctx, flow, message, 403);
        }
        let peer = self.legs.peer_of(leg);
        let is_certified = peer.is_some_and(|peer| self.peers.is_certified(peer));
        if is_certified && !peer.is_some_and(|peer| self.comes_from(flow, peer)) {
            return self.refuse_plainly(ctx, flow, message, 403);
        }
        let elsewhere = match peer {
            // It is who its connection says.
            Some(_) if is_certified => false,
            // A cluster speaks by whichever connection it has.
            Some(_) => !same_cluster(ctx, homes, flow),
            None => !same_source(homes, flow),
        };
        if elsewhere {
            let proved = match peer {
                Some(peer) => Some(self.proves_peer(ctx, flow, message, peer)),
                None => self.proves_owner(ctx, flow, message, leg),
            };
            match proved {
                Some(true) => {}
                Some(false) => return self.challenge(ctx, flow, message, false),
                None => return self.refuse_plainly(ctx, flow, message, 481),
            }
        }
        let fits = self.legs.accept(leg, message);
        if fits.is_ok() && peer.is_none() && (elsewhere || self.legs.is_adrift(leg)) {
            // The phone has shown where it is now.
            let mut wire = Wire { ctx, transactions: &mut self.transactions };
            self.legs.follow(&mut wire, leg, flow);
        }
        let asked = self.transactions.open(flow, message);
        match fits {
            Ok(()) if self.refuse_inside(ctx, &asked) => {}
            Ok(()) => {
                let mut wire = Wire { ctx, transactions: &mut self.transactions };
                let report = self.legs.on_request(&mut wire, leg, asked);
                self.reports.extend(report);
            }
            Err(Misfit::Unknown) => asked.refuse(ctx, &mut self.transactions, 481, message.to_tag()),
            Err(Misfit::Old) => asked.refuse(ctx, &mut self.transactions, 500, message.to_tag()),
        }
    }

    /// Refuses what has no place in any dialog of ours; false if there is nothing to refuse. Hops
    /// count only where a request goes on to the other side (RFC 3261 §16.3): a BYE with none left
    /// has reached whom it is for.
    fn refuse_inside(&mut self, ctx: &mut Ctx<'_>, asked: &Asked) -> bool {
        let (request, method) = (&asked.request, asked.request.method());
        let tag = request.to_tag();
        let lacking = lacking(request);
        let goes_on = matches!(
            method,
            Method::Invite | Method::Update | Method::Info | Method::Message | Method::Other
        );
        let wrong_contact = request.has(Name::Contact) && !has_one_contact(ctx.settings, asked.flow, request);
        let invites = matches!(method, Method::Invite | Method::Update);
        let brief = too_brief(&ctx.settings.limits, request).filter(|_| invites);
        let status = if !lacking.is_empty() {
            420
        } else if goes_on && is_too_private(request) {
            500
        } else if goes_on && request.max_forwards() == Some(0) {
            483
        } else if let Some(status) = body_refusal(request).filter(|_| invites) {
            status
        } else if (invites && wrong_contact) || request.has(Name::Replaces) {
            400
        } else if brief.is_some() {
            422
        } else {
            return false;
        };
        let mut writer = asked.answer(status, tag);
        match status {
            420 => writer.header(Name::Unsupported, &lacking),
            415 => writer.header(Name::Accept, CARRIED).header(Name::AcceptEncoding, b"identity"),
            422 => writer.number(Name::MinSe, u64::from(brief.unwrap_or_default())),
            _ => &mut writer,
        };
        self.transactions.respond(ctx, asked.key, status, writer.finish(b""));
        true
    }

    /// Whether a request from an unexpected source carries the credentials of the leg's own user; `None`
    /// if the leg is nobody's any more.
    fn proves_owner(&mut self, ctx: &mut Ctx<'_>, flow: Flow, message: &Message, leg: Key) -> Option<bool> {
        let owner = self.calls.get(self.legs.call_of(leg)?)?.owner().clone();
        let Access::Claim { uid, credentials } = claimed(ctx.settings, message) else { return Some(false) };
        if owner != uid || self.is_kept_waiting(ctx, flow, &uid, &credentials) {
            return Some(false);
        }
        let user = self.users.get_mut(&uid);
        let verdict = self.doors.check(ctx.settings, (ctx.now, flow), message, &credentials, user);
        match verdict {
            Verdict::Granted => self.strangers.proved(flow.remote.ip()),
            Verdict::Wrong => self.on_wrong_password(ctx, flow, &uid, &credentials),
            Verdict::Again { .. } | Verdict::OtherUri => {}
        }
        Some(verdict == Verdict::Granted)
    }

    /// A request that opens something new.
    fn on_new_request(&mut self, ctx: &mut Ctx<'_>, flow: Flow, message: &Arc<Message>) {
        if self.is_full(ctx) {
            return self.turn_away(ctx, flow, message);
        }
        if is_in_the_clear(ctx, flow, message) {
            return self.refuse_plainly(ctx, flow, message, 416);
        }
        match ctx.settings.face(flow.listener) {
            Some(Face::Access) => {}
            Some(Face::Federation) => return self.on_peer_request(ctx, flow, message),
            // Nobody is configured who could come here.
            Some(Face::Trunk) | None => return self.refuse_plainly(ctx, flow, message, 403),
        }
        let Access::Claim { uid, credentials } = claimed(ctx.settings, message) else {
            self.note_unanswered(ctx, flow, message);
            return self.challenge(ctx, flow, message, false);
        };
        self.unanswered.answered(flow.remote.ip(), uid.user().as_bytes());
        if !speaks_for_himself(ctx, message, &uid) {
            return self.refuse_plainly(ctx, flow, message, 403);
        }
        if self.is_kept_waiting(ctx, flow, &uid, &credentials) {
            return self.tell_to_pause(ctx, flow, message);
        }
        match self.users.known(ctx.at(), &uid) {
            Some(Known::Present | Known::Absent) => {
                self.on_claim(ctx, flow, message, &uid, &credentials);
            }
            Some(Known::Loading) | None => {
                if let Err(Verdict::Again { stale }) = self.doors.triage((ctx.now, flow), &credentials) {
                    return self.challenge(ctx, flow, message, stale);
                }
                let job = Job::Request { flow, message: Arc::clone(message) };
                self.wait_for(ctx, &uid, job);
            }
        }
    }

    /// Whether a user's proof is not looked at, after too many that were wrong. A phone that is registered is
    /// heard, whatever others do behind the same address.
    fn is_kept_waiting(&self, ctx: &Ctx<'_>, flow: Flow, uid: &Uid, credentials: &Credentials<'_>) -> bool {
        let is_registered = || self.users.get(uid).is_some_and(|user| user.is_reached_by(flow));
        self.has_to_pause(ctx, Suspect::of(credentials, uid.as_str())) && !is_registered()
    }

    /// Counts and tells a wrong password.
    fn on_wrong_password(&mut self, ctx: &mut Ctx<'_>, flow: Flow, uid: &Uid, credentials: &Credentials<'_>) {
        let paused = self.is_to_pause(ctx, Suspect::of(credentials, uid.as_str()));
        let name = credentials.username_text();
        let respelled = name.split('@').next() != Some(uid.user());
        let account = uid.to_string();
        ctx.fact(Fact::WrongPassword { account, source: flow.remote, paused, respelled });
    }

    /// Whether somebody has sent too many wrong passwords.
    pub(super) fn has_to_pause(&self, ctx: &Ctx<'_>, who: Suspect) -> bool {
        self.patience.is_paused(ctx.at(), who, ctx.settings.limits.wrong_passwords_per_minute)
    }

    /// Counts a wrong password; true if a pause begins with it.
    pub(super) fn is_to_pause(&mut self, ctx: &Ctx<'_>, who: Suspect) -> bool {
        self.patience.count(ctx.at(), who, ctx.settings.limits.wrong_passwords_per_minute)
    }

    /// Answers without looking at a proof. With 500, not 503: that would say that nobody is served here
    /// (RFC 3261 §21.5.1, §21.5.4).
    pub(super) fn tell_to_pause(&mut self, ctx: &mut Ctx<'_>, flow: Flow, request: &Message) {
        let mut writer = self.doors.refusal(request, 500, flow);
        writer.number(Name::RetryAfter, PAUSE_S);
        self.answer_plainly(ctx, flow, request, writer.finish(b""));
    }

    /// Whether there are so many transactions that nothing new is begun.
    fn is_full(&self, ctx: &Ctx<'_>) -> bool {
        let limit = usize::try_from(ctx.settings.limits.transactions).unwrap_or(usize::MAX);
        self.transactions.census().1 >= limit
    }

    /// Answers 503 at the price of one message: what is under way goes on.
    fn turn_away(&mut self, ctx: &mut Ctx<'_>, flow: Flow, request: &Message) {
        let mut writer = self.doors.refusal(request, 503, flow);
        writer.number(Name::RetryAfter, TURNED_AWAY_S);
        self.answer_plainly(ctx, flow, request, writer.finish(b""));
        ctx.fact(Fact::TurnedAway);
    }

    /// A job waits for a user's record.
    pub(super) fn wait_for(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, job: Job) {
        match self.users.wait(ctx, uid, job) {
            Ok(Some(ticket)) => {
                self.waiting.insert(ticket, Waiting::User(uid.clone()));
            }
            Ok(None) => {}
            Err(job) => self.refuse_job(ctx, *job, 503),
        }
    }

    fn on_claim(
        &mut self,
        ctx: &mut Ctx<'_>,
        flow: Flow,
        message: &Arc<Message>,
        uid: &Uid,
        credentials: &Credentials<'_>,
    ) {
        let user = self.users.get_mut(uid);
        match self.doors.check(ctx.settings, (ctx.now, flow), message, credentials, user) {
            Verdict::Granted => {
                self.strangers.proved(flow.remote.ip());
                let asked = self.transactions.open(flow, message);
                self.serve(ctx, uid, asked);
            }
            Verdict::Again { stale } => self.challenge(ctx, flow, message, stale),
            Verdict::OtherUri => self.refuse_plainly(ctx, flow, message, 400),
            Verdict::Wrong => {
                self.on_wrong_password(ctx, flow, uid, credentials);
                self.challenge(ctx, flow, message, false);
            }
        }
    }

    /// A request of a user who is who he says he is.
    fn serve(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, asked: Asked) {
        if let Some(user) = self.users.get_mut(uid) {
            user.used = ctx.at();
        }
        if self.refuse_outright(ctx, &asked) {
            return;
        }
        match asked.request.method() {
            Method::Register => self.on_register(ctx, uid, asked),
            Method::Invite => self.on_invite(ctx, uid, asked),
            Method::Message => self.on_page(ctx, uid, asked),
            Method::Options => self.on_options(ctx, &asked),
            Method::Subscribe | Method::Publish => {
                let mut writer = asked.answer(489, self.fresh_tag(ctx).as_bytes());
                // The header wants a token; no event package goes by this one.
                writer.header(Name::AllowEvents, b"none");
                self.transactions.respond(ctx, asked.key, 489, writer.finish(b""));
            }
            Method::Bye | Method::Info | Method::Prack | Method::Update | Method::Notify => {
                self.refuse(ctx, &asked, 481);
            }
            // A phone may send elsewhere whom it talks to, and nobody else.
            Method::Refer => self.refuse(ctx, &asked, 403),
            Method::Ack | Method::Cancel => self.refuse_method(ctx, &asked, 405, ALLOW),
            Method::Other => self.refuse_method(ctx, &asked, 501, ALLOW),
        }
    }

    /// Refuses what has no hops left, or requires what we do not do (RFC 3261 §16.3, §8.2.2.3); false if
    /// there is nothing to refuse.
    pub(super) fn refuse_outright(&mut self, ctx: &mut Ctx<'_>, asked: &Asked) -> bool {
        let lacking = lacking(&asked.request);
        if asked.request.max_forwards() == Some(0) {
            self.refuse(ctx, asked, 483);
        } else if misuses_replaces(&asked.request) {
            self.refuse(ctx, asked, 400);
        } else if is_too_private(&asked.request) {
            self.refuse(ctx, asked, 500);
        } else if lacking.is_empty() {
            return false;
        } else {
            let mut writer = asked.answer(420, self.fresh_tag(ctx).as_bytes());
            writer.header(Name::Unsupported, &lacking);
            self.transactions.respond(ctx, asked.key, 420, writer.finish(b""));
        }
        true
    }

    /// What we can do (RFC 3261 §11.2).
    fn on_options(&mut self, ctx: &mut Ctx<'_>, asked: &Asked) {
        let own = Uri::parse(asked.request.request_uri())
            .is_ok_and(|uri| ctx.settings.is_own_host(uri.host_text()));
        if !own {
            return self.refuse(ctx, asked, 404);
        }
        let mut writer = asked.answer(200, self.fresh_tag(ctx).as_bytes());
        writer.header(Name::Allow, ALLOW);
        writer.header(Name::Accept, b"application/sdp, text/plain");
        writer.header(Name::AcceptEncoding, b"identity");
        let registrar = String::from_utf8_lossy(REGISTRAR);
        writer.text(Name::Supported, format_args!("{registrar}, {}", String::from_utf8_lossy(SUPPORTED)));
        self.transactions.respond(ctx, asked.key, 200, writer.finish(b""));
    }

    pub(super) fn challenge(&mut self, ctx: &mut Ctx<'_>, flow: Flow, request: &Message, stale: bool) {
        let response = if is_for_peers(ctx, flow) {
            let mut writer = self.doors.refusal(request, 407, flow);
            self.peers.challenge(ctx, flow, request, stale, &mut writer);
            writer.finish(b"")
        } else {
            self.doors.challenge(ctx.settings, (ctx.now, flow), ctx.rng, request, stale)
        };
        self.answer_plainly(ctx, flow, request, response);
    }

    pub(super) fn refuse(&mut self, ctx: &mut Ctx<'_>, asked: &Asked, status: u16) {
        let tag = self.fresh_tag(ctx);
        asked.refuse(ctx, &mut self.transactions, status, tag.as_bytes());
    }

    /// Refuses, and says why in words for the phone's owner (RFC 3261 §20.43), which hold no quotation mark.
    pub(super) fn refuse_because(
        &mut self,
        ctx: &mut Ctx<'_>,
        asked: &Asked,
        status: u16,
        why: &dyn std::fmt::Display,
    ) {
        let mut writer = asked.answer(status, self.fresh_tag(ctx).as_bytes());
        writer.text(Name::Warning, format_args!("399 {} \"{why}\"", ctx.settings.cid));
        self.transactions.respond(ctx, asked.key, status, writer.finish(b""));
    }

    /// Refuses a method; `allow` are those that whoever asks may send (RFC 3261 §21.4.6).
    pub(super) fn refuse_method(&mut self, ctx: &mut Ctx<'_>, asked: &Asked, status: u16, allow: &[u8]) {
        let mut writer = asked.answer(status, self.fresh_tag(ctx).as_bytes());
        writer.header(Name::Allow, allow);
        self.transactions.respond(ctx, asked.key, status, writer.finish(b""));
    }

    /// A To tag for a response that opens no dialog.
    pub(super) fn fresh_tag(&self, ctx: &mut Ctx<'_>) -> Token {
        Token::mint(self.index, Key { index: 0x00ff_ffff, tenant: 0x00ff_ffff }, ctx.rng)
    }

    fn note_unanswered(&mut self, ctx: &mut Ctx<'_>, flow: Flow, message: &Message) {
        let from = message.from().and_then(|from| Uri::parse(from.uri).ok()?.user_text());
        let Some(account) = from else { return };
        if self.unanswered.challenged(flow.remote.ip(), account.as_bytes()) {
            ctx.fact(Fact::NeverAnswers { account: account.into_owned(), source: flow.remote });
        }
    }

    /// What waited for a user's record goes on.
    pub(super) fn on_job(&mut self, ctx: &mut Ctx<'_>, job: Job) {
        match job {
            // It may have been repeated while it waited.
            Job::Request { flow, message } => self.on_message(ctx, flow, &message),
            Job::Call(invitation) => self.on_invitation(ctx, invitation),
            Job::Page(invitation) => self.on_page_invitation(ctx, invitation),
            Job::Visitor(visitor) => self.on_visitor(ctx, *visitor),
        }
    }

    /// What waited for a user's record will not be served.
    pub(super) fn refuse_job(&mut self, ctx: &mut Ctx<'_>, job: Job, status: u16) {
        match job {
            Job::Request { flow, message } => self.refuse_plainly(ctx, flow, &message, status),
            Job::Call(invitation) => self.refuse_invitation(&invitation, status),
            Job::Page(invitation) => self.refuse_page(&invitation, status),
            Job::Visitor(visitor) => self.refuse_plainly(ctx, visitor.flow, &visitor.message, status),
        }
    }
}

/// Whether a request asks for TLS all the way and has come without: where nobody speaks TLS, the scheme is
/// one that we do not know (RFC 3261 §8.2.2.1, §26.2.2).
fn is_in_the_clear(ctx: &Ctx<'_>, flow: Flow, message: &Message) -> bool {
    is_sips(message.request_uri()) && !ctx.settings.transport(flow).is_secure()
}

/// Whether a request inside a dialog comes from where its phone is: the same stream, or the same address
/// and port. Behind one address many may live, so an address alone is nobody's.
fn same_source(homes: [Flow; 2], flow: Flow) -> bool {
    let end = |flow: Flow| (flow.listener, canonical(flow.remote.ip()), flow.remote.port(), flow.stream);
    homes.into_iter().any(|home| end(home) == end(flow))
}

/// Whether a request inside a dialog with a cluster comes from that cluster's address, to a listener for
/// clusters.
fn same_cluster(ctx: &Ctx<'_>, homes: [Flow; 2], flow: Flow) -> bool {
    let ip = |flow: Flow| canonical(flow.remote.ip());
    is_for_peers(ctx, flow) && homes.into_iter().any(|home| ip(home) == ip(flow))
}

/// Whether the sender's From is one of his own identities, or anonymous (RFC 3323). Numbers are
/// checked when his record is here.
fn speaks_for_himself(ctx: &Ctx<'_>, message: &Message, uid: &Uid) -> bool {
    let Some(uri) = message.from().and_then(|from| Uri::parse(from.uri).ok()) else { return false };
    match who_of_uri(ctx.settings, &uri) {
        Some(Who::User(from)) => from == *uid || uri.is_anonymous(),
        Some(Who::Number(_)) => true,
        Some(Who::Anonymous) | None => uri.is_anonymous(),
    }
}

/// Whether a request would rather fail than go on without a privacy that we cannot give (RFC 3323 §5).
fn is_too_private(request: &Message) -> bool {
    request.has(Name::Privacy) && Privacy::of(request).is_beyond_us()
}

/// Option tags that are required of us and that we lack.
pub(super) fn lacking(request: &Message) -> Vec<u8> {
    let known = if request.method() == Method::Register { REGISTRAR } else { SUPPORTED };
    let has = |known: &[u8], tag: &[u8]| {
        known.split(|byte| *byte == b',').any(|own| own.trim_ascii().eq_ignore_ascii_case(tag))
    };
    let lacks = |tag: &&[u8]| !has(known, tag);
    // Privacy is asked of who passes a request on, and that is us (RFC 3323 §4.3).
    let passing = |tag: &&[u8]| !has(b"privacy", tag);
    let of_proxies = request.values(Name::ProxyRequire).filter(passing);
    let tags: Vec<&[u8]> = request.values(Name::Require).chain(of_proxies).filter(lacks).collect();
    tags.join(&b", "[..])
}
