//! The pages that wait for one other cluster.
//!
//! ```text
//!   Resting ──peer up, page stored, time──▶ Loading ──▶ Sending ──all settled──▶ Loading
//!      ▲                                       │ nothing is due         │ a write failed
//!      └───────────────────────────────────────┴────────────────────────┘
//! ```
//!
//! A page is settled when the other cluster has taken it, has refused it for good, or the page is too
//! old; that its recipient cannot be reached now (480) is not for good; until then it stays in the store and is tried at growing intervals, and at once when the
//! cluster comes back. The oldest goes first, and to one recipient one after the other. Nothing is
//! loaded before everything that was loaded is settled in the store, so that no page is sent twice
//! for want of a look.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Key, PeerId, TimerId};
use crate::effect::store::OutboxPage;
use crate::effect::wake::PeerTimer;
use crate::effect::{Ctx, Fact, StoreOp, StoreOutcome, Ticket, Wake};
use crate::transaction::{Owner, Transactions};

use super::book::{Peers, Way};
use super::page::send_page;
use super::watch::Health;

/// Pages that are loaded at once.
const BATCH: u32 = 64;
/// Pages under way at once.
const FLYING: usize = 16;
/// How often the outbox of a cluster is looked at for pages that have become too old.
const LOOK: Duration = Duration::from_secs(600);
/// How long nothing is tried when the store does not write: without it every page would go again.
const PAUSE: Duration = Duration::from_secs(60);
/// The first interval between two tries; it doubles with each.
const FIRST_INTERVAL_S: u64 = 30;

/// The outbox of one peer, as far as it is under way.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Loaded, and not yet sent.
    waiting: VecDeque<Arc<OutboxPage>>,
    /// Sent, and not yet answered.
    flying: Vec<(Key, Arc<OutboxPage>)>,
    /// Writes and reads of the store that are not answered.
    asked: Vec<Ticket>,
    /// A page was stored, or the peer came up, while all this went on.
    again: bool,
    /// The peer has come up: everything is tried once, due or not, and this is the last that was.
    sweep: Option<i64>,
    /// What is being loaded is part of that.
    sweeping: bool,
    /// A write has failed: a pause is due.
    stuck: bool,
    pub(super) timer: Option<TimerId>,
}

impl Outbox {
    fn is_resting(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_empty() && self.asked.is_empty()
    }

    /// The cluster is not configured any more: what waits stays in the store.
    pub(super) fn rest(&mut self, ctx: &mut Ctx<'_>) {
        self.waiting.clear();
        ctx.disarm(&mut self.timer);
    }
}

impl Peers {
    /// There may be something to send, or to give up.
    pub(super) fn wake_outbox(&mut self, ctx: &mut Ctx<'_>, id: PeerId) {
        let Some(entry) = self.entry(id) else { return };
        let (resting, health, cid) = (entry.outbox.is_resting(), entry.watch.health, entry.peer.cid.clone());
        let Some(entry) = self.entry_mut(id) else { return };
        if !resting {
            entry.outbox.again = true;
            return;
        }
        ctx.disarm(&mut entry.outbox.timer);
        entry.outbox.again = false;
        let now_ms = ctx.now.wall_ms;
        let oldest_ms = now_ms - i64::from(ctx.settings.limits.outbox_s) * 1000;
        entry.outbox.sweeping = health == Health::Up && entry.outbox.sweep.is_some();
        let (after, due_ms) = match (health, entry.outbox.sweep) {
            (Health::Up, Some(last)) => (last, i64::MAX),
            (Health::Up, None) => (0, now_ms),
            (Health::Unknown | Health::Suspect | Health::Down, _) => (0, i64::MIN),
        };
        let op = StoreOp::LoadOutbox { peer: cid, after, due_ms, stored_ms: oldest_ms, limit: BATCH };
        self.ask(ctx, id, op);
    }

    /// The peer has come up: what waits for it is tried at once.
    pub(super) fn sweep_outbox(&mut self, ctx: &mut Ctx<'_>, id: PeerId) {
        if let Some(entry) = self.entry_mut(id) {
            entry.outbox.sweep = Some(0);
        }
        self.wake_outbox(ctx, id);
    }

    /// The store has answered, perhaps something of ours.
    pub fn on_stored(
        &mut self,
        ctx: &mut Ctx<'_>,
        transactions: &mut Transactions,
        ticket: Ticket,
        outcome: StoreOutcome,
    ) {
        let Some(id) = self.asked.remove(&ticket) else { return };
        let Some(entry) = self.entry_mut(id) else { return };
        entry.outbox.asked.retain(|asked| *asked != ticket);
        match outcome {
            StoreOutcome::Outbox(pages, next_ms) => {
                let is_empty = pages.is_empty();
                if std::mem::take(&mut entry.outbox.sweeping) {
                    // To the end, and then by what is due.
                    entry.outbox.sweep = pages.last().map(|last| last.serial);
                    entry.outbox.again |= is_empty;
                }
                entry.outbox.waiting.extend(pages.into_iter().map(Arc::new));
                if is_empty && !entry.outbox.again {
                    return self.rest_until(ctx, id, next_ms);
                }
            }
            StoreOutcome::Saved => {}
            StoreOutcome::User(_)
            | StoreOutcome::Due(_)
            | StoreOutcome::Imported(_)
            | StoreOutcome::Circles(_)
            | StoreOutcome::Number(_)
            | StoreOutcome::Inbox(_)
            | StoreOutcome::Full
            | StoreOutcome::Gone
            | StoreOutcome::Failed => entry.outbox.stuck = true,
        }
        self.send_waiting(ctx, transactions, id);
    }

