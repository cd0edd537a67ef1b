//! A round: what waits in a user's inbox is brought to his clients, the oldest first.
//!
//! ```text
//!   Loading ──pages──▶ Offered ──the first 2xx──▶ Taken ──stored, the others had a moment──▶ the next
//!      │                  │  refused for good: it stays, the next
//!      │                  └──nobody there──▶ (gone), until somebody registers
//!      └──no more──▶ (gone)
//! ```
//!
//! There is one round for a user at a time. It begins when one of his clients registers (or renews),
//! when his record is loaded and a client of his can be reached, and when a client takes another page
//! all of a sudden. Each page goes to all clients at once and is marked in the store when the first
//! has taken it; only then comes the next, so that they come in order and, whatever fails, at least
//! once. The other clients have half a second more; one that is slower has a request of ours
//! pending, so it is sent nothing until it has answered (RFC 3428 §8).
//!
//! A page whose time is over (Expires) is marked like one that was taken, and nobody is sent it.
//!
//! A page that a client refuses stays in the inbox and is offered again at the next registration;
//! those behind it are not held up. A client that takes no pages at all is sent no more of them.
//!
//! Implements: RFC 3428 §7, §8.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{At, Key, TimerId, Uid};
use crate::device::Kept;
use crate::effect::{Fact, Flow, StoreOp, StoreOutcome, Wake};
use crate::registrar::{Binding, Flowing, User};
use crate::routing::Status;
use crate::transaction::Owner;

use super::desk::{Desk, Left, Order};
use super::letter::Letter;
use super::verdict::{About, about};

/// How long clients have to take a page before what waits behind it goes on.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the slower clients have when the first has taken it.
const MOMENT: Duration = Duration::from_millis(500);
/// A client that has been silent for so long and registers is sent the page anew: it may have been
/// switched off when it was sent, and the next repeat is far.
const STALE: Duration = Duration::from_millis(500);
/// Max-Forwards of a request of our own.
const MAX_FORWARDS: u8 = 70;

/// A round.
#[derive(Debug)]
pub struct Round {
    key: Key,
    uid: Uid,
    state: State,
    /// Loaded and not offered yet, oldest first.
    queue: VecDeque<Kept>,
    /// Requests that are not answered, of this page and of earlier ones.
    open: SmallVec<[Sent; 2]>,
    /// Clients that take no pages.
    unable: SmallVec<[String; 1]>,
    /// Pages that were refused in this round.
    skipped: Vec<i64>,
    /// Pages that a client has taken outside of this round.
    taken: Vec<Arc<str>>,
    /// Whether a page has come since the store was asked.
    stirred: bool,
    /// New pages that wait for their turn.
    behind: Vec<Key>,
    timer: Option<TimerId>,
}

#[derive(Debug)]
enum State {
    /// The store was asked for the oldest.
    Loading,
    /// The clients have been sent it.
    Offered {
        page: Kept,
        /// What a client said who will never take it.
        refused: Option<u16>,
        /// Whether the clients have had their time.
        is_late: bool,
    },
    /// A client has taken it, and the store is told.
    Taken { page: Kept, is_marked: bool },
}

/// A request to a client.
#[derive(Debug)]
struct Sent {
    client: Key,
    serial: i64,
    to: Flowing,
    flow: Flow,
    at: At,
}

impl Round {
    /// A round for a user.
    pub fn new(key: Key, uid: Uid) -> Self {
        Self {
            key,
            uid,
            state: State::Loading,
            queue: VecDeque::new(),
            open: SmallVec::new(),
            unable: SmallVec::new(),
            skipped: Vec::new(),
            taken: Vec::new(),
            stirred: false,
            behind: Vec::new(),
            timer: None,
        }
    }

    /// Whose round it is.
    pub fn owner(&self) -> &Uid {
        &self.uid
    }

    /// Whether new pages are to wait for older ones: not when the clients are silent, for then
    /// nothing is on its way.
    pub fn holds_back(&self) -> bool {
        !matches!(self.state, State::Offered { is_late: true, .. })
    }

    /// Begins.
    pub fn begin(&mut self, desk: &mut Desk<'_, '_>) {
        self.load(desk);
    }

    /// A new page waits for its turn.
    pub fn queue(&mut self, page: Key) {
        self.behind.push(page);
    }

    /// A page has come into the inbox.
    pub fn on_waiting(&mut self) {
        self.stirred = true;
    }

    /// A client has taken a page that is in the inbox, from elsewhere.
    pub fn on_taken(&mut self, desk: &mut Desk<'_, '_>, id: &Arc<str>) {
        match &self.state {
            State::Offered { page, .. } if *page.id == **id => self.mark(desk),
            State::Taken { page, .. } if *page.id == **id => {}
            State::Loading | State::Offered { .. } | State::Taken { .. } => self.taken.push(Arc::clone(id)),
        }
    }

