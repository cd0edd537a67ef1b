//! How a half of a page follows its tree: whom it is sent to.
//!
//! A page does not ring: targets that are staggered (`after 5s`) are tried at once. One to a GRUU goes to one
//! client, if the tree lets it: whatever the tree names besides is left out.
//!
//! Implements: RFC 3261 §16.6; RFC 3428 §6 (forking); RFC 5627 §6.1.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Key, Uid};
use crate::device::{Keep, Step};
use crate::effect::Fact;
use crate::federation::is_visited;
use crate::leg::outcome_of;
use crate::registrar::{Binding, Only};
use crate::routing::{Action, Direction, Route, Target, Try, Who};
use crate::sip::Method;
use crate::transaction::Owner;

use super::desk::{Desk, Order};
use super::letter::Letter;
use super::page::Page;
use super::parties::{PageEnd, PageInvitation, PageOpening};

/// How long phones have to take a page before the tree goes on.
const STAGE: Duration = Duration::from_secs(5);
/// Longer than the stage of the half that is asked, which then answers first.
const OTHER_HALF: Duration = Duration::from_secs(30);

impl Page {
    /// Does what the tree says now.
    pub fn act(&mut self, desk: &mut Desk<'_, '_>) {
        let route = self.route.clone();
        self.share_out(&route);
        desk.ctx.fact(Fact::Decided { tree: self.direction, action: route.action().word() });
        self.do_sides(desk, &route);
        match route.action() {
            Action::Try(plan) => self.attempt(desk, plan),
            Action::Forward(_) | Action::Redirect(_) | Action::Hold if self.is_for_one_client() => {
                self.finish(desk, 480, "");
            }
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
            Action::Forward(uid) | Action::Redirect(uid) if self.has_visited(desk, uid) => {
                self.finish(desk, 482, "");
            }
            // A page rings nowhere, so it goes there itself.
            Action::Forward(uid) | Action::Redirect(uid) => self.pass_on(desk, uid),
            Action::Reply(name) => {
                self.reply(desk, name);
                self.finish(desk, 200, "replied");
            }
            Action::Hold => self.send_to_inbox(desk, Keep::Hold),
            Action::Decline => self.finish(desk, 603, ""),
            Action::Busy => self.finish(desk, 486, ""),
            Action::Refuse(_) => self.finish(desk, 403, ""),
            Action::Ignore => {
                let status = self.as_if_tried(desk);
                self.finish(desk, status, "ignored");
            }
        }
        self.wait(desk);
        self.settle(desk);
    }

