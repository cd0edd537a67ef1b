//! The switchboard: what a message means is decided here, what is done about it in the rooms below.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;

use crate::base::{Arena, At, Cid, Key, ServerIndex, TimerId, Uid};
use crate::call::{self, Call};
use crate::config::{Face, Settings};
use crate::effect::fact::Dropped;
use crate::effect::{Ctx, Fact, Flow, Outcome, StoreOutcome, StreamId, Ticket, Wake};
use crate::federation::Peers;
use crate::leg::{LegWord, Legs, Report, Wire, wants_no_sips};
use crate::message::{self, Page, Round};
use crate::registrar::{Change, Doors, Patience, Strangers, Unanswered};
use crate::sip::Message;
use crate::transaction::{Asked, Owner, Transactions, TxEvent};

use super::circling::Listener;
use super::flows::FLOW_FAILED;
use super::peer::PeerWord;
use super::renewing::Renewals;
use super::returning::Awaited;
use super::users::Users;
use super::visitors::{Visitor, Visitors};
use super::waking::{Roused, Sleepers};
use super::words::{Envelope, Input};

/// How often old things are tidied away, at most.
const TIDY: Duration = Duration::from_secs(60);

/// Streams whose end is remembered: far more than close while the store is asked once.
const CLOSED: usize = 1024;

/// What lives in a user server, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Halves of calls.
    pub calls: usize,
    /// Legs.
    pub legs: usize,
    /// Halves of pages.
    pub pages: usize,
    /// Rounds of pages from inboxes.
    pub rounds: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Armed timers.
    pub timers: usize,
    /// Things that wait for an outcome.
    pub waiting: usize,
    /// Users whose records are here, or on their way.
    pub users: usize,
    /// Bindings of loaded users.
    pub bindings: usize,
    /// Other clusters that are looked after here: each has a timer or two.
    pub peers: usize,
}

/// What an outcome is waited for.
#[derive(Debug)]
pub(super) enum Waiting {
    User(Uid),
    NumberForCall(call::Lookup),
    NumberForPage(Key, Arc<str>),
    NumberForVisitor(Box<Visitor>, Arc<str>),
    Outbox(Key, Cid),
    DeviceForPage(Key),
    InboxForRound(Key),
    Registration {
        uid: Uid,
        asked: Asked,
        change: Change,
    },
    Activation {
        uid: Uid,
        asked: Asked,
        name: Option<Box<str>>,
    },
    Property(Uid, Arc<str>),
    Script {
        uid: Uid,
        asked: Asked,
        change: Change,
        timer: Option<TimerId>,
    },
    /// A script that nobody waits for any more.
    LateScript(Uid),
    /// Without a listener, nobody waits for it any more.
    Circles {
        uid: Uid,
        listener: Option<Listener>,
        timer: Option<TimerId>,
    },
    Rousing(Roused),
    Due,
}

#[derive(Debug)]
pub(super) struct Switchboard {
    pub(super) index: ServerIndex,
    pub(super) doors: Doors,
    pub(super) patience: Patience,
    pub(super) unanswered: Unanswered,
    pub(super) strangers: Strangers,
    pub(super) users: Users,
    pub(super) transactions: Transactions,
    pub(super) legs: Legs,
    pub(super) calls: Arena<Call>,
    pub(super) pages: Arena<Page>,
    pub(super) peers: Peers,
    /// Requests of other clusters for numbers.
    pub(super) visitors: Visitors,
    pub(super) rounds: Arena<Round>,
    pub(super) waiting: HashMap<Ticket, Waiting>,
    /// Whose bindings a stream carries.
    pub(super) streams: HashMap<StreamId, Vec<Uid>>,
    /// The domains that the far ends of streams have proved to be of.
    pub(super) proved: HashMap<StreamId, Arc<[Cid]>>,
    /// The streams that closed last: a REGISTER that came by one may still be on its way.
    pub(super) closed: VecDeque<StreamId>,
    /// Legs whose phones have lost their stream.
    pub(super) awaited: Awaited,
    /// Phones that are being woken.
    pub(super) sleepers: Sleepers,
    /// Phones that are to be woken to renew their bindings.
    pub(super) renewals: Renewals,
    pub(super) draining: bool,
    // What rooms below have left to be done; empty between inputs.
    pub(super) reports: VecDeque<Report>,
    pub(super) call_orders: Vec<call::Order>,
    pub(super) page_orders: Vec<message::Order>,
    /// Empty, with the room that orders had: they are put here by turns.
    trays: (Vec<call::Order>, Vec<message::Order>),
    pub(super) local: VecDeque<PeerWord>,
    pub(super) remote: Vec<(ServerIndex, PeerWord)>,
    tidied: At,
}

