//! One half of a page.
//!
//! ```text
//!   Asked ──the first 2xx──▶ (gone)        the one who asks is told 200
//!     │  every refusal, the stage's end: the tree says what is next
//!     └──the tree has no more──▶ (gone)    the one who asks is told why
//! ```
//!
//! Implements: RFC 3428 §5, §7, §8.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{Key, Now, ServerIndex, TimerId, Token, Uid};
use crate::dialog::Face;
use crate::effect::fact::PageRecord;
use crate::effect::{Ctx, Fact, StoreOp, Wake};
use crate::leg::{Passage, outcome_of, own_status, precedence, rank, shown_status, write_required};
use crate::registrar::{Binding, Caller, User};
use crate::routing::{Action, Direction, Outcome, Route, Target, Who};
use crate::sip::{Method, Name, Writer};
use crate::transaction::{Draft, Owner, Transactions};

use super::parties::{PageEnd, PageInvitation, PageOpening, Upstream};

/// How long phones have to take a page before the tree goes on.
const STAGE: Duration = Duration::from_secs(5);
/// Longer than the stage of the half that is asked, which then answers first.
const OTHER_HALF: Duration = Duration::from_secs(30);

/// What a page acts through.
#[derive(Debug)]
pub struct Desk<'a, 'c> {
    /// The out-tray.
    pub ctx: &'a mut Ctx<'c>,
    /// The transactions.
    pub transactions: &'a mut Transactions,
    /// This user server.
    pub server: ServerIndex,
    /// The record of this half's owner.
    pub owner: &'a User,
    /// What is left for the switchboard to do.
    pub orders: &'a mut Vec<Order>,
}

/// What only the switchboard can do for a page.
#[derive(Debug)]
pub enum Order {
    /// Ask another user's routing.
    Invite(PageInvitation),
    /// Find out whose number this is, and tell [`Page::on_number`].
    FindNumber {
        /// For which page.
        page: Key,
        /// The number.
        number: Arc<str>,
    },
    /// Tell the half that waits.
    Reply {
        /// Who waits.
        to: PageEnd,
        /// The final status.
        status: u16,
    },
    /// This half is over: let it go.
    Over(Key),
}

/// One half of a page.
#[derive(Debug)]
pub struct Page {
    key: Key,
    id: Arc<str>,
    direction: Direction,
    owner: Uid,
    sender: Caller,
    route: Route,
    upstream: Upstream,
    passage: Passage,
    max_forwards: u8,
    visited: SmallVec<[Uid; 2]>,
    /// Requests to phones that are not answered.
    open: SmallVec<[Key; 2]>,
    /// Look-ups and other halves that have not come back.
    asked: u8,
    stage_number: u8,
    best: Option<(Outcome, u16)>,
    stage: Option<TimerId>,
    over: bool,
}

impl Page {
    /// A half that is about to begin.
    pub fn new(
        key: Key,
        opening: PageOpening,
        direction: Direction,
        owner: Uid,
        route: Route,
        upstream: Upstream,
    ) -> Self {
        Self {
            key,
            id: opening.id,
            direction,
            owner,
            sender: opening.sender,
            route,
            upstream,
            passage: opening.passage,
            max_forwards: opening.max_forwards,
            visited: opening.visited,
            open: SmallVec::new(),
            asked: 0,
            stage_number: 0,
            best: None,
            stage: None,
            over: false,
        }
    }

    /// Whose half it is.
    pub fn owner(&self) -> &Uid {
        &self.owner
    }

