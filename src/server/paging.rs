//! MESSAGE: the two halves of a page, and the rounds that empty inboxes, are set up here, and let go.

use std::sync::Arc;

use crate::base::{Cid, Key, Slot, Uid, name_record};
use crate::device::Origin;
use crate::effect::{Ctx, Fact, StoreOp, StoreOutcome, Ticket};
use crate::federation::Tip;
use crate::leg::Passage;
use crate::message::{
    Desk, HalfReply, Left, Order, Page, PageInvitation, PageOpening, Round, Upstream, refusal_of,
};
use crate::registrar::{Meaning, User, is_spent, meaning, only_of};
use crate::routing::{Direction, Facts, Mode, Route, Status, Who};
use crate::transaction::Asked;

use super::calling::{MAX_FORWARDS, asked_for, caller_of, owns_from};
use super::peer::PeerWord;
use super::switchboard::{Switchboard, Waiting};
use super::users::{Job, Known};
use super::waking::Waiter;
use super::wishes::Sent;

impl Switchboard {
    /// A MESSAGE of a user who is who he says he is: the sender's half begins.
    pub(super) fn on_page(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, asked: Asked) {
        let request = Arc::clone(&asked.request);
        if let Some(status) = refusal_of(&request, ctx.settings.limits.page_bytes) {
            return self.refuse(ctx, &asked, status);
        }
        let Some(to) = asked_for(ctx, &request) else { return self.refuse(ctx, &asked, 404) };
        let Some(user) = self.users.get_mut(uid) else { return self.refuse(ctx, &asked, 500) };
        if !owns_from(user, ctx, &request) {
            return self.refuse(ctx, &asked, 403);
        }
        let Some(Sent { asked, to, profile, device }) = self.sent(ctx, uid, asked, to) else { return };
        let Some(user) = self.users.get_mut(uid) else { return };
        user.pages = user.pages.saturating_add(1);
        let may_wait = user.kept.has_room(ctx.now, ctx.settings.limits.kept_pages_per_hour);
        let sender = caller_of(ctx, user, &request);
        let who = (Who::User(uid.clone()), to);
        let passage = Passage::of(&request);
        let profiles = (&profile, &ctx.settings.default_profile);
        let facts = Facts { device, ..user.facts(ctx.now, &who.1, passage.content(Mode::Page)) };
        let route = Route::begin(profiles, Direction::Outgoing, Mode::Page, who, facts);
        let origin = Origin {
            call_id: String::from_utf8_lossy(request.call_id()).into(),
            cseq: self.doors.first_cseq(ctx.settings, &request),
        };
        let opening = PageOpening {
            id: name_record(ctx.now, ctx.rng),
            sender,
            origin,
            passage,
            max_forwards: request.max_forwards().unwrap_or(MAX_FORWARDS).min(MAX_FORWARDS) - 1,
            halves: ctx.settings.limits.halves_per_call,
            visited: smallvec::SmallVec::new(),
            only: only_of(request.request_uri()),
            may_wait,
        };
        self.begin_page(ctx, opening, (Direction::Outgoing, uid.clone(), route), Upstream::Phone(asked));
    }

    /// Another half asks this user's routing: the recipient's half begins.
    pub(super) fn on_page_invitation(&mut self, ctx: &mut Ctx<'_>, invitation: PageInvitation) {
        let uid = invitation.recipient.clone();
        match self.users.known(ctx.at(), &uid) {
            Some(Known::Present) => {}
            Some(Known::Absent) => return self.refuse_page(&invitation, 404),
            Some(Known::Loading) | None => {
                return self.wait_for(ctx, &uid, Job::Page(invitation));
            }
        }
        let Some(user) = self.users.get_mut(&uid) else { return };
        user.used = ctx.at();
        if is_spent(ctx.at(), user, invitation.opening.only.as_ref()) {
            return self.refuse_page(&invitation, 404);
        }
        user.pages = user.pages.saturating_add(1);
        let profiles = user.profiles(ctx.settings);
        let who = (invitation.opening.sender.who.clone(), Who::User(uid.clone()));
        let facts = user.facts(ctx.now, &who.0, invitation.opening.passage.content(Mode::Page));
        let route = Route::begin(profiles, Direction::Incoming, Mode::Page, who, facts);
        let upstream = invitation.from.map_or(Upstream::Nobody, Upstream::Half);
        self.begin_page(ctx, invitation.opening, (Direction::Incoming, uid, route), upstream);
    }

