//! How a half of a page follows its tree: whom it is sent to, and who gets a copy.
//!
//! A page does not ring: targets that are staggered (`after 5s`) are tried at once.
//!
//! Implements: RFC 3261 §16.6; RFC 3428 §6 (forking).

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{Key, Uid};
use crate::device::Step;
use crate::federation::is_visited;
use crate::registrar::Binding;
use crate::routing::{Action, Outcome, Target, Try, Who};
use crate::transaction::Owner;

use super::desk::{Desk, Order};
use super::letter::Letter;
use super::page::Page;
use super::parties::{PageEnd, PageInvitation, PageOpening, Upstream};

/// How long phones have to take a page before the tree goes on.
const STAGE: Duration = Duration::from_secs(5);
/// Longer than the stage of the half that is asked, which then answers first.
const OTHER_HALF: Duration = Duration::from_secs(30);

impl Page {
    /// Does what the tree says now.
    pub fn act(&mut self, desk: &mut Desk<'_, '_>) {
        let route = self.route.clone();
        for target in route.also() {
            self.copy_to(desk, target);
        }
        match route.action() {
            Action::Try(plan) => self.attempt(desk, plan),
            Action::Send => match route.to() {
                Who::User(uid) => self.pass_on(desk, uid),
                Who::Number(number) => {
                    if let Some(stage) = self.stage() {
                        (stage.asked, stage.tried, stage.patience) = (1, true, OTHER_HALF);
                    }
                    desk.orders.push(Order::FindNumber { page: self.key, number: Arc::clone(number) });
                }
                Who::Anonymous => self.finish(desk, 404, ""),
            },
            // Back to one who has been asked before: this half closed the loop.
            Action::Forward(uid) if self.has_visited(desk, uid) => self.finish(desk, 482, ""),
            Action::Forward(uid) => self.pass_on(desk, uid),
            Action::Decline => self.finish(desk, 603, ""),
            Action::Busy => self.finish(desk, 486, ""),
            Action::Refuse(_) => self.finish(desk, 403, ""),
            // The sender is never told: to him it was delivered.
            Action::Ignore => self.finish(desk, 200, "ignored"),
        }
        self.wait(desk);
        self.settle(desk);
    }

    fn attempt(&mut self, desk: &mut Desk<'_, '_>, plan: &Try) {
        let waits_for_user = plan.targets.iter().any(|timed| matches!(timed.target, Target::User(_)));
        let patience = plan.ring_for.map_or(STAGE, |ring_for| ring_for.min(STAGE));
        if let Some(stage) = self.stage() {
            stage.patience = if waits_for_user { OTHER_HALF } else { patience };
        }
        for timed in &plan.targets {
            if self.stage().is_none() {
                return;
            }
            match &timed.target {
                Target::Clients => self.send_to_clients(desk, None),
                Target::Client(name) => self.send_to_clients(desk, Some(name)),
                Target::User(uid) => self.send_to_user(desk, uid),
                Target::Inbox => self.send_to_inbox(desk),
                // Nobody takes pages for these: the outcome before stands.
                Target::Voicemail | Target::Device(_) => {}
            }
        }
    }

    fn pass_on(&mut self, desk: &mut Desk<'_, '_>, uid: &Uid) {
        if let Some(stage) = self.stage() {
            stage.patience = OTHER_HALF;
        }
        self.send_to_user(desk, uid);
    }

    /// A copy goes out, and nobody asks what became of it. A copy is not copied on to other users,
    /// for then a few users who do so to each other would multiply every page.
    fn copy_to(&mut self, desk: &mut Desk<'_, '_>, target: &Target) {
        match target {
            Target::Clients => self.copy_to_clients(desk, None),
            Target::Client(name) => self.copy_to_clients(desk, Some(name)),
            Target::User(uid) => {
                let is_copy = matches!(self.upstream, Upstream::Nobody);
                let may_go = !is_copy && self.may_go_to(desk, uid);
                if may_go && is_foreign(desk, uid) {
                    self.copy_abroad(desk, uid);
                } else if may_go {
                    let opening = self.opening(uid);
                    desk.orders.push(Order::Invite(PageInvitation {
                        from: None,
                        recipient: uid.clone(),
                        opening,
                    }));
                }
            }
            Target::Inbox => self.copy_wanted = true,
            Target::Voicemail | Target::Device(_) => {}
        }
    }

