//! A page to a user of another cluster.
//!
//! ```text
//!   sent ──2xx──▶ (answer)              the sender is told what the other cluster says
//!    │  ──refused for good──▶           the tree says what is next
//!    └──no answer, 5xx; not there──▶ kept ──stored──▶ (answer)   202: it will be tried again
//! ```
//!
//! What is kept is in the store before the sender hears of it; from then on it is the outbox's.
//!
//! Implements: RFC 3428 §4, §7; RFC 3325 §5.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Cid, Key, Uid};
use crate::device::Origin;
use crate::effect::StoreOutcome;
use crate::effect::store::OutboxPage;
use crate::federation::{Unreachable, is_passing, letter_head, page_call_id, send_page};
use crate::leg::{Passage, outcome_of};
use crate::registrar::Caller;
use crate::routing::{Mode, Outcome, Who};
use crate::transaction::Owner;

use super::desk::{Desk, Order};
use super::page::Page;
use super::verdict::verdict;

/// How long the other cluster has to answer before the page is kept: the sender's phone repeats for
/// half a minute, and has to hear before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// When a page that the other cluster did not take at once is tried again.
const RETRY: Duration = Duration::from_secs(30);

/// A request to another cluster that is not answered.
#[derive(Debug)]
pub(super) struct Errand {
    client: Key,
    page: Arc<OutboxPage>,
}

/// A page as it is written to another cluster.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    /// Its record.
    pub(super) id: &'a Arc<str>,
    pub(super) sender: &'a Caller,
    pub(super) origin: &'a Origin,
    pub(super) passage: &'a Passage,
}

impl Page {
    /// Sends it to a user of another cluster, or keeps it for him.
    pub(super) fn send_abroad(&mut self, desk: &mut Desk<'_, '_>, uid: &Uid) {
        let may_go = self.may_go_to(desk, uid);
        if let Some(stage) = self.stage() {
            stage.tried = true;
        }
        if let Err(status) = may_go {
            return self.note((outcome_of(status), status));
        }
        if self.only_for(uid).is_some() {
            // What is kept for another cluster is kept for a user, and not for one client of his.
            return self.note((Outcome::Unreachable, 480));
        }
        let page = Arc::new(self.letter(desk, uid, &self.sheet()));
        match desk.peers.way(desk.ctx, uid, (Mode::Page, self.sender.face.sips)) {
            Ok(way) => {
                let owner = Owner::Page(self.key);
                let client = send_page(desk.ctx, desk.transactions, desk.peers, (owner, way), &page);
                self.errands.push(Errand { client, page });
                if let Some(stage) = self.stage() {
                    stage.open.push(client);
                    stage.patience = stage.patience.min(PATIENCE);
                }
            }
            Err(Unreachable::Down) => self.keep(desk, &page, Duration::ZERO),
            Err(why @ (Unreachable::Stranger | Unreachable::Forbidden | Unreachable::Insecure)) => {
                self.no_sips |= why == Unreachable::Insecure;
                self.note((outcome_of(why.status()), why.status()));
            }
        }
    }

    /// A page that nobody asks after goes to a user of another cluster, if that is there.
    pub(super) fn send_aside(&self, desk: &mut Desk<'_, '_>, uid: &Uid, sheet: &Sheet<'_>) {
        if self.may_go_to(desk, uid).is_ok()
            && let Ok(way) = desk.peers.way(desk.ctx, uid, (Mode::Page, self.sender.face.sips))
        {
            let page = self.letter(desk, uid, sheet);
            send_page(desk.ctx, desk.transactions, desk.peers, (Owner::Nobody, way), &page);
        }
    }

    /// A request to another cluster was sent again, with a proof.
    pub fn on_resent(&mut self, old: Key, new: Key) {
        for client in self.open_requests().filter(|client| **client == old) {
            *client = new;
        }
        for errand in self.errands.iter_mut().filter(|errand| errand.client == old) {
            errand.client = new;
        }
    }