    pub(super) fn begin_page(
        &mut self,
        ctx: &mut Ctx<'_>,
        opening: PageOpening,
        half: (Direction, Uid, Route),
        upstream: Upstream,
    ) {
        let key = self.pages.next_key();
        self.pages.insert(Page::new(key, opening, half, upstream, ctx.now));
        self.with_page(ctx, key, Page::act);
    }

    pub(super) fn refuse_page(&mut self, invitation: &PageInvitation, status: u16) {
        if let Some(from) = invitation.from {
            let reply = HalfReply { status, spent: 1, no_sips: false };
            self.post(from.server, PeerWord::PageReply(from, reply));
        }
    }

    /// One of the user's clients can be reached: what waits for it is brought.
    pub(super) fn begin_round(&mut self, ctx: &mut Ctx<'_>, uid: &Uid) {
        let now = ctx.at();
        let waits = |user: &User| user.waiting && user.bindings.any(now);
        if !self.draining && self.users.get(uid).is_some_and(waits) {
            self.round_of(ctx, uid);
        }
    }

    /// Clients of the user's have registered; if there is a round, these.
    pub(super) fn on_reachable(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, clients: &[String]) {
        let Some(user) = self.users.get_mut(uid) else { return };
        user.registered = Some(ctx.at());
        match user.round {
            Some(round) => self.with_round(ctx, round, |round, desk| round.on_registered(desk, clients)),
            None => self.begin_round(ctx, uid),
        }
    }

    /// A tree of his gives a property a value. What it has already is not written.
    pub(super) fn set_property(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, key: Arc<str>, value: Arc<str>) {
        let most = usize::from(ctx.settings.limits.properties_per_user);
        let Some(user) = self.users.get_mut(uid) else { return };
        if user.set_property(&key, &value, most) {
            user.begin_saving(Arc::clone(&key), Arc::clone(&value));
            let waiting = Waiting::Property(uid.clone(), Arc::clone(&key));
            let ticket = ctx.store(StoreOp::PutProperty { uid: uid.clone(), key, value });
            self.waiting.insert(ticket, waiting);
        }
    }

    /// A property is in the store. What was read of its owner meanwhile may be older than that.
    pub(super) fn on_property_saved(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, key: &str) {
        if self.users.get_mut(uid).is_some_and(|user| user.end_saving(key)) {
            self.read_again(ctx, uid.clone());
        }
    }

    /// Reads a user again, if he is here.
    pub(super) fn read_again(&mut self, ctx: &mut Ctx<'_>, uid: Uid) {
        if let Some(ticket) = self.users.refresh(ctx, &uid) {
            self.waiting.insert(ticket, Waiting::User(uid));
        }
    }

    /// A user is read anew: if he can be reached now, what was held for him is brought.
    pub(super) fn on_reread(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, before: Status) {
        let now = ctx.at();
        let is_back = self.users.get(uid).is_some_and(|user| user.status(now) == Status::Available);
        if is_back && before != Status::Available {
            self.begin_round(ctx, uid);
        }
    }

    /// The round of this user, begun if there is none.
    fn round_of(&mut self, ctx: &mut Ctx<'_>, uid: &Uid) -> Option<Key> {
        let user = self.users.get_mut(uid)?;
        if user.round.is_none() {
            let key = self.rounds.insert(Round::new(self.rounds.next_key(), uid.clone()));
            user.round = Some(key);
            self.with_round(ctx, key, Round::begin);
        }
        self.users.get(uid)?.round
    }

