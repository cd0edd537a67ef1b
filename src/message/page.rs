//! One half of a page.
//!
//! ```text
//!   Asking ──the first 2xx, or the inbox has it──▶ (answer)   the one who asks is told 200 or 202
//!     │  every refusal, the stage's end: the tree says what is next
//!     └──the tree has no more──▶ (answer)                     the one who asks is told why
//!
//!   (answer) ──the owner's inbox is to have a copy──▶ Copying ──the store's word──▶ Answered
//!      └────────────────────────────────────────────────────────────────────────────▶ Answered
//!   Answered ──nobody can take it any more──▶ (gone)
//! ```
//!
//! Phones that did not answer in their stage may still do so: a page is delivered at least once. One
//! that does before the answer has left takes the page; one that does when the page is in the inbox
//! takes it out of there.
//!
//! Implements: RFC 3428 §5, §7, §8.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{At, Key, Now, TimerId, Token, Uid};
use crate::device::{Delivery, DeliveryEvent, Handler, Inbox, Keep, Origin, Step, may_be_kept};
use crate::effect::fact::PageRecord;
use crate::effect::{Ctx, Fact, StoreOp, StoreOutcome, Wake};
use crate::leg::{Passage, outcome_of, own_status, precedence, rank, sips_warning};
use crate::registrar::{Caller, Only};
use crate::routing::{Direction, Outcome, Route};
use crate::sip::Name;

use super::abroad::Errand;
use super::desk::{Desk, Order};
use super::flows::Sent;
use super::parties::{HalfReply, PageOpening, Upstream};
use super::verdict::{verdict, write_required};

/// One half of a page.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Page {
    pub(super) key: Key,
    pub(super) id: Arc<str>,
    pub(super) direction: Direction,
    pub(super) owner: Uid,
    pub(super) sender: Caller,
    pub(super) origin: Origin,
    pub(super) route: Route,
    pub(super) upstream: Upstream,
    pub(super) passage: Passage,
    /// The one client of the recipient's that is meant (RFC 5627).
    pub(super) only: Option<Only>,
    /// Whether it may wait for whom it does not reach, as far as its sender's share goes.
    pub(super) may_wait: bool,
    pub(super) max_forwards: u8,
    /// How many further halves there may be, now and at first.
    pub(super) halves: (u16, u16),
    pub(super) visited: SmallVec<[Uid; 2]>,
    pub(super) state: State,
    /// How the stage before came out.
    earlier: Option<(Outcome, u16)>,
    /// Requests of earlier stages that are not answered.
    late: SmallVec<[Key; 2]>,
    /// Those of them, and of this stage's, that went to other clusters.
    pub(super) errands: Vec<Errand>,
    /// Those that went to the owner's phones, answered or not.
    pub(super) sent: SmallVec<[Sent; 1]>,
    /// Whether the owner's inbox is to have a copy.
    pub(super) copy_wanted: bool,
    /// Whether it was sent by `sips:`, and somebody is reached, but not over TLS all the way (RFC 5630 §5.3).
    pub(super) no_sips: bool,
    /// Whether it waits in the owner's inbox.
    is_kept: bool,
    began: At,
}

/// Where a half stands.
#[derive(Debug)]
pub(super) enum State {
    /// The tree's targets are asked.
    Asking(Stage),
    /// What is to be answered is known; the owner's inbox is given its copy before.
    Copying(Answer),
    /// The one who asked has his answer.
    Answered {
        /// Whether the inbox may have it yet: a phone was faster.
        filing: bool,
    },
}

/// The targets that are tried together.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// Which: it wraps, for no tree is so deep.
    pub(super) number: u8,
    /// Requests to phones that are not answered.
    pub(super) open: SmallVec<[Key; 2]>,
    /// Look-ups and other halves that have not come back.
    pub(super) asked: u8,
    /// How many halves each of those may come to.
    pub(super) share: u16,
    /// Whether the inbox was asked and has not answered.
    pub(super) filing: bool,
    /// How often the outbox was asked and has not answered.
    pub(super) keeping: u8,
    /// Clients whose phones are being woken.
    pub(super) waking: SmallVec<[Box<str>; 1]>,
    /// Clients that wait until older pages are through: all, or the one of that name.
    pub(super) held: SmallVec<[Option<Arc<str>>; 1]>,
    /// Whether there was a target that somebody takes pages for.
    pub(super) tried: bool,
    /// The best refusal.
    pub(super) best: Option<(Outcome, u16)>,
    /// How long it may last.
    pub(super) patience: Duration,
    pub(super) timer: Option<TimerId>,
    /// Whether it has lasted so long.
    timed_out: bool,
}