    fn copy_to_clients(&self, desk: &mut Desk<'_, '_>, name: Option<&Arc<str>>) {
        let (owner, now) = (desk.owner, desk.ctx.at());
        for binding in owner.clients(now, name.map(AsRef::as_ref)) {
            self.send_to(desk, Owner::Nobody, binding);
        }
    }

    pub(super) fn send_to_clients(&mut self, desk: &mut Desk<'_, '_>, name: Option<&Arc<str>>) {
        let (owner, now) = (desk.owner, desk.ctx.at());
        let mut clients = owner.clients(now, name.map(AsRef::as_ref)).peekable();
        if clients.peek().is_some() && desk.queue {
            // Older pages are on their way there.
            desk.orders.push(Order::Queue(self.key));
            if let Some(stage) = self.stage() {
                stage.tried = true;
                stage.held.push(name.cloned());
            }
            return;
        }
        let mut sent = SmallVec::<[_; 2]>::new();
        for binding in clients {
            sent.push(self.send_to(desk, Owner::Page(self.key), binding));
        }
        if let Some(stage) = self.stage() {
            stage.tried = true;
            stage.open.extend(sent);
        }
    }

    fn send_to(&self, desk: &mut Desk<'_, '_>, owner: Owner, binding: &Binding) -> Key {
        let letter = Letter {
            from: &self.sender.face.to_string(),
            to: &self.owner,
            max_forwards: self.max_forwards,
            date: None,
            passage: &self.passage,
        };
        letter.send(desk.ctx, desk.transactions, (desk.server, owner), binding)
    }

    pub(super) fn send_to_user(&mut self, desk: &mut Desk<'_, '_>, uid: &Uid) {
        let may_go = self.may_go_to(desk, uid);
        let opening = self.opening(uid);
        let key = self.key;
        let Some(stage) = self.stage() else { return };
        stage.tried = true;
        if !may_go {
            return self.note((Outcome::Unreachable, 480));
        }
        if is_foreign(desk, uid) {
            return self.send_abroad(desk, uid);
        }
        stage.asked += 1;
        let from = PageEnd { server: desk.server, page: key, stage: stage.number };
        desk.orders.push(Order::Invite(PageInvitation { from: Some(from), recipient: uid.clone(), opening }));
    }

    fn send_to_inbox(&mut self, desk: &mut Desk<'_, '_>) {
        if let Some(stage) = self.stage() {
            (stage.tried, stage.filing) = (true, true);
        }
        if let Step::Done(event) = self.give_to_inbox(desk, false) {
            if let Some(stage) = self.stage() {
                stage.filing = false;
            }
            self.on_device(desk, event);
        }
    }

    /// Whether another user's tree may be asked: none is asked twice.
    fn may_go_to(&self, desk: &Desk<'_, '_>, uid: &Uid) -> bool {
        self.max_forwards > 0 && !self.has_visited(desk, uid)
    }

    fn has_visited(&self, desk: &Desk<'_, '_>, uid: &Uid) -> bool {
        self.visited.iter().any(|entry| is_visited(desk.ctx.settings, entry, uid))
    }

    fn opening(&self, uid: &Uid) -> PageOpening {
        let mut visited = self.visited.clone();
        visited.push(uid.clone());
        PageOpening {
            id: Arc::clone(&self.id),
            sender: self.sender.clone(),
            origin: self.origin.clone(),
            passage: self.passage.clone(),
            max_forwards: self.max_forwards.saturating_sub(1),
            visited,
        }
    }
}

/// Whether a user is one of another cluster.
fn is_foreign(desk: &Desk<'_, '_>, uid: &Uid) -> bool {
    uid.cluster() != desk.ctx.settings.cid.as_str()
}
