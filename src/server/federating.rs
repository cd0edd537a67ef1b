//! Requests from other clusters: who comes, who is asserted, whom he asks for.
//!
//! Before a cluster has proved itself, by its certificate or the secret, it gets what a stranger gets. After that: 483, 420, 405, then
//! 403 if it asserts nobody of its own, 404 if it asks for nobody of ours, 482 if the call has been
//! here before, 403 if the two have not agreed on this mode. Nothing is ever passed on to anywhere but
//! a user of ours, whatever Route says: the callee's half begins here, and the caller's tree ran at
//! home.
//!
//! Implements: RFC 3261 §8.2, §16.3, §16.4; RFC 3325 §5; RFC 7044 §10.1.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::{Cid, PeerId, ServerIndex, Uid, name_record};
use crate::call::{Call, History, Opening, breadth_of, mode_of};
use crate::config::Face;
use crate::device::Origin;
use crate::effect::{Ctx, Fact, Flow};
use crate::federation::{Admission, Asserted, Pass, asserted, is_visited, read_trail, referrer};
use crate::leg::{Passage, Wire, confirms_provisional, too_brief};
use crate::message::{PageOpening, Upstream, refusal_of};
use crate::registrar::{Caller, Only, Suspect, User, callee_of, is_spent};
use crate::routing::{Direction, Mode, Route, Who};
use crate::sip::{Message, Method, Name, Privacy, Uri, is_sips};
use crate::transaction::Asked;
use crate::transport::reply_flow;

use super::calling::{MAX_FORWARDS, body_refusal, has_calls_enough, has_one_contact};
use super::switchboard::Switchboard;
use super::users::{Job, Known};

/// The methods that another cluster may send us.
const ALLOW: &[u8] = b"INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, PRACK, REFER";

/// A call or page from another cluster, when all has been found in order but the mode.
struct Visit {
    peer: PeerId,
    caller: Asserted,
    callee: Uid,
    visited: SmallVec<[Uid; 2]>,
    /// Whether its way is not to be told to phones.
    untold: bool,
    /// Who has sent the caller there.
    referred: Option<Uid>,
}

impl Switchboard {
    /// A request that opens something new, on a listener for other clusters.
    pub(super) fn on_peer_request(&mut self, ctx: &mut Ctx<'_>, flow: Flow, message: &Arc<Message>) {
        if let Some(pass) = self.certified(flow, message) {
            if !self.is_repeat(flow, message, &pass) {
                self.on_proved(ctx, flow, message, &pass);
            }
            return;
        }
        let Some(claim) = self.peers.claim(ctx.settings, message) else {
            return self.challenge(ctx, flow, message, false);
        };
        let who = Suspect::of(claim.credentials(), &claim.account);
        if self.has_to_pause(ctx, who) {
            return self.tell_to_pause(ctx, flow, message);
        }
        match self.peers.check((ctx.now, flow), message, &claim) {
            Admission::Granted(pass) if self.is_repeat(flow, message, &pass) => {}
            Admission::Granted(pass) => self.on_proved(ctx, flow, message, &pass),
            Admission::Again { stale } => self.challenge(ctx, flow, message, stale),
            Admission::OtherUri => self.refuse_plainly(ctx, flow, message, 400),
            Admission::Wrong => {
                self.on_wrong_secret(ctx, flow, who, claim.account);
                self.challenge(ctx, flow, message, false);
            }
        }
    }

    /// Counts and tells a wrong proof of a secret.
    fn on_wrong_secret(&mut self, ctx: &mut Ctx<'_>, flow: Flow, who: Suspect, account: String) {
        let paused = self.is_to_pause(ctx, who);
        ctx.fact(Fact::WrongSecret { account, source: flow.remote, paused });
    }