impl Switchboard {
    pub(super) fn new(settings: &Settings, index: ServerIndex, salt: u64) -> Self {
        Self {
            index,
            doors: Doors::new(settings),
            patience: Patience::default(),
            unanswered: Unanswered::default(),
            strangers: Strangers::default(),
            users: Users::default(),
            transactions: Transactions::new(index, salt),
            legs: Legs::new(index),
            calls: Arena::default(),
            pages: Arena::default(),
            peers: Peers::new(settings, index),
            visitors: Visitors::default(),
            rounds: Arena::default(),
            waiting: HashMap::new(),
            streams: HashMap::new(),
            proved: HashMap::new(),
            closed: VecDeque::new(),
            awaited: Awaited::default(),
            sleepers: Sleepers::default(),
            renewals: Renewals::new(settings.push.is_some()),
            draining: false,
            reports: VecDeque::new(),
            call_orders: Vec::new(),
            page_orders: Vec::new(),
            trays: (Vec::new(), Vec::new()),
            local: VecDeque::new(),
            remote: Vec::new(),
            tidied: At::START,
        }
    }

    /// Serves by these settings from now on.
    pub(super) fn configure(&mut self, settings: &Settings) {
        self.doors = Doors::new(settings);
    }

    pub(super) fn census(&self) -> Census {
        let (client_transactions, server_transactions) = self.transactions.census();
        Census {
            calls: self.calls.len(),
            legs: self.legs.len(),
            pages: self.pages.len(),
            rounds: self.rounds.len(),
            client_transactions,
            server_transactions,
            timers: 0,
            waiting: self.waiting.len() + self.peers.waiting(),
            users: self.users.len(),
            bindings: 0,
            peers: self.peers.owned().count(),
        }
    }

    pub(super) fn on_input(
        &mut self,
        ctx: &mut Ctx<'_>,
        input: Input,
        replies: &mut Vec<(Ticket, crate::effect::admin::AdminReply)>,
    ) {
        match input {
            Input::Message { flow, message } => self.on_message(ctx, flow, &Arc::new(message)),
            Input::Proved(flow, domains) => self.on_domains_proved(ctx, flow, domains),
            Input::Closed(stream) => self.on_closed(ctx, stream),
            Input::Outcome(ticket, outcome) => self.on_outcome(ctx, ticket, outcome),
            Input::Peer(envelope) => self.local.push_back(envelope.word),
            Input::Admin(ticket, request) => replies.push((ticket, self.on_admin(ctx, request))),
            Input::Tick => {}
        }
        if ctx.at().since(self.tidied) >= TIDY {
            self.tidied = ctx.at();
            self.patience.forgive(ctx.at());
            self.unanswered.forget();
            self.visitors.forget(ctx.at());
            self.strangers.forget(ctx.at(), &ctx.settings.limits);
            self.users.tidy(ctx);
            self.awaited.tidy(&self.legs);
            self.sleepers.tidy(ctx.at());
        }
    }

    /// Carries on until nothing is left to be said inside this server.
    pub(super) fn run(&mut self, ctx: &mut Ctx<'_>, peers: &mut Vec<Envelope>) {
        loop {
            if let Some(report) = self.reports.pop_front() {
                self.on_report(ctx, report);
            } else if !self.call_orders.is_empty() {
                let mut orders = std::mem::replace(&mut self.call_orders, std::mem::take(&mut self.trays.0));
                for order in orders.drain(..) {
                    self.on_call_order(ctx, order);
                }
                self.trays.0 = orders;
            } else if !self.page_orders.is_empty() {
                let mut orders = std::mem::replace(&mut self.page_orders, std::mem::take(&mut self.trays.1));
                for order in orders.drain(..) {
                    self.on_page_order(ctx, order);
                }
                self.trays.1 = orders;
            } else if !self.legs.outbox.is_empty() {
                self.post_mail();
            } else if !self.peers.notices.is_empty() {
                for notice in std::mem::take(&mut self.peers.notices) {
                    self.on_notice(ctx, notice);
                }
            } else if let Some(word) = self.local.pop_front() {
                self.on_peer(ctx, word);
            } else {
                break;
            }
        }
        let from = self.index;
        peers.extend(self.remote.drain(..).map(|(to, word)| Envelope { to, from, word }));
    }