    /// What is left of the halves that there may be is shared by the users who are asked now. Without
    /// this, users who try and copy to each other would be asked in every order that there is.
    fn share_out(&mut self, route: &Route) {
        let users = u16::try_from(Self::users_of(route)).unwrap_or(u16::MAX).max(1);
        let share = self.halves.0 / users;
        if let Some(stage) = self.stage() {
            stage.share = share;
        }
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
                Target::User(_) | Target::Inbox if self.is_for_one_client() => {}
                Target::User(uid) => self.send_to_user(desk, uid),
                Target::Inbox => self.send_to_inbox(desk, Keep::Wait),
                Target::Device(name) if desk.owner.calls_client(name) => {
                    self.send_to_clients(desk, Some(name));
                }
                // Nobody takes pages for these: the outcome before stands.
                Target::Voicemail | Target::Device(_) | Target::Trunk(..) => {}
            }
        }
    }

    fn pass_on(&mut self, desk: &mut Desk<'_, '_>, uid: &Uid) {
        if let Some(stage) = self.stage() {
            stage.patience = OTHER_HALF;
        }
        self.send_to_user(desk, uid);
    }

    pub(super) fn send_to_clients(&mut self, desk: &mut Desk<'_, '_>, name: Option<&Arc<str>>) {
        let (owner, now) = (desk.owner, desk.ctx.at());
        let only = self.only.clone().filter(|_| self.is_for_one_client());
        let meant = |one: &&Binding| only.as_ref().is_none_or(|only| only.is(one));
        let name_of = name.map(AsRef::as_ref);
        if desk.queue && owner.clients(now, name_of, |_| true).any(|one| meant(&one)) {
            // Older pages are on their way there.
            desk.orders.push(Order::Queue(self.key));
            if let Some(stage) = self.stage() {
                stage.tried = true;
                stage.held.push(name.cloned());
            }
            return;
        }
        if let Some(stage) = self.stage() {
            stage.tried = true;
        }
        let sips = self.sender.face.sips;
        let wishes = self.passage.preferences(Method::Message);
        let takes = |one: &Binding| one.takes(sips);
        let is_any = owner.clients(now, name_of, |_| true).next().is_some();
        self.no_sips |= is_any && owner.clients(now, name_of, takes).next().is_none();
        let wanted = owner.preferred(now, name_of, &wishes, takes);
        for binding in wanted.into_iter().filter(meant) {
            if self.wake(desk, binding) {
                continue;
            }
            let client = self.send_to(desk, Owner::Page(self.key), binding);
            self.note_sent(client, binding.flowing(), now);
        }
    }

    /// What others would be told whose page is not ignored: that a phone has it, or that the inbox keeps it, or,
    /// where neither may be, that nobody takes it.
    fn as_if_tried(&self, desk: &Desk<'_, '_>) -> u16 {
        let sips = self.sender.face.sips;
        let wishes = self.passage.preferences(Method::Message);
        let all = desk.owner.preferred(desk.ctx.at(), None, &wishes, |one| one.takes(sips));
        let only = self.only.as_ref().filter(|_| self.is_for_one_client());
        if all.into_iter().any(|one| only.is_none_or(|only| only.is(one))) {
            200
        } else if only.is_some() || !self.may_be_kept() {
            480
        } else {
            202
        }
    }

    /// Whether one client of the owner's is meant and nobody else.
    fn is_for_one_client(&self) -> bool {
        self.only.is_some() && self.direction == Direction::Incoming
    }

    /// The one client of this user that is meant, where his half is asked.
    pub(super) fn only_for(&self, uid: &Uid) -> Option<Only> {
        let is_recipient = matches!(self.route.to(), Who::User(to) if to == uid);
        self.only.clone().filter(|_| is_recipient && self.direction == Direction::Outgoing)
    }

    pub(super) fn send_to(&self, desk: &mut Desk<'_, '_>, owner: Owner, binding: &Binding) -> Key {
        let letter = Letter {
            from: &self.sender.face.to_string(),
            to: &self.owner,
            sips: self.sender.face.sips,
            max_forwards: self.max_forwards,
            date: None,
            passage: &self.passage,
        };
        letter.send(desk.ctx, desk.transactions, (desk.server, owner), binding)
    }

    pub(super) fn send_to_user(&mut self, desk: &mut Desk<'_, '_>, uid: &Uid) {
        if is_foreign(desk, uid) {
            return self.send_abroad(desk, uid);
        }
        let opening = self.opening(desk, uid);
        let key = self.key;
        let Some(stage) = self.stage() else { return };
        stage.tried = true;
        match opening {
            Ok(opening) => {
                stage.asked += 1;
                let from = Some(PageEnd { server: desk.server, page: key, stage: stage.number });
                desk.orders.push(Order::Invite(PageInvitation { from, recipient: uid.clone(), opening }));
            }
            Err(status) => self.note((outcome_of(status), status)),
        }
    }

    fn send_to_inbox(&mut self, desk: &mut Desk<'_, '_>, keep: Keep) {
        if let Some(stage) = self.stage() {
            (stage.tried, stage.filing) = (true, true);
        }
        if let Step::Done(event) = self.give_to_inbox(desk, keep) {
            if let Some(stage) = self.stage() {
                stage.filing = false;
            }
            self.on_device(desk, event);
        }
    }

    pub(super) fn has_visited(&self, desk: &Desk<'_, '_>, uid: &Uid) -> bool {
        self.visited.iter().any(|entry| is_visited(desk.ctx.settings, entry, uid))
    }

    /// The status for which a page does not go to another user: he has been asked before, or it goes too
    /// far.
    pub(super) fn may_go_to(&self, desk: &Desk<'_, '_>, uid: &Uid) -> Result<(), u16> {
        if self.has_visited(desk, uid) {
            return Err(480);
        }
        if self.max_forwards == 0 || usize::from(desk.ctx.settings.limits.forwards) < self.visited.len() {
            return Err(483);
        }
        Ok(())
    }

    /// What another user's half begins with; it is paid for. Or the status for which he is not asked.
    pub(super) fn opening(&mut self, desk: &Desk<'_, '_>, uid: &Uid) -> Result<PageOpening, u16> {
        let share = self.stage().map_or(0, |stage| stage.share);
        self.may_go_to(desk, uid)?;
        if share == 0 {
            return Err(480);
        }
        self.halves.0 = self.halves.0.saturating_sub(share);
        let mut visited = self.visited.clone();
        visited.push(uid.clone());
        Ok(PageOpening {
            id: Arc::clone(&self.id),
            sender: self.sender.clone(),
            origin: self.origin.clone(),
            passage: self.passage.clone(),
            max_forwards: self.max_forwards - 1,
            halves: share - 1,
            visited,
            only: self.only_for(uid),
            may_wait: self.may_wait,
        })
    }
}

/// Whether a user is one of another cluster.
pub(super) fn is_foreign(desk: &Desk<'_, '_>, uid: &Uid) -> bool {
    uid.cluster() != desk.ctx.settings.cid.as_str()
}