    /// The far end of a stream has proved of which domains it is.
    pub(super) fn on_domains_proved(&mut self, ctx: &mut Ctx<'_>, flow: Flow, domains: Arc<[Cid]>) {
        let Some(stream) = flow.stream else { return };
        let is_known = domains.iter().any(|domain| self.peers.find(domain.as_str()).is_some());
        if !is_known && self.index == ServerIndex(0) {
            let names: Vec<&str> = domains.iter().map(Cid::as_str).collect();
            let why =
                format!("its certificate is that of {}, which no [[federation]] names", names.join(", "));
            ctx.fact(Fact::CertificateFault { peer: None, source: flow.remote, why });
        }
        self.proved.insert(stream, domains);
    }

    /// The cluster that has proved by its certificate that a request is its own.
    pub(super) fn certified(&self, flow: Flow, message: &Message) -> Option<Pass> {
        self.peers.certified(self.proved.get(&flow.stream?)?, message)
    }

    /// Whether a flow is to a server that has proved to be of this cluster.
    pub(super) fn comes_from(&self, flow: Flow, peer: PeerId) -> bool {
        let domains = flow.stream.and_then(|stream| self.proved.get(&stream));
        domains.is_some_and(|domains| self.peers.cid(peer).is_some_and(|cid| domains.contains(cid)))
    }

    /// Whether a request from an unexpected source is one of the cluster that a leg is with.
    pub(super) fn proves_peer(
        &mut self,
        ctx: &mut Ctx<'_>,
        flow: Flow,
        message: &Message,
        peer: PeerId,
    ) -> bool {
        let Some(claim) = self.peers.claim(ctx.settings, message) else { return false };
        let who = Suspect::of(claim.credentials(), &claim.account);
        if self.has_to_pause(ctx, who) {
            return false;
        }
        match self.peers.check((ctx.now, flow), message, &claim) {
            Admission::Granted(pass) => pass.peer == peer && self.peers.admit(&pass),
            Admission::Again { .. } | Admission::OtherUri => false,
            Admission::Wrong => {
                self.on_wrong_secret(ctx, flow, who, claim.account);
                false
            }
        }
    }

    /// Whether a proved request is the repeat of one that was handed over.
    fn is_repeat(&mut self, flow: Flow, message: &Arc<Message>, pass: &Pass) -> bool {
        let Some(cid) = self.peers.cid(pass.peer).cloned() else { return false };
        self.is_handed_over((&cid, flow), message)
    }

    /// A request of a cluster that knows the secret. If it is for a user whose record is not here, it
    /// waits with its proof unused.
    fn on_proved(&mut self, ctx: &mut Ctx<'_>, flow: Flow, message: &Arc<Message>, pass: &Pass) {
        let opens = matches!(message.method(), Method::Invite | Method::Message);
        let callee = callee_of(ctx.settings, message.request_uri()).map(|(who, _)| who).filter(|_| opens);
        if let Some(Who::User(callee)) = &callee {
            match self.users.known(ctx.at(), callee) {
                Some(Known::Present | Known::Absent) => {}
                Some(Known::Loading) | None => {
                    let job = Job::Request { flow, message: Arc::clone(message) };
                    return self.wait_for(ctx, callee, job);
                }
            }
        }
        self.strangers.proved(flow.remote.ip());
        let is_new = self.peers.admit(pass);
        if is_new {
            self.peers.on_heard(ctx, pass.peer);
        }
        if message.method() == Method::Options {
            // Asked again and again, so nothing is kept of it; to say it twice does no harm.
            let mut writer = self.doors.refusal(message, 200, flow);
            writer.header(Name::Allow, ALLOW);
            writer.header(Name::Accept, b"application/sdp, text/plain");
            return ctx.send(reply_flow(flow, message), writer.finish(b""));
        }
        if !is_new {
            return self.challenge(ctx, flow, message, true);
        }
        let callee = match callee {
            Some(Who::Number(number)) => {
                let Some(cid) = self.peers.cid(pass.peer).cloned() else { return };
                return self.find_callee(ctx, (cid, flow), message, &number);
            }
            Some(Who::User(uid)) => Some(uid),
            Some(Who::Anonymous) | None => None,
        };
        let asked = self.transactions.open(flow, message);
        self.serve_peer(ctx, pass.peer, asked, callee);
    }