    /// These clients have registered: they are offered the page too, and whatever
    /// they refused is forgotten.
    pub fn on_registered(&mut self, desk: &mut Desk<'_, '_>, clients: &[String]) {
        self.unable.retain(|unable| !clients.contains(unable));
        if let State::Offered { .. } = self.state {
            let now = desk.ctx.at();
            let is_of = |client: &str| clients.iter().any(|own| own == client);
            let stale = |sent: &Sent| is_of(&sent.to.client) && now.since(sent.at) >= STALE;
            for sent in self.open.iter().filter(|sent| stale(sent)) {
                desk.transactions.abandon(desk.ctx, sent.client);
            }
            self.open.retain(|sent| !stale(sent));
            self.offer(desk, |binding| is_of(binding.client()));
            self.settle(desk);
        }
    }

    /// By which binding a request went to a client, and when.
    pub fn binding_of(&self, client: Key) -> Option<(&str, At)> {
        let sent = self.open.iter().find(|sent| sent.client == client)?;
        Some((&sent.to.binding, sent.at))
    }

    /// A client has answered, or not at all.
    pub fn on_phone(&mut self, desk: &mut Desk<'_, '_>, client: Key, status: u16) {
        if status < 200 {
            return;
        }
        let Some(at) = self.open.iter().position(|sent| sent.client == client) else { return };
        let sent = self.open.remove(at);
        if status < 300 {
            return self.on_accepted(desk, sent.serial);
        }
        match (about(status), &mut self.state) {
            (About::Phone, _) => self.unable.push(sent.to.client.into()),
            (About::Page, State::Offered { page, refused, .. }) if page.serial == sent.serial => {
                *refused = Some(status);
            }
            (About::Page | About::Now, _) => {}
        }
        self.settle(desk);
    }

    fn on_accepted(&mut self, desk: &mut Desk<'_, '_>, serial: i64) {
        match &self.state {
            State::Offered { page, .. } if page.serial == serial => self.mark(desk),
            State::Taken { .. } => self.settle(desk),
            State::Loading | State::Offered { .. } => {}
        }
        // One that was silent for long takes what others have refused.
        if let Some(at) = self.skipped.iter().position(|skipped| *skipped == serial) {
            self.skipped.swap_remove(at);
            desk.ctx.store(StoreOp::Delivered { uid: self.uid.clone(), serial });
        }
    }

    /// The store has answered.
    pub fn on_stored(&mut self, desk: &mut Desk<'_, '_>, outcome: StoreOutcome) {
        match (&mut self.state, outcome) {
            (State::Loading, StoreOutcome::Inbox(pages)) => {
                let fresh = pages.into_iter().filter(|page| !self.skipped.contains(&page.serial));
                self.queue.extend(fresh.map(Kept::of));
                self.next(desk);
            }
            (State::Taken { page, is_marked }, StoreOutcome::Saved) => {
                *is_marked = true;
                if !page.is_over(desk.ctx.now.wall_ms) {
                    desk.ctx.fact(Fact::InboxDelivered {
                        id: page.id.clone(),
                        uid: self.uid.clone(),
                        sender: page.sender.clone(),
                    });
                }
                self.settle(desk);
            }
            // It could not be read, or not be marked: then it comes once more, another time.
            (State::Loading | State::Taken { .. }, _) => self.end(desk, Left::Pages),
            (State::Offered { .. }, _) => {}
        }
    }

    /// The clients have had their time.
    pub fn on_timer(&mut self, desk: &mut Desk<'_, '_>) {
        self.timer = None;
        match &mut self.state {
            State::Offered { is_late, .. } => {
                *is_late = true;
                self.release(desk);
            }
            State::Loading | State::Taken { .. } => {}
        }
        self.settle(desk);
    }

    /// Goes on if there is nothing to wait for.
    fn settle(&mut self, desk: &mut Desk<'_, '_>) {
        match &self.state {
            State::Offered { page, refused, is_late } => {
                let is_open = self.open.iter().any(|sent| sent.serial == page.serial);
                match refused {
                    Some(status) if !is_open || *is_late => self.skip(desk, *status),
                    None if !is_open => self.end(desk, Left::Pages),
                    Some(_) | None => {}
                }
            }
            State::Taken { page, is_marked: true } => {
                let is_open = self.open.iter().any(|sent| sent.serial == page.serial);
                if !is_open || self.timer.is_none() {
                    self.next(desk);
                }
            }
            State::Loading | State::Taken { .. } => {}
        }
    }

    fn load(&mut self, desk: &mut Desk<'_, '_>) {
        self.state = State::Loading;
        self.stirred = false;
        let skipped = u32::try_from(self.skipped.len()).unwrap_or(u32::MAX);
        let held = desk.owner.status(desk.ctx.at()) == Status::Available;
        let limit = u32::from(desk.ctx.settings.limits.inbox_held.max(1)).saturating_add(skipped);
        let ticket = desk.ctx.store(StoreOp::LoadInbox { uid: self.uid.clone(), limit, held });
        desk.orders.push(Order::TellRound { round: self.key, ticket });
    }

