//! What a half of a page does besides, whatever becomes of the page: copies, a reply to its sender,
//! notes.
//!
//! A reply is a page of its own from the tree's owner. It knows whom the page has been to, and so is
//! not answered again: two trees that reply to each other come to an end.
//!
//! Implements: RFC 3428 §4.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Uid, name_record};
use crate::device::{Origin, is_of_the_moment};
use crate::dialog::Face;
use crate::effect::Fact;
use crate::leg::Passage;
use crate::registrar::{Binding, Caller};
use crate::routing::{Action, Route, Side, Target, Who, stock_text};
use crate::transaction::Owner;

use super::abroad::Sheet;
use super::desk::{Desk, Order};
use super::page::Page;
use super::parties::{PageInvitation, PageOpening, Upstream};
use super::stages::is_foreign;

impl Page {
    /// Does what a line does besides its action.
    pub(super) fn do_sides(&mut self, desk: &mut Desk<'_, '_>, route: &Route) {
        for side in route.sides() {
            match side {
                Side::Also(target) => self.copy_to(desk, target),
                Side::Reply(name) => self.reply(desk, name),
                Side::Set(key, value) => desk.orders.push(Order::Set {
                    uid: self.owner().clone(),
                    key: Arc::clone(key),
                    value: Arc::clone(value),
                }),
                Side::Log(text) => desk.ctx.fact(Fact::Noted {
                    id: self.id.to_string(),
                    owner: self.owner().clone(),
                    text: text.to_string(),
                }),
            }
        }
    }

    /// How many other users a line asks or writes to.
    pub(super) fn users_of(route: &Route) -> usize {
        let is_user = |target: &Target| matches!(target, Target::User(_));
        let besides = route.sides().iter().filter(|side| match side {
            Side::Also(target) => is_user(target),
            Side::Reply(_) => true,
            Side::Set(..) | Side::Log(_) => false,
        });
        let tried = match route.action() {
            Action::Try(plan) => plan.targets.iter().filter(|timed| is_user(&timed.target)).count(),
            Action::Send | Action::Forward(_) | Action::Redirect(_) | Action::Reply(_) => 1,
            Action::Decline | Action::Busy | Action::Ignore | Action::Refuse(_) | Action::Hold => 0,
        };
        besides.count() + tried
    }

    /// Answers the sender with a stock message of the owner's. Nobody who hides from the owner is
    /// shown by it, and what only tells of the moment is not answered.
    pub(super) fn reply(&mut self, desk: &mut Desk<'_, '_>, name: &str) {
        let sender = match (&self.sender.own, &self.sender.who) {
            (Some(own), _) => own.clone(),
            (None, Who::User(uid)) => uid.clone(),
            (None, Who::Anonymous | Who::Number(_)) => return,
        };
        let is_copy = matches!(self.upstream, Upstream::Nobody);
        let Some(text) = stock_text(&desk.owner.stock, name) else { return };
        if is_copy || is_of_the_moment(&self.passage) {
            return;
        }
        let body = Bytes::copy_from_slice(text.as_bytes());
        let passage = Passage::kept("Content-Type: text/plain;charset=utf-8\r\n", body);
        let id = name_record(desk.ctx.now, desk.ctx.rng);
        let origin = Origin { call_id: Arc::clone(&id), cseq: 1 };
        let owner = self.owner().clone();
        let face = Face { name: desk.owner.name.clone(), sips: self.sender.face.sips, ..Face::of(&owner) };
        let caller = Caller { who: Who::User(owner.clone()), face, own: Some(owner) };
        if is_foreign(desk, &sender) {
            let sheet = Sheet { id: &id, sender: &caller, origin: &origin, passage: &passage };
            return self.send_aside(desk, &sender, &sheet);
        }
        if let Ok(opening) = self.opening(desk, &sender) {
            let opening = PageOpening { id, sender: caller, origin, passage, only: None, ..opening };
            desk.orders.push(Order::Invite(PageInvitation { from: None, recipient: sender, opening }));
        }
    }

    /// A copy goes out, and nobody asks what became of it. A copy is not copied on to other users,
    /// for then a few users who do so to each other would multiply every page.
    fn copy_to(&mut self, desk: &mut Desk<'_, '_>, target: &Target) {
        match target {
            Target::Clients => self.copy_to_clients(desk, None),
            Target::Client(name) => self.copy_to_clients(desk, Some(name)),
            Target::User(uid) => self.copy_to_user(desk, uid),
            Target::Inbox => self.copy_wanted = true,
            Target::Device(name) if desk.owner.calls_client(name) => self.copy_to_clients(desk, Some(name)),
            Target::Voicemail | Target::Device(_) | Target::Trunk(..) => {}
        }
    }

    fn copy_to_user(&mut self, desk: &mut Desk<'_, '_>, uid: &Uid) {
        let is_copy = matches!(self.upstream, Upstream::Nobody);
        if is_copy {
            return;
        }
        if is_foreign(desk, uid) {
            return self.send_aside(desk, uid, &self.sheet());
        }
        if let Ok(opening) = self.opening(desk, uid) {
            desk.orders.push(Order::Invite(PageInvitation { from: None, recipient: uid.clone(), opening }));
        }
    }

    fn copy_to_clients(&self, desk: &mut Desk<'_, '_>, name: Option<&Arc<str>>) {
        let (owner, now) = (desk.owner, desk.ctx.at());
        // Nobody is woken for a copy.
        let limits = &desk.ctx.settings.limits;
        let fits = |one: &Binding| one.takes(self.sender.face.sips) && !one.sleeps(now, limits);
        for binding in owner.clients(now, name.map(AsRef::as_ref), fits) {
            self.send_to(desk, Owner::Nobody, binding);
        }
    }
}