    /// Serves a request whose proof was used, for this user.
    pub(super) fn serve_peer(&mut self, ctx: &mut Ctx<'_>, peer: PeerId, asked: Asked, callee: Option<Uid>) {
        if self.refuse_outright(ctx, &asked) {
            return;
        }
        let request = Arc::clone(&asked.request);
        let method = request.method();
        if !matches!(method, Method::Invite | Method::Message) {
            let status = if method == Method::Other { 501 } else { 405 };
            return self.refuse_method(ctx, &asked, status, ALLOW);
        }
        match self.visit(ctx, peer, &request, callee) {
            Ok(visit) if method == Method::Invite => self.on_peer_invite(ctx, visit, asked),
            Ok(visit) => self.on_peer_page(ctx, visit, asked),
            Err(status) => self.refuse(ctx, &asked, status),
        }
    }

    /// Who asks for whom, if the cluster may say so.
    fn visit(
        &self,
        ctx: &Ctx<'_>,
        peer: PeerId,
        request: &Message,
        callee: Option<Uid>,
    ) -> Result<Visit, u16> {
        let cid = self.peers.cid(peer).ok_or(403_u16)?;
        if is_sips(request.request_uri()) && !self.peers.is_secure(peer) {
            return Err(480);
        }
        let caller = asserted(cid, request).ok_or(403_u16)?;
        let callee = callee.ok_or(404_u16)?;
        let visited = read_trail(request).ok_or(483_u16)?;
        if visited.iter().any(|entry| is_visited(ctx.settings, entry, &callee)) {
            return Err(482);
        }
        let user = self.users.get(&callee).ok_or(404_u16)?;
        if is_spent(ctx.at(), user, only_asked(ctx, request).as_ref()) {
            return Err(404);
        }
        let untold = caller.hidden || Privacy::of(request).history;
        let referred = referrer(cid, request);
        Ok(Visit { peer, caller, callee, visited, untold, referred })
    }

    fn on_peer_invite(&mut self, ctx: &mut Ctx<'_>, visit: Visit, asked: Asked) {
        let request = Arc::clone(&asked.request);
        if request.has(Name::Replaces) {
            // Its dialogs are between it and its own phones.
            return self.refuse(ctx, &asked, 481);
        }
        let passage = Passage::of(&request);
        let mode = mode_of(&passage);
        if !self.peers.allows(visit.peer, mode) {
            return self.refuse(ctx, &asked, 403);
        }
        if !has_one_contact(ctx.settings, asked.flow, &request) {
            return self.refuse(ctx, &asked, 400);
        }
        if let Some(status) = body_refusal(&request) {
            return self.refuse_body(ctx, &asked, status);
        }
        if let Some(min_s) = too_brief(&ctx.settings.limits, &request) {
            return self.refuse_brief(ctx, &asked, min_s);
        }
        let Some(flow) = self.peers.flow(visit.peer).filter(|_| !self.takes_no_call(ctx)) else {
            return self.turn_call_away(ctx, &asked);
        };
        let Some(user) = self.users.get_mut(&visit.callee) else { return self.refuse(ctx, &asked, 404) };
        user.used = ctx.at();
        let caller = caller_of(visit.caller, &request);
        if has_calls_enough(ctx, user, Some(&caller.who), &self.calls) {
            return self.refuse(ctx, &asked, 486);
        }
        let id = name_record(ctx.now, ctx.rng);
        let key = self.calls.next_key();
        user.calls.begin_incoming(&id, &caller.who, key);
        let route = incoming(ctx, user, &caller, mode, &passage);
        let mut opening = Opening {
            id,
            caller,
            passage,
            reliable: confirms_provisional(&request),
            max_forwards: forwards(&request),
            breadth: breadth_of(&request, ctx.settings.limits.breadth),
            searches: ctx.settings.limits.halves_per_call,
            history: History::from_elsewhere(&visit.visited, visit.untold).to(&visit.callee, None, 1, None),
            origin: None,
            referred: visit.referred,
            only: only_asked(ctx, &request),
        };
        let trying = asked.answer(100, b"").finish(b"");
        self.transactions.respond(ctx, asked.key, 100, trying);
        let mut wire = Wire { ctx, transactions: &mut self.transactions };
        let name = asked_name(&request, &visit.callee);
        let upstream = self.legs.answer_peer(&mut wire, key, asked, name, (visit.peer, flow));
        self.legs.hide(upstream, &mut opening.passage);
        let half = Call::new(key, opening, Direction::Incoming, visit.callee, route, upstream, ctx.now);
        self.calls.insert(half);
        self.with_call(ctx, key, Call::begin);
    }