    /// A try was answered, or failed.
    pub fn on_page_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        transactions: &mut Transactions,
        (id, client): (PeerId, Key),
        status: u16,
    ) {
        let Some(entry) = self.entry_mut(id) else { return };
        let flying = &mut entry.outbox.flying;
        let Some(at) = flying.iter().position(|(own, _)| *own == client).filter(|_| status >= 200) else {
            return;
        };
        let (_, page) = flying.swap_remove(at);
        match status {
            200..300 => self.settle(ctx, id, page, "delivered".to_owned()),
            // The sender was promised that it will be tried; the recipient's phones may come back.
            _ if is_passing(status) || status == 480 => self.defer(ctx, id, &page),
            _ => self.settle(ctx, id, page, format!("refused {status}")),
        }
        self.send_waiting(ctx, transactions, id);
    }

    /// A try was sent again, with a proof.
    pub fn on_page_resent(&mut self, id: PeerId, old: Key, new: Key) {
        let Some(entry) = self.entry_mut(id) else { return };
        if let Some((client, _)) = entry.outbox.flying.iter_mut().find(|(client, _)| *client == old) {
            *client = new;
        }
    }

    /// Sends what may be sent now; when all is done, looks for more.
    fn send_waiting(&mut self, ctx: &mut Ctx<'_>, transactions: &mut Transactions, id: PeerId) {
        let oldest_ms = ctx.now.wall_ms - i64::from(ctx.settings.limits.outbox_s) * 1000;
        while let Some(page) = self.next_page(id, oldest_ms) {
            if page.stored_ms <= oldest_ms {
                let hours = ctx.settings.limits.outbox_s / 3600;
                self.settle(ctx, id, page, format!("expired after {hours} h"));
                continue;
            }
            if page.expires_s(ctx.now.wall_ms) == Some(0) {
                self.settle(ctx, id, page, "expired, as its sender has said".to_owned());
                continue;
            }
            if page.is_sips() && !self.is_secure(id) {
                // Its cluster was reached over TLS when it was stored, and perhaps will be again.
                self.defer(ctx, id, &page);
                continue;
            }
            let Some(flow) = self.flow(id) else {
                // It has shown itself alive before the DNS has said where it is.
                self.defer(ctx, id, &page);
                continue;
            };
            let way = Way { peer: id, flow, others: self.others(id) };
            let client = send_page(ctx, transactions, self, (Owner::Outbox(id), way), &page);
            if let Some(entry) = self.entry_mut(id) {
                entry.outbox.flying.push((client, page));
            }
        }
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.watch.health != Health::Up {
            // They are in the store, and due when it is up.
            entry.outbox.waiting.clear();
        }
        if !entry.outbox.is_resting() {
            return;
        }
        if std::mem::take(&mut entry.outbox.stuck) {
            let wake = Wake::Peer(id, PeerTimer::Outbox);
            entry.outbox.timer = Some(ctx.arm(PAUSE, wake));
        } else {
            self.wake_outbox(ctx, id);
        }
    }

    /// The oldest page that may go now: not one whose recipient has another under way.
    fn next_page(&mut self, id: PeerId, oldest_ms: i64) -> Option<Arc<OutboxPage>> {
        let entry = self.entry_mut(id)?;
        let Outbox { waiting, flying, .. } = &mut entry.outbox;
        let up = entry.watch.health == Health::Up && flying.len() < FLYING;
        let may_go = |page: &Arc<OutboxPage>| {
            page.stored_ms <= oldest_ms
                || (up && !flying.iter().any(|(_, other)| other.recipient == page.recipient))
        };
        let at = waiting.iter().position(may_go)?;
        waiting.remove(at)
    }

    fn settle(&mut self, ctx: &mut Ctx<'_>, id: PeerId, page: Arc<OutboxPage>, receipt: String) {
        let (page_id, owner) = (page.id.clone(), page.owner.clone());
        ctx.fact(Fact::PageSettled { id: page_id, owner, receipt: receipt.clone() });
        self.ask(ctx, id, StoreOp::SettleOutbox { page, receipt, at_ms: ctx.now.wall_ms });
    }

    fn defer(&mut self, ctx: &mut Ctx<'_>, id: PeerId, page: &OutboxPage) {
        let tries = page.tries + 1;
        let most_s = u64::from(ctx.settings.limits.outbox_retry_max_s);
        let wait_s = (FIRST_INTERVAL_S << page.tries.min(16)).min(most_s);
        let due_ms = ctx.now.wall_ms + i64::try_from(wait_s * 1000).unwrap_or(i64::MAX);
        self.ask(ctx, id, StoreOp::DeferOutbox { serial: page.serial, tries, due_ms });
    }

    fn ask(&mut self, ctx: &mut Ctx<'_>, id: PeerId, op: StoreOp) {
        let ticket = ctx.store(op);
        self.asked.insert(ticket, id);
        if let Some(entry) = self.entry_mut(id) {
            entry.outbox.asked.push(ticket);
        }
    }

    /// Nothing is due now.
    fn rest_until(&mut self, ctx: &mut Ctx<'_>, id: PeerId, next_ms: Option<i64>) {
        let Some(entry) = self.entry_mut(id) else { return };
        // With nothing at all in the outbox there is nothing to look for until a page is stored.
        let Some(next_ms) = next_ms else { return };
        let wait = match entry.watch.health {
            Health::Up => u64::try_from(next_ms - ctx.now.wall_ms).unwrap_or(0).max(1000),
            Health::Unknown | Health::Suspect | Health::Down => u64::MAX,
        };
        let wait = Duration::from_millis(wait).min(LOOK);
        entry.outbox.timer = Some(ctx.arm(wait, Wake::Peer(id, PeerTimer::Outbox)));
    }
}

/// Whether a refusal may pass: the cluster is gone, overloaded or at odds with itself, not the
/// recipient with the page.
pub fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 500..=599)
}