    /// Does what the tree says now.
    pub fn act(&mut self, desk: &mut Desk<'_, '_>) {
        let route = self.route.clone();
        match route.action() {
            Action::Try(plan) => {
                // A page does not ring: staggered targets are tried at once.
                for timed in &plan.targets {
                    match &timed.target {
                        Target::Clients => self.send_to_clients(desk),
                        Target::User(uid) => self.send_to_user(desk, uid),
                        Target::Client(_) | Target::Inbox | Target::Voicemail | Target::Device(_) => {}
                    }
                }
                let patience = plan.ring_for.map_or(STAGE, |ring_for| ring_for.min(STAGE));
                let waits_for_user = plan.targets.iter().any(|timed| matches!(timed.target, Target::User(_)));
                self.wait(desk, if waits_for_user { OTHER_HALF } else { patience });
            }
            Action::Send => match route.to() {
                Who::User(uid) => {
                    self.send_to_user(desk, uid);
                    self.wait(desk, OTHER_HALF);
                }
                Who::Number(number) => {
                    self.asked += 1;
                    desk.orders.push(Order::FindNumber { page: self.key, number: Arc::clone(number) });
                    self.wait(desk, OTHER_HALF);
                }
                Who::Anonymous => self.finish(desk, 404),
            },
            // Back to one who has been asked before: this half closed the loop.
            Action::Forward(uid) if self.visited.contains(uid) => self.finish(desk, 482),
            Action::Forward(uid) => {
                self.send_to_user(desk, uid);
                self.wait(desk, OTHER_HALF);
            }
            Action::Decline => self.finish(desk, 603),
            Action::Busy => self.finish(desk, 486),
            Action::Refuse(_) => self.finish(desk, 403),
            // The sender is never told: to him it was delivered.
            Action::Ignore => self.finish(desk, 200),
        }
        self.settle(desk);
    }

    /// A phone has answered, or not at all.
    pub fn on_phone(&mut self, desk: &mut Desk<'_, '_>, client: Key, status: u16) {
        if status < 200 || !self.open.contains(&client) {
            return;
        }
        self.open.retain(|open| *open != client);
        self.on_status(desk, status);
    }

    /// Another half has answered.
    pub fn on_half(&mut self, desk: &mut Desk<'_, '_>, stage: u8, status: u16) {
        if stage == self.stage_number && self.asked > 0 {
            self.asked -= 1;
            self.on_status(desk, status);
        }
    }

    fn on_status(&mut self, desk: &mut Desk<'_, '_>, status: u16) {
        if self.over {
            return;
        }
        if status < 300 {
            return self.finish(desk, 200);
        }
        self.note(status);
        self.settle(desk);
    }

    /// It is known whose number it is: nobody's is 404.
    pub fn on_number(&mut self, desk: &mut Desk<'_, '_>, uid: Option<&Uid>) {
        self.asked = self.asked.saturating_sub(1);
        match uid {
            Some(uid) => self.send_to_user(desk, uid),
            None => self.note(404),
        }
        self.settle(desk);
    }

    /// Nobody has taken it in time.
    pub fn on_timer(&mut self, desk: &mut Desk<'_, '_>) {
        self.stage = None;
        self.come_back(desk, true);
    }

    fn settle(&mut self, desk: &mut Desk<'_, '_>) {
        if !self.over && self.open.is_empty() && self.asked == 0 {
            self.come_back(desk, false);
        }
    }

    fn come_back(&mut self, desk: &mut Desk<'_, '_>, timed_out: bool) {
        desk.ctx.disarm(&mut self.stage);
        let (outcome, status) = match self.best.take() {
            Some(best) => best,
            None if timed_out => (Outcome::NoAnswer, 480),
            None => (Outcome::Unreachable, own_status(Outcome::Unreachable)),
        };
        // What is still under way may arrive all the same: at least once.
        self.open.clear();
        self.asked = 0;
        self.stage_number = self.stage_number.wrapping_add(1);
        if self.route.follow(outcome) {
            return self.act(desk);
        }
        self.finish(desk, shown_status(status));
    }

    fn note(&mut self, status: u16) {
        let outcome = outcome_of(status);
        let order = |(outcome, status): (Outcome, u16)| (precedence(outcome), rank(status));
        if self.best.is_none_or(|best| order((outcome, status)) < order(best)) {
            self.best = Some((outcome, status));
        }
    }