    /// Another cluster has answered, or has not: true if that is dealt with.
    pub(super) fn on_cluster(&mut self, desk: &mut Desk<'_, '_>, client: Key, status: u16) -> bool {
        let Some(at) = self.errands.iter().position(|errand| errand.client == client) else { return false };
        let errand = self.errands.swap_remove(at);
        let Some(stage) = self.stage() else { return false };
        let known = stage.open.contains(&client);
        stage.open.retain(|open| *open != client);
        match status {
            // It is the other cluster's promise: 200 or 202.
            ..300 => self.finish(desk, status, "cluster"),
            _ if !known => {}
            _ if is_passing(status) => self.keep(desk, &errand.page, RETRY),
            403 | 404 => self.note((outcome_of(status), status)),
            _ => self.note(verdict(status, &self.passage)),
        }
        self.settle(desk);
        true
    }

    /// The stage is over: what another cluster has not answered is kept.
    pub(super) fn keep_unanswered(&mut self, desk: &mut Desk<'_, '_>) {
        for errand in std::mem::take(&mut self.errands) {
            let open = self.stage().is_some_and(|stage| {
                let before = stage.open.len();
                stage.open.retain(|open| *open != errand.client);
                stage.open.len() < before
            });
            if open {
                self.keep(desk, &errand.page, RETRY);
            }
        }
    }

    /// It is kept for the other cluster, or there is no room for it.
    pub fn on_outbox(&mut self, desk: &mut Desk<'_, '_>, outcome: &StoreOutcome) {
        let Some(stage) = self.stage() else { return };
        stage.keeping = stage.keeping.saturating_sub(1);
        match outcome {
            StoreOutcome::Saved => self.finish(desk, 202, "outbox"),
            // He has too many under way: when some have arrived, there is room again.
            StoreOutcome::Full => self.note((Outcome::Unreachable, 480)),
            StoreOutcome::Failed
            | StoreOutcome::Gone
            | StoreOutcome::User(_)
            | StoreOutcome::Number(_)
            | StoreOutcome::Inbox(_)
            | StoreOutcome::Imported(_)
            | StoreOutcome::Circles(_)
            | StoreOutcome::Due(_)
            | StoreOutcome::Outbox(..) => self.note((Outcome::Failed, 500)),
        }
        self.settle(desk);
    }

    /// Has it kept, to be tried after that time, or as soon as the cluster comes back.
    fn keep(&mut self, desk: &mut Desk<'_, '_>, page: &OutboxPage, after: Duration) {
        if !self.may_be_kept() {
            return self.note((Outcome::Unreachable, 480));
        }
        if let Some(stage) = self.stage() {
            stage.keeping += 1;
        }
        let after_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let due_ms = desk.ctx.now.wall_ms.saturating_add(after_ms);
        let kept = Arc::new(OutboxPage { due_ms, tries: u32::from(!after.is_zero()), ..page.clone() });
        let record = Arc::new(self.record_of(desk.ctx, 202, "outbox"));
        desk.orders.push(Order::Keep { page: self.key, kept, record });
    }

    /// What is written in it, and by whom.
    pub(super) fn sheet(&self) -> Sheet<'_> {
        Sheet { id: &self.id, sender: &self.sender, origin: &self.origin, passage: &self.passage }
    }

    fn letter(&self, desk: &mut Desk<'_, '_>, uid: &Uid, sheet: &Sheet<'_>) -> OutboxPage {
        let (asserted, face) = sheet.sender.abroad(&self.owner);
        let hidden = sheet.sender.who == Who::Anonymous;
        let ctx = &mut *desk.ctx;
        let head = letter_head(ctx.settings, ctx.rng, (&asserted, hidden), &self.visited);
        let from = (&*sheet.origin.call_id, sheet.origin.cseq);
        OutboxPage {
            serial: 0,
            id: sheet.id.to_string(),
            owner: self.owner.clone(),
            peer: Cid::new(uid.cluster()),
            recipient: uid.clone(),
            call_id: page_call_id(ctx.settings, (&self.owner, uid), from),
            from: face.to_string(),
            headers: head + &sheet.passage.lines(),
            body: sheet.passage.body().clone(),
            max_forwards: self.max_forwards - 1,
            stored_ms: ctx.now.wall_ms,
            due_ms: ctx.now.wall_ms,
            tries: 0,
        }
    }
}