/// What the one who asks is told, and who took the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    status: u16,
    how: &'static str,
}

impl Stage {
    /// Whether nobody is left who could take the page.
    fn is_idle(&self) -> bool {
        self.open.is_empty() && self.asked == 0 && self.held.is_empty() && self.waking.is_empty()
    }
}

impl Page {
    /// A half that is about to begin.
    pub fn new(
        key: Key,
        opening: PageOpening,
        (direction, owner, route): (Direction, Uid, Route),
        upstream: Upstream,
        now: Now,
    ) -> Self {
        Self {
            key,
            id: opening.id,
            direction,
            owner,
            sender: opening.sender,
            origin: opening.origin,
            route,
            upstream,
            passage: opening.passage,
            only: opening.only,
            may_wait: opening.may_wait,
            max_forwards: opening.max_forwards,
            halves: (opening.halves, opening.halves),
            visited: opening.visited,
            state: State::Asking(Stage::default()),
            earlier: None,
            late: SmallVec::new(),
            errands: Vec::new(),
            sent: SmallVec::new(),
            copy_wanted: false,
            no_sips: false,
            is_kept: false,
            began: now.at,
        }
    }

    /// Whose half it is.
    pub fn owner(&self) -> &Uid {
        &self.owner
    }

    /// A phone has answered, or not at all; `no_flow`: it was not reached.
    pub fn on_phone(&mut self, desk: &mut Desk<'_, '_>, client: Key, (status, no_flow): (u16, bool)) {
        if status < 200 || self.on_cluster(desk, client, status) {
            return;
        }
        let known = self.stage().is_some_and(|stage| forget(&mut stage.open, client));
        if !known && !forget(&mut self.late, client) {
            return;
        }
        match (&mut self.state, status) {
            (State::Asking(_), ..300) => self.finish(desk, 200, "client"),
            (State::Asking(_), _) if known => {
                if no_flow && self.send_by_other_flow(desk, client) {
                    return;
                }
                self.note(verdict(status, &self.passage));
                self.settle(desk);
            }
            (State::Asking(_), _) => {}
            (State::Copying(answer), ..300) => *answer = Answer { status: 200, how: "client" },
            (State::Copying(_), _) => {}
            (State::Answered { .. }, _) => {
                if status < 300 && self.is_kept {
                    self.tell_taken(desk);
                }
                self.leave(desk);
            }
        }
        if status < 300 && desk.owner.waiting && !desk.owner.refused {
            desk.orders.push(Order::Answers(self.owner.clone()));
        }
    }

    /// Whoever answers says that he is not reached by `sips:`.
    pub fn on_no_sips(&mut self) {
        self.no_sips = true;
    }

    /// Another half has answered.
    pub fn on_half(&mut self, desk: &mut Desk<'_, '_>, number: u8, reply: HalfReply) {
        let HalfReply { status, spent, no_sips } = reply;
        let State::Asking(stage) = &mut self.state else { return };
        self.no_sips |= no_sips;
        let current = stage.number == number && stage.asked > 0;
        if current {
            stage.asked -= 1;
            // What it had no use for others may have.
            self.halves.0 += stage.share.saturating_sub(spent);
        }
        match (status, current) {
            (..300, _) => self.finish(desk, status, "user"),
            (_, true) => {
                self.note((outcome_of(status), status));
                self.settle(desk);
            }
            (_, false) => {}
        }
    }

    /// It is known whose number it is: nobody's is 404.
    pub fn on_number(&mut self, desk: &mut Desk<'_, '_>, uid: Option<&Uid>) {
        let State::Asking(stage) = &mut self.state else { return };
        stage.asked = stage.asked.saturating_sub(1);
        match uid {
            Some(uid) => self.send_to_user(desk, uid),
            None => self.note((outcome_of(404), 404)),
        }
        self.settle(desk);
    }

    /// The inbox has it, or has not.
    pub fn on_stored(&mut self, desk: &mut Desk<'_, '_>, outcome: &StoreOutcome) {
        let event = Inbox.on_stored(outcome);
        match &mut self.state {
            State::Asking(stage) => {
                stage.filing = false;
                self.on_device(desk, event);
                self.settle(desk);
            }
            // A copy never changes the outcome.
            State::Copying(answer) => {
                let answer = *answer;
                self.answer(desk, answer);
            }
            State::Answered { filing } => {
                *filing = false;
                if event == DeliveryEvent::Accepted {
                    self.waits(desk);
                    self.tell_taken(desk);
                }
                self.leave(desk);
            }
        }
    }