    /// Hands a word to a user server: this one, or another of the process.
    pub(super) fn post(&mut self, to: ServerIndex, word: PeerWord) {
        if to == self.index {
            self.local.push_back(word);
        } else {
            self.remote.push((to, word));
        }
    }

    fn on_peer(&mut self, ctx: &mut Ctx<'_>, word: PeerWord) {
        match word {
            PeerWord::Invite(invitation) => self.on_invitation(ctx, invitation),
            PeerWord::Opened { leg, peer } => self.legs.on_opened(leg, peer),
            PeerWord::Mail(mail) => self.reports.extend(self.legs.on_mail(mail)),
            PeerWord::Page(invitation) => self.on_page_invitation(ctx, invitation),
            PeerWord::PageReply(to, reply) => {
                self.with_page(ctx, to.page, |page, desk| page.on_half(desk, to.stage, reply));
            }
            PeerWord::Visit(visitor) => self.on_visitor(ctx, visitor),
            PeerWord::PeerNews(news) => {
                self.peers.on_news(&news);
                self.give_up_on(ctx, &news);
            }
            PeerWord::PeerTip(cid, tip) => self.peers.on_tip(ctx, &cid, tip),
        }
    }

    /// A leg has something to tell its call.
    fn on_report(&mut self, ctx: &mut Ctx<'_>, report: Report) {
        let Report { call, leg, word } = report;
        if self.calls.get(call).is_some() {
            self.with_call(ctx, call, |call, desk| call.on_leg(desk, leg, word));
        } else if let LegWord::Answer { .. } = word {
            // Nobody is there any more to be answered.
            let mut wire = Wire { ctx, transactions: &mut self.transactions };
            let hang_up = LegWord::HangUp(crate::leg::Passage::default());
            self.reports.extend(self.legs.say(&mut wire, leg, hang_up));
        }
    }

    /// A timer fired.
    pub(super) fn on_wake(&mut self, ctx: &mut Ctx<'_>, wake: Wake) {
        match wake {
            Wake::Client(key, letter) => {
                if let Some(event) = self.transactions.on_client_timer(ctx, key, letter) {
                    self.on_event(ctx, &event);
                }
            }
            Wake::Server(key, letter) => self.transactions.on_server_timer(ctx, key, letter),
            Wake::Leg(key, timer) => {
                let mut wire = Wire { ctx, transactions: &mut self.transactions };
                let report = self.legs.on_timer(&mut wire, key, timer);
                self.reports.extend(report);
            }
            Wake::Call(key, timer) => self.with_call(ctx, key, |call, desk| call.on_timer(desk, timer)),
            Wake::Page(key) => self.with_page(ctx, key, Page::on_timer),
            Wake::Round(key) => self.with_round(ctx, key, Round::on_timer),
            Wake::Binding(uid) => self.on_expiry(ctx, &uid),
            Wake::Late(ticket) => self.on_late(ctx, ticket),
            Wake::Renewals => self.on_look(ctx),
            Wake::Peer(peer, timer) => self.peers.on_timer(ctx, &mut self.transactions, peer, timer),
        }
    }

    /// A response came by a flow.
    pub(super) fn on_response(&mut self, ctx: &mut Ctx<'_>, flow: Flow, response: &Arc<Message>) {
        match self.transactions.on_response(ctx, flow, response) {
            Ok(Some(event)) => self.on_event(ctx, &event),
            Ok(None) => {}
            Err(_) => ctx.fact(Fact::Dropped(Dropped::StrayResponse)),
        }
    }