    fn wait(&mut self, desk: &mut Desk<'_, '_>, patience: Duration) {
        if !(self.over || self.open.is_empty() && self.asked == 0) {
            self.stage = Some(desk.ctx.arm(patience, Wake::Page(self.key)));
        }
    }

    fn send_to_user(&mut self, desk: &mut Desk<'_, '_>, uid: &Uid) {
        if self.visited.contains(uid) || self.max_forwards == 0 {
            return self.note(480);
        }
        self.asked += 1;
        let mut visited = self.visited.clone();
        visited.push(uid.clone());
        let opening = PageOpening {
            id: Arc::clone(&self.id),
            sender: self.sender.clone(),
            passage: self.passage.clone(),
            max_forwards: self.max_forwards - 1,
            visited,
        };
        let from = PageEnd { server: desk.server, page: self.key, stage: self.stage_number };
        desk.orders.push(Order::Invite(PageInvitation { from, recipient: uid.clone(), opening }));
    }

    fn send_to_clients(&mut self, desk: &mut Desk<'_, '_>) {
        let owner = desk.owner;
        let now = desk.ctx.at();
        for binding in owner.clients(now, None) {
            let client = self.send_to(desk, binding);
            self.open.push(client);
        }
    }

    fn send_to(&self, desk: &mut Desk<'_, '_>, binding: &Binding) -> Key {
        let tag = Token::mint(desk.server, self.key, desk.ctx.rng);
        let call_id = format!("{:016x}{:016x}", desk.ctx.rng.draw(), desk.ctx.rng.draw());
        let to =
            Face { name: None, user: self.owner.user().to_owned(), host: self.owner.cluster().to_owned() };
        let (from, to) = (self.sender.face.header(Some(&tag)), to.header(None));
        let headers = |writer: &mut Writer| {
            if !binding.stored.path.is_empty() {
                writer.header(Name::Route, binding.stored.path.as_bytes());
            }
            writer.number(Name::MaxForwards, u64::from(self.max_forwards));
            writer.header(Name::From, &from);
            writer.header(Name::To, &to);
            writer.header(Name::CallId, call_id.as_bytes());
            writer.header(Name::CSeq, b"1 MESSAGE");
            self.passage.write(writer);
        };
        let draft = Draft {
            method: Method::Message,
            name: b"MESSAGE",
            uri: binding.stored.contact.as_bytes(),
            headers: &headers,
            body: self.passage.body(),
        };
        desk.transactions.request(desk.ctx, Owner::Page(self.key), binding.flow, &draft)
    }

    fn finish(&mut self, desk: &mut Desk<'_, '_>, status: u16) {
        self.over = true;
        desk.ctx.disarm(&mut self.stage);
        match &self.upstream {
            Upstream::Phone(asked) => {
                let tag = Token::mint(desk.server, self.key, desk.ctx.rng);
                let mut writer = asked.answer(status, tag.as_bytes());
                write_required(status, &mut writer);
                desk.transactions.respond(desk.ctx, asked.key, status, writer.finish(b""));
            }
            Upstream::Half(end) => desk.orders.push(Order::Reply { to: *end, status }),
        }
        let record = Arc::new(self.record(desk.ctx.now, status));
        desk.ctx.store(StoreOp::PutPage(Arc::clone(&record)));
        desk.ctx.fact(Fact::Page(record));
        desk.orders.push(Order::Over(self.key));
    }

    fn record(&self, now: Now, status: u16) -> PageRecord {
        PageRecord {
            id: self.id.to_string(),
            direction: self.direction.as_str(),
            owner: self.owner.clone(),
            sender: self.route.caller().to_string(),
            recipient: self.route.to().to_string(),
            at_ms: now.wall_ms,
            status,
            rule: self.route.rule(),
            path: self.route.path(),
        }
    }
}