    fn on_peer_page(&mut self, ctx: &mut Ctx<'_>, visit: Visit, asked: Asked) {
        let request = Arc::clone(&asked.request);
        if !self.peers.allows(visit.peer, Mode::Page) {
            return self.refuse(ctx, &asked, 403);
        }
        if let Some(status) = refusal_of(&request, ctx.settings.limits.page_bytes) {
            return self.refuse(ctx, &asked, status);
        }
        let mut visited = visit.visited;
        visited.push(visit.callee.clone());
        let Some(user) = self.users.get_mut(&visit.callee) else { return self.refuse(ctx, &asked, 404) };
        user.used = ctx.at();
        user.pages = user.pages.saturating_add(1);
        let caller = caller_of(visit.caller, &request);
        let passage = Passage::of(&request);
        let route = incoming(ctx, user, &caller, Mode::Page, &passage);
        let origin = Origin {
            call_id: String::from_utf8_lossy(request.call_id()).into(),
            cseq: self.peers.first_cseq(ctx.settings, &request),
        };
        let opening = PageOpening {
            id: name_record(ctx.now, ctx.rng),
            sender: caller,
            origin,
            passage,
            max_forwards: forwards(&request),
            halves: ctx.settings.limits.halves_per_call,
            visited,
            only: only_asked(ctx, &request),
            may_wait: true,
        };
        let half = (Direction::Incoming, visit.callee, route);
        self.begin_page(ctx, opening, half, Upstream::Phone(asked));
    }
}

/// The one client of its callee's that a request is for.
fn only_asked(ctx: &Ctx<'_>, request: &Message) -> Option<Only> {
    callee_of(ctx.settings, request.request_uri()).and_then(|(_, only)| only)
}

/// The user part of the address that a request is for: what its sender knows already.
fn asked_name(request: &Message, callee: &Uid) -> String {
    let uri = Uri::parse(request.request_uri()).ok();
    let user = uri.and_then(|uri| uri.user_text().map(std::borrow::Cow::into_owned));
    user.unwrap_or_else(|| callee.user().to_owned())
}

fn caller_of(asserted: Asserted, request: &Message) -> Caller {
    let who = if asserted.hidden { Who::Anonymous } else { Who::User(asserted.uid) };
    Caller { who, face: asserted.face.secured(is_sips(request.request_uri())), own: None }
}

fn incoming(ctx: &Ctx<'_>, user: &User, caller: &Caller, mode: Mode, passage: &Passage) -> Route {
    let profiles = user.profiles(ctx.settings);
    let facts = user.facts(ctx.now, &caller.who, passage.content(mode));
    let who = (caller.who.clone(), Who::User(user.uid.clone()));
    Route::begin(profiles, Direction::Incoming, mode, who, facts)
}

fn forwards(request: &Message) -> u8 {
    request.max_forwards().unwrap_or(MAX_FORWARDS).min(MAX_FORWARDS) - 1
}

/// Whether a listener is for other clusters.
pub(super) fn is_for_peers(ctx: &Ctx<'_>, flow: Flow) -> bool {
    ctx.settings.face(flow.listener) == Some(Face::Federation)
}