    pub(super) fn on_event(&mut self, ctx: &mut Ctx<'_>, event: &TxEvent) {
        let event = match event {
            TxEvent::Challenged { .. } => match self.on_challenged(ctx, event) {
                Some(failed) => failed,
                None => return,
            },
            TxEvent::TooBrief { .. } => match self.on_too_brief(ctx, event) {
                Some(refused) => refused,
                None => return,
            },
            TxEvent::Untaken(untaken) => match self.on_untaken(ctx, untaken) {
                Some(failed) => {
                    self.note_health(ctx, &failed);
                    failed
                }
                None => return,
            },
            TxEvent::Response { .. } | TxEvent::Failed { .. } => {
                self.note_health(ctx, event);
                event.clone()
            }
        };
        let (owner, client, status, response) = match &event {
            TxEvent::Response { owner, client, response, .. } => {
                (*owner, *client, response.status(), Some(response))
            }
            TxEvent::Failed { owner, client, status, .. } => (*owner, *client, *status, None),
            TxEvent::Challenged { .. } | TxEvent::TooBrief { .. } | TxEvent::Untaken(_) => return,
        };
        let no_flow = response.is_none() || status == FLOW_FAILED;
        self.note_flow(ctx, owner, client, !no_flow);
        match owner {
            Owner::Leg(leg) if response.is_none() && status == 408 && self.on_silence(ctx, leg, client) => {}
            Owner::Leg(leg) => {
                let mut wire = Wire { ctx, transactions: &mut self.transactions };
                let report = match response {
                    Some(response) => self.legs.on_response(&mut wire, leg, client, response),
                    None => self.legs.on_failed(&mut wire, leg, client, status),
                };
                self.reports.extend(report);
            }
            Owner::Page(page) => {
                let no_sips = response.is_some_and(|response| wants_no_sips(response));
                self.with_page(ctx, page, |page, desk| {
                    if no_sips {
                        page.on_no_sips();
                    }
                    page.on_phone(desk, client, (status, no_flow));
                });
            }
            Owner::Probe(peer) => self.on_probe(ctx, peer, client, status, response.is_some()),
            Owner::Outbox(peer) => {
                self.peers.on_page_answered(ctx, &mut self.transactions, (peer, client), status);
            }
            Owner::Round(round) => {
                self.with_round(ctx, round, |round, desk| round.on_phone(desk, client, status));
            }
            Owner::Nobody => {}
        }
    }

    fn on_outcome(&mut self, ctx: &mut Ctx<'_>, ticket: Ticket, outcome: Outcome) {
        match outcome {
            Outcome::Unsent => {
                if let Some(event) = self.transactions.on_unsent(ctx, ticket) {
                    self.on_event(ctx, &event);
                }
            }
            Outcome::Resolved(answer) => self.peers.on_resolved(ctx, ticket, &answer),
            Outcome::Pushed(pushed) => {
                if let Some(Waiting::Rousing(roused)) = self.waiting.remove(&ticket) {
                    self.on_pushed(ctx, &roused, pushed);
                }
            }
            Outcome::Moved(flow) => self.transactions.on_moved(ctx, ticket, flow),
            Outcome::Store(outcome) => {
                if let Some(waiting) = self.waiting.remove(&ticket) {
                    self.on_stored(ctx, waiting, outcome);
                } else {
                    self.peers.on_stored(ctx, &mut self.transactions, ticket, outcome);
                }
            }
        }
    }

    fn on_stored(&mut self, ctx: &mut Ctx<'_>, waiting: Waiting, outcome: StoreOutcome) {
        match (waiting, outcome) {
            (Waiting::User(uid), StoreOutcome::User(stored)) => {
                let now = ctx.at();
                let before = self.users.get(&uid).map(|user| user.status(now));
                let jobs = self.users.on_loaded(ctx, &uid, stored.map(|stored| *stored));
                self.dismiss(ctx, &uid);
                self.users.watch_expiry(ctx, &uid);
                match before {
                    None => self.begin_round(ctx, &uid),
                    Some(before) => self.on_reread(ctx, &uid, before),
                }
                for job in jobs {
                    self.on_job(ctx, job);
                }
            }
            (Waiting::User(uid), _) => {
                self.renewals.look_again();
                for job in self.users.on_load_failed(&uid) {
                    self.refuse_job(ctx, job, 500);
                }
            }
            (Waiting::NumberForCall(lookup), outcome) => {
                let uid = owner_of(ctx.settings, &lookup.number, &outcome);
                self.with_call(ctx, lookup.call, |call, desk| call.on_number(desk, &lookup, uid.as_ref()));
            }
            (Waiting::NumberForPage(page, number), outcome) => {
                let uid = owner_of(ctx.settings, &number, &outcome);
                self.with_page(ctx, page, |page, desk| page.on_number(desk, uid.as_ref()));
            }
            (Waiting::NumberForVisitor(visitor, number), outcome) => {
                let owner = owner_of(ctx.settings, &number, &outcome);
                self.on_callee(ctx, *visitor, owner, &outcome);
            }
            (Waiting::Outbox(page, peer), outcome) => self.on_kept(ctx, page, peer, &outcome),
            (Waiting::DeviceForPage(page), outcome) => {
                self.with_page(ctx, page, |page, desk| page.on_stored(desk, &outcome));
            }
            (Waiting::InboxForRound(round), outcome) => {
                self.with_round(ctx, round, |round, desk| round.on_stored(desk, outcome));
            }
            // No store has anything to say of these.
            (Waiting::Rousing(_), _) => {}
            (Waiting::Due, outcome) => self.on_due(ctx, outcome),
            (Waiting::Registration { uid, asked, change }, outcome) => {
                let saved = matches!(outcome, StoreOutcome::Saved);
                self.on_registration_stored(ctx, &uid, asked, change, saved);
            }
            (Waiting::Script { uid, asked, change, mut timer }, outcome) => {
                ctx.disarm(&mut timer);
                self.on_script(ctx, &uid, (asked, change), &outcome);
            }
            (Waiting::LateScript(uid), outcome) => self.on_late_script(ctx, &uid, &outcome),
            (Waiting::Circles { uid, listener, mut timer }, outcome) => {
                ctx.disarm(&mut timer);
                self.on_circles(ctx, &uid, listener, &outcome);
            }
            (Waiting::Property(uid, key), _) => self.on_property_saved(ctx, &uid, &key),
            (Waiting::Activation { uid, asked, name }, outcome) => {
                self.on_activated(ctx, (&uid, asked), name.as_deref(), &outcome);
            }
        }
    }