    /// The owner's clients have had what is older.
    pub fn on_turn(&mut self, desk: &mut Desk<'_, '_>) {
        let State::Asking(stage) = &mut self.state else { return };
        let held = std::mem::take(&mut stage.held);
        if held.is_empty() {
            return;
        }
        desk.ctx.disarm(&mut stage.timer);
        for name in held {
            self.send_to_clients(desk, name.as_ref());
        }
        self.wait(desk);
        self.settle(desk);
    }

    /// Nobody has taken it in time.
    pub fn on_timer(&mut self, desk: &mut Desk<'_, '_>) {
        let Some(stage) = self.stage() else { return };
        stage.timer = None;
        stage.timed_out = true;
        stage.held.clear();
        self.keep_unanswered(desk);
        let Some(stage) = self.stage() else { return };
        // The store always answers: he whose page it then has must not hear otherwise.
        if !stage.filing && stage.keeping == 0 {
            self.come_back(desk);
        }
    }

    pub(super) fn on_device(&mut self, desk: &mut Desk<'_, '_>, event: DeliveryEvent) {
        match event {
            DeliveryEvent::Accepted => {
                self.waits(desk);
                self.finish(desk, 202, "inbox");
            }
            DeliveryEvent::Delivered => self.finish(desk, 200, "device"),
            DeliveryEvent::FailedForNow(status) | DeliveryEvent::FailedForGood(status) => {
                self.note((Outcome::Failed, status));
            }
        }
    }

    /// Goes on if nobody is left who could take it.
    pub(super) fn settle(&mut self, desk: &mut Desk<'_, '_>) {
        let Some(stage) = self.stage() else { return };
        let idle = stage.is_idle();
        if !stage.filing && stage.keeping == 0 && (idle || stage.timed_out) {
            self.come_back(desk);
        }
    }

    fn come_back(&mut self, desk: &mut Desk<'_, '_>) {
        let Some(stage) = self.stage() else { return };
        let mut stage = std::mem::take(stage);
        desk.ctx.disarm(&mut stage.timer);
        if stage.timed_out {
            note(&mut stage.best, (Outcome::NoAnswer, own_status(Outcome::NoAnswer)));
        }
        let nothing = (Outcome::Unreachable, own_status(Outcome::Unreachable));
        // Where nobody takes pages, what came before stands.
        let earlier = self.earlier.filter(|_| !stage.tried);
        let said = stage.best.or(earlier).unwrap_or(nothing);
        self.earlier = Some(said);
        self.late.append(&mut stage.open);
        let number = stage.number.wrapping_add(1);
        self.state = State::Asking(Stage { number, ..Stage::default() });
        if self.route.follow(said.0) {
            return self.act(desk);
        }
        self.finish(desk, said.1, "");
    }

    pub(super) fn note(&mut self, said: (Outcome, u16)) {
        if let Some(stage) = self.stage() {
            note(&mut stage.best, said);
        }
    }

    /// It is known what the one who asks is to be told.
    pub(super) fn finish(&mut self, desk: &mut Desk<'_, '_>, status: u16, how: &'static str) {
        let State::Asking(stage) = &mut self.state else { return };
        desk.ctx.disarm(&mut stage.timer);
        self.late.append(&mut stage.open);
        let (filing, answer) = (stage.filing, Answer { status, how });
        if self.copy_wanted && !self.is_kept && !filing {
            self.state = State::Copying(answer);
            match self.give_to_inbox(desk, Keep::Copy) {
                Step::Asked(_) => return,
                Step::Done(_) => {}
            }
        }
        self.state = State::Answered { filing };
        self.answer(desk, answer);
    }

    fn answer(&mut self, desk: &mut Desk<'_, '_>, answer: Answer) {
        if let State::Copying(_) = self.state {
            self.state = State::Answered { filing: false };
        }
        let record = Arc::new(self.record(desk.ctx, answer));
        desk.ctx.keep(StoreOp::PutPage(Arc::clone(&record)));
        desk.ctx.fact(Fact::Page(record));
        let status = answer.status;
        match &self.upstream {
            Upstream::Phone(asked) => {
                if status == 202 && self.direction == Direction::Outgoing {
                    desk.orders.push(Order::Kept(self.owner.clone()));
                }
                let tag = Token::mint(desk.server, self.key, desk.ctx.rng);
                let mut writer = asked.answer(status, tag.as_bytes());
                write_required(status, &mut writer);
                if self.no_sips && status == 480 {
                    writer.header(Name::Warning, sips_warning(self.owner.cluster()).as_bytes());
                }
                desk.transactions.respond(desk.ctx, asked.key, status, writer.finish(b""));
            }
            Upstream::Half(end) => {
                let spent = self.halves.1.saturating_sub(self.halves.0).saturating_add(1);
                let no_sips = self.no_sips && status == 480;
                desk.orders.push(Order::Reply(*end, HalfReply { status, spent, no_sips }));
            }
            Upstream::Nobody => {}
        }
        self.leave(desk);
    }