    pub(super) fn on_page_order(&mut self, ctx: &mut Ctx<'_>, order: Order) {
        match order {
            Order::Invite(mut invitation) => {
                match meaning(ctx.settings, &invitation.recipient) {
                    Meaning::Plain => {}
                    Meaning::Client(uid, only) => {
                        (invitation.recipient, invitation.opening.only) = (uid, Some(only));
                    }
                    Meaning::Nobody => return self.refuse_page(&invitation, 404),
                }
                let owner = invitation.recipient.slot().owner(ctx.settings.servers);
                self.post(owner, PeerWord::Page(invitation));
            }
            Order::Rouse(page, rousing) => self.rouse(ctx, Waiter::Page(page), *rousing),
            Order::FindNumber { page, number } => {
                let ticket = ctx.store(StoreOp::FindNumber(number.to_string()));
                self.await_store(ticket, Waiting::NumberForPage(page, number));
            }
            Order::TellPage { page, ticket } => self.await_store(ticket, Waiting::DeviceForPage(page)),
            Order::TellRound { round, ticket } => self.await_store(ticket, Waiting::InboxForRound(round)),
            Order::Reply(to, reply) => self.post(to.server, PeerWord::PageReply(to, reply)),
            Order::Keep { page, kept, record } => {
                let peer = kept.peer.clone();
                let ticket = ctx.store(StoreOp::PutOutbox(kept, record));
                self.await_store(ticket, Waiting::Outbox(page, peer));
            }
            Order::Set { uid, key, value } => self.set_property(ctx, &uid, key, value),
            Order::Queue(page) => self.queue(ctx, page),
            Order::Over(key) => {
                let Some(page) = self.pages.remove(key) else { return };
                if let Some(user) = self.users.get_mut(page.owner()) {
                    user.pages = user.pages.saturating_sub(1);
                }
                self.users.let_go(ctx, page.owner());
            }
            Order::Kept(uid) => {
                let Some(user) = self.users.get_mut(&uid) else { return };
                if user.kept.note(ctx.now) == ctx.settings.limits.kept_pages_per_hour {
                    ctx.fact(Fact::Limit("kept_pages_per_hour"));
                }
            }
            Order::Waits { uid, since } => {
                let Some(user) = self.users.get_mut(&uid) else { return };
                (user.waiting, user.refused) = (true, false);
                // A client that came while the page was on its way has not had it.
                let came = user.registered.is_some_and(|registered| registered >= since);
                match user.round.and_then(|round| self.rounds.get_mut(round)) {
                    Some(round) => round.on_waiting(),
                    None if came => self.begin_round(ctx, &uid),
                    None => {}
                }
            }
            Order::Taken { uid, id } => {
                if let Some(round) = self.round_of(ctx, &uid) {
                    self.with_round(ctx, round, |round, desk| round.on_taken(desk, &id));
                }
            }
            Order::Answers(uid) => self.begin_round(ctx, &uid),
            Order::Turns(pages) => {
                for page in pages {
                    self.with_page(ctx, page, Page::on_turn);
                }
            }
            Order::RoundOver { round, uid, left } => {
                self.rounds.remove(round);
                if let Some(user) = self.users.get_mut(&uid).filter(|user| user.round == Some(round)) {
                    user.round = None;
                    (user.waiting, user.refused) = (left != Left::Nothing, left == Left::Refused);
                }
                self.users.let_go(ctx, &uid);
            }
        }
    }

    /// A page is kept for another cluster, or is not: its sender is told, and who looks after that
    /// cluster.
    pub(super) fn on_kept(&mut self, ctx: &mut Ctx<'_>, page: Key, peer: Cid, outcome: &StoreOutcome) {
        self.with_page(ctx, page, |page, desk| page.on_outbox(desk, outcome));
        if let StoreOutcome::Saved = outcome {
            let owner = Slot::of(peer.as_str().as_bytes()).owner(ctx.settings.servers);
            self.post(owner, PeerWord::PeerTip(peer, Tip::Stored));
        }
    }

    fn await_store(&mut self, ticket: Ticket, waiting: Waiting) {
        self.waiting.insert(ticket, waiting);
    }

    /// A page waits until the round of its owner lets it go on.
    fn queue(&mut self, ctx: &mut Ctx<'_>, page: Key) {
        let owner = self.pages.get(page).and_then(|page| self.users.get(page.owner()));
        match owner.and_then(|owner| owner.round).and_then(|round| self.rounds.get_mut(round)) {
            Some(round) => round.queue(page),
            None => self.with_page(ctx, page, Page::on_turn),
        }
    }

    /// Lets a page do something, with everything that it acts through.
    pub(super) fn with_page(
        &mut self,
        ctx: &mut Ctx<'_>,
        key: Key,
        act: impl FnOnce(&mut Page, &mut Desk<'_, '_>),
    ) {
        let Some(page) = self.pages.get_mut(key) else { return };
        let Some(owner) = self.users.get(page.owner()) else { return };
        let queue = owner.round.and_then(|round| self.rounds.get(round)).is_some_and(Round::holds_back);
        let (transactions, orders) = (&mut self.transactions, &mut self.page_orders);
        let peers = &mut self.peers;
        act(page, &mut Desk { ctx, transactions, server: self.index, owner, peers, queue, orders });
    }

    /// Lets a round do something, with everything that it acts through.
    pub(super) fn with_round(
        &mut self,
        ctx: &mut Ctx<'_>,
        key: Key,
        act: impl FnOnce(&mut Round, &mut Desk<'_, '_>),
    ) {
        let Some(round) = self.rounds.get_mut(key) else { return };
        let Some(owner) = self.users.get(round.owner()) else { return };
        let (transactions, orders) = (&mut self.transactions, &mut self.page_orders);
        let peers = &mut self.peers;
        act(round, &mut Desk { ctx, transactions, server: self.index, owner, peers, queue: false, orders });
    }
}