    /// Hands on what links have to say.
    pub(super) fn post_mail(&mut self) {
        for mail in std::mem::take(&mut self.legs.outbox) {
            self.post(mail.to.server, PeerWord::Mail(mail));
        }
    }

    /// Lets a call do something, with everything that it acts through.
    pub(super) fn with_call(
        &mut self,
        ctx: &mut Ctx<'_>,
        key: Key,
        act: impl FnOnce(&mut Call, &mut call::Desk<'_, '_, '_>),
    ) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(owner) = self.users.get(call.owner()) else { return };
        let mut wire = Wire { ctx, transactions: &mut self.transactions };
        let mut desk = call::Desk {
            wire: &mut wire,
            legs: &mut self.legs,
            owner,
            peers: &mut self.peers,
            orders: &mut self.call_orders,
            reports: &mut self.reports,
        };
        act(call, &mut desk);
    }

    fn on_closed(&mut self, ctx: &mut Ctx<'_>, stream: StreamId) {
        for event in self.transactions.on_closed(ctx, stream) {
            self.on_event(ctx, &event);
        }
        let mut wire = Wire { ctx, transactions: &mut self.transactions };
        let reports = self.legs.on_closed(&mut wire, stream);
        self.reports.extend(reports);
        for event in self.transactions.on_closed(ctx, stream) {
            self.on_event(ctx, &event);
        }
        self.proved.remove(&stream);
        if self.closed.len() >= CLOSED {
            self.closed.pop_front();
        }
        self.closed.push_back(stream);
        for uid in self.streams.remove(&stream).unwrap_or_default() {
            self.on_stream_lost(ctx, &uid, stream);
        }
    }

    /// Answers a request without keeping state.
    pub(super) fn refuse_plainly(&mut self, ctx: &mut Ctx<'_>, flow: Flow, request: &Message, status: u16) {
        let response = self.doors.refusal(request, status, flow).finish(b"");
        self.answer_plainly(ctx, flow, request, response);
    }

    /// Answers without keeping state, unless the source of a datagram has had too many such answers.
    pub(super) fn answer_plainly(
        &mut self,
        ctx: &mut Ctx<'_>,
        flow: Flow,
        request: &Message,
        response: Bytes,
    ) {
        let is_open = matches!(ctx.settings.face(flow.listener), Some(Face::Access | Face::Federation));
        let is_counted = flow.stream.is_none() && is_open;
        if is_counted && !self.strangers.allow(ctx.at(), flow.remote.ip(), &ctx.settings.limits) {
            return ctx.fact(Fact::Dropped(Dropped::Stranger));
        }
        ctx.send(crate::transport::reply_flow(flow, request), response);
    }
}

/// Whose number it is: that of the user who was given it, else of the one who is called so.
fn owner_of(settings: &Settings, number: &str, outcome: &StoreOutcome) -> Option<Uid> {
    match outcome {
        StoreOutcome::Number(Some(uid)) => Some(uid.clone()),
        StoreOutcome::Number(None) => Uid::new(number, settings.cid.as_str()).ok(),
        StoreOutcome::User(_)
        | StoreOutcome::Inbox(_)
        | StoreOutcome::Imported(_)
        | StoreOutcome::Circles(_)
        | StoreOutcome::Outbox(..)
        | StoreOutcome::Due(_)
        | StoreOutcome::Saved
        | StoreOutcome::Full
        | StoreOutcome::Gone
        | StoreOutcome::Failed => None,
    }
}