    /// Lets itself go when it was answered and no phone can take it out of the inbox any more.
    fn leave(&self, desk: &mut Desk<'_, '_>) {
        let State::Answered { filing } = self.state else { return };
        let may_leave_inbox = self.is_kept && !self.late.is_empty();
        if !filing && !may_leave_inbox {
            desk.orders.push(Order::Over(self.key));
        }
    }

    /// Gives it to the owner's inbox, which says so at once or is to be waited for.
    pub(super) fn give_to_inbox(&self, desk: &mut Desk<'_, '_>, keep: Keep) -> Step {
        if keep != Keep::Copy && !self.may_be_kept() {
            return Step::Done(DeliveryEvent::FailedForGood(480));
        }
        let delivery = Delivery {
            id: &self.id,
            uid: &self.owner,
            sender: &self.route.caller().to_string(),
            face: &self.sender.face,
            origin: &self.origin,
            passage: &self.passage,
            keep,
        };
        let step = Inbox.take(desk.ctx, &delivery);
        if let Step::Asked(ticket) = step {
            desk.orders.push(Order::TellPage { page: self.key, ticket });
        }
        step
    }

    /// Whether it may wait for anybody.
    pub(super) fn may_be_kept(&self) -> bool {
        self.may_wait && may_be_kept(&self.passage)
    }

    /// It is in the owner's inbox.
    fn waits(&mut self, desk: &mut Desk<'_, '_>) {
        self.is_kept = true;
        desk.orders.push(Order::Waits { uid: self.owner.clone(), since: self.began });
    }

    fn tell_taken(&mut self, desk: &mut Desk<'_, '_>) {
        self.late.clear();
        desk.orders.push(Order::Taken { uid: self.owner.clone(), id: Arc::clone(&self.id) });
    }

    /// Arms the timer of the stage, if there is something to wait for.
    pub(super) fn wait(&mut self, desk: &mut Desk<'_, '_>) {
        let key = self.key;
        let Some(stage) = self.stage() else { return };
        if !stage.is_idle() {
            stage.timer = Some(desk.ctx.arm(stage.patience, Wake::Page(key)));
        }
    }

    pub(super) fn stage(&mut self) -> Option<&mut Stage> {
        match &mut self.state {
            State::Asking(stage) => Some(stage),
            State::Copying(_) | State::Answered { .. } => None,
        }
    }

    /// Requests that are not answered, of this stage and of earlier ones.
    pub(super) fn open_requests(&mut self) -> impl Iterator<Item = &mut Key> {
        let open = match &mut self.state {
            State::Asking(stage) => stage.open.as_mut_slice(),
            State::Copying(_) | State::Answered { .. } => &mut [],
        };
        open.iter_mut().chain(&mut self.late)
    }

    pub(super) fn record_of(&self, ctx: &Ctx<'_>, status: u16, how: &'static str) -> PageRecord {
        self.record(ctx, Answer { status, how })
    }

    fn record(&self, ctx: &Ctx<'_>, Answer { status, how }: Answer) -> PageRecord {
        PageRecord {
            id: self.id.to_string(),
            direction: self.direction.as_str(),
            owner: self.owner.clone(),
            sender: self.route.caller().to_string(),
            recipient: self.route.to().to_string(),
            at_ms: ctx.now.wall_ms,
            status,
            how,
            rule: self.route.rule(),
            path: self.route.path(),
            question: self.route.recorded_text(),
        }
    }
}

fn note(best: &mut Option<(Outcome, u16)>, said: (Outcome, u16)) {
    let order = |(outcome, status): (Outcome, u16)| (precedence(outcome), rank(status));
    if best.is_none_or(|best| order(said) < order(best)) {
        *best = Some(said);
    }
}

fn forget(list: &mut SmallVec<[Key; 2]>, client: Key) -> bool {
    let before = list.len();
    list.retain(|open| *open != client);
    list.len() < before
}
