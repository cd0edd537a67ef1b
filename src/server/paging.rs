//! MESSAGE: the two halves of a page are set up here, and let go.

use std::sync::Arc;

use crate::base::Uid;
use crate::effect::{Ctx, StoreOp};
use crate::leg::Passage;
use crate::message::{Order, Page, PageInvitation, PageOpening, Upstream};
use crate::routing::{Direction, Mode, Route, Who};
use crate::transaction::Asked;

use super::calling::{asked_for, caller_of, owns_from};
use super::peer::PeerWord;
use super::switchboard::{Switchboard, Waiting};
use super::users::{Job, Standing};

/// Max-Forwards of a request that names none (RFC 3261 §16.6 step 3).
const MAX_FORWARDS: u8 = 70;

impl Switchboard {
    /// A MESSAGE of a user who is who he says he is: the sender's half begins.
    pub(super) fn on_page(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, asked: Asked) {
        let request = Arc::clone(&asked.request);
        let Some(to) = asked_for(ctx, &request) else { return self.refuse(ctx, &asked, 404) };
        let Some(user) = self.users.get_mut(uid) else { return self.refuse(ctx, &asked, 500) };
        if !owns_from(user, ctx, &request) {
            return self.refuse(ctx, &asked, 403);
        }
        user.pages = user.pages.saturating_add(1);
        let sender = caller_of(ctx, user, &request);
        let profiles = user.profiles(ctx.settings);
        let who = (Who::User(uid.clone()), to);
        let passage = Passage::of(&request);
        let facts = user.facts(ctx.now, &who.1, passage.is_urgent());
        let route = Route::begin(profiles, Direction::Outgoing, Mode::Page, who, facts);
        let opening = PageOpening {
            id: format!("{:016x}", ctx.rng.draw()).into(),
            sender,
            passage,
            max_forwards: request.max_forwards().unwrap_or(MAX_FORWARDS).min(MAX_FORWARDS) - 1,
            visited: smallvec::SmallVec::new(),
        };
        let key = self.pages.next_key();
        let upstream = Upstream::Phone(asked);
        self.pages.insert(Page::new(key, opening, Direction::Outgoing, uid.clone(), route, upstream));
        self.with_page(ctx, key, Page::act);
    }

    /// Another half asks this user's routing: the recipient's half begins.
    pub(super) fn on_page_invitation(&mut self, ctx: &mut Ctx<'_>, invitation: PageInvitation) {
        let uid = invitation.recipient.clone();
        match self.users.standing(ctx.at(), &uid) {
            Some(Standing::Present) => {}
            Some(Standing::Absent) => return self.refuse_page(&invitation, 404),
            Some(Standing::Loading) | None => {
                return self.wait_for(ctx, &uid, Job::Page(invitation));
            }
        }
        let Some(user) = self.users.get_mut(&uid) else { return };
        user.used = ctx.at();
        user.pages = user.pages.saturating_add(1);
        let profiles = user.profiles(ctx.settings);
        let who = (invitation.opening.sender.who.clone(), Who::User(uid.clone()));
        let facts = user.facts(ctx.now, &who.0, invitation.opening.passage.is_urgent());
        let route = Route::begin(profiles, Direction::Incoming, Mode::Page, who, facts);
        let key = self.pages.next_key();
        let upstream = Upstream::Half(invitation.from);
        self.pages.insert(Page::new(key, invitation.opening, Direction::Incoming, uid, route, upstream));
        self.with_page(ctx, key, Page::act);
    }

    pub(super) fn refuse_page(&mut self, invitation: &PageInvitation, status: u16) {
        self.post(invitation.from.server, PeerWord::PageReply { to: invitation.from, status });
    }

    pub(super) fn on_page_order(&mut self, ctx: &mut Ctx<'_>, order: Order) {
        match order {
            Order::Invite(invitation) => {
                let owner = invitation.recipient.slot().owner(ctx.settings.servers);
                self.post(owner, PeerWord::Page(invitation));
            }
            Order::FindNumber { page, number } => {
                let ticket = ctx.store(StoreOp::FindNumber(number.to_string()));
                self.waiting.insert(ticket, Waiting::NumberForPage(page, number));
            }
            Order::Reply { to, status } => self.post(to.server, PeerWord::PageReply { to, status }),
            Order::Over(key) => {
                let Some(page) = self.pages.remove(key) else { return };
                if let Some(user) = self.users.get_mut(page.owner()) {
                    user.pages = user.pages.saturating_sub(1);
                }
                self.users.let_go(ctx, page.owner());
            }
        }
    }
}