    /// The next page, if there is one.
    fn next(&mut self, desk: &mut Desk<'_, '_>) {
        desk.ctx.disarm(&mut self.timer);
        let loaded = matches!(self.state, State::Loading);
        let Some(page) = self.queue.pop_front() else {
            let left = if self.skipped.is_empty() { Left::Nothing } else { Left::Refused };
            // What has just been loaded in vain was all, if nothing came meanwhile.
            return if loaded && !self.stirred { self.end(desk, left) } else { self.load(desk) };
        };
        // What means nothing any more is let go unread.
        let is_done =
            self.taken.iter().any(|taken| **taken == *page.id) || page.is_over(desk.ctx.now.wall_ms);
        // A page by `sips:` waits for a client that can be reached so, and holds up no other.
        let (owner, now) = (desk.owner, desk.ctx.at());
        let waits =
            owner.bindings.any(now) && !owner.clients(now, None, |_| true).any(|one| one.takes(page.sips));
        self.state = State::Offered { page, refused: waits.then_some(480), is_late: false };
        if is_done {
            return self.mark(desk);
        }
        self.offer(desk, |_| true);
        self.timer = Some(desk.ctx.arm(PATIENCE, Wake::Round(self.key)));
        self.settle(desk);
    }

    /// Sends the page to every such client that has no request of ours to answer.
    fn offer(&mut self, desk: &mut Desk<'_, '_>, to: impl Fn(&Binding) -> bool) {
        let State::Offered { page, .. } = &self.state else { return };
        let letter = Letter {
            from: &page.from,
            to: &self.uid,
            sips: page.sips,
            max_forwards: MAX_FORWARDS,
            date: Some(page.stored_ms),
            passage: &page.passage,
        };
        let (owner, now) = (desk.owner, desk.ctx.at());
        for binding in owner.clients(now, None, |one| one.takes(page.sips)).filter(|one| to(one)) {
            let is_unable = self.unable.iter().any(|client| client == binding.client());
            // What waits in the inbox comes when it registers.
            let sleeps = binding.sleeps(now, &desk.ctx.settings.limits);
            if sleeps || is_unable || self.open.iter().any(|sent| sent.is_to(owner, binding)) {
                continue;
            }
            let from = (desk.server, Owner::Round(self.key));
            let client = letter.send(desk.ctx, desk.transactions, from, binding);
            let (serial, flow) = (page.serial, binding.flow);
            self.open.push(Sent { client, serial, to: binding.flowing(), flow, at: now });
        }
    }

    /// A client has the page: the store is told.
    fn mark(&mut self, desk: &mut Desk<'_, '_>) {
        let State::Offered { page, .. } = std::mem::replace(&mut self.state, State::Loading) else { return };
        desk.ctx.disarm(&mut self.timer);
        self.timer = Some(desk.ctx.arm(MOMENT, Wake::Round(self.key)));
        let op = StoreOp::Delivered { uid: self.uid.clone(), serial: page.serial };
        let ticket = desk.ctx.store(op);
        desk.orders.push(Order::TellRound { round: self.key, ticket });
        self.state = State::Taken { page, is_marked: false };
    }

    /// No client will take it: it stays, and the next one is offered.
    fn skip(&mut self, desk: &mut Desk<'_, '_>, status: u16) {
        if let State::Offered { page, .. } = &self.state {
            self.skipped.push(page.serial);
            desk.ctx.fact(Fact::InboxRefused {
                id: page.id.clone(),
                uid: self.uid.clone(),
                sender: page.sender.clone(),
                status,
            });
        }
        if self.skipped.len() >= usize::from(desk.ctx.settings.limits.inbox_refused) {
            return self.end(desk, Left::Refused);
        }
        self.next(desk);
    }

    fn end(&mut self, desk: &mut Desk<'_, '_>, left: Left) {
        desk.ctx.disarm(&mut self.timer);
        self.release(desk);
        desk.orders.push(Order::RoundOver { round: self.key, uid: self.uid.clone(), left });
    }

    /// What waited behind goes on.
    fn release(&mut self, desk: &mut Desk<'_, '_>) {
        if !self.behind.is_empty() {
            desk.orders.push(Order::Turns(std::mem::take(&mut self.behind)));
        }
    }
}

impl Sent {
    /// Whether it is on its way to this client, by a flow that is still his.
    fn is_to(&self, owner: &User, binding: &Binding) -> bool {
        let own = owner.bindings.get(&self.to.binding);
        *self.to.client == *binding.client() && own.is_some_and(|own| own.flow == self.flow)
    }
}
