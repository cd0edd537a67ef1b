//! When a phone has let a profile serve: whether requests can come back to its owner by the trees of others. That is
//! looked for where there is time for it, and the phone is answered after a while in any case; what is found then, its
//! owner hears with the next answer to a REGISTER.

use std::sync::Arc;

use crate::base::Uid;
use crate::effect::{Ctx, StoreOp, StoreOutcome, Ticket, Wake};
use crate::registrar::Change;
use crate::transaction::Asked;

use super::scripting::PATIENCE;
use super::switchboard::{Switchboard, Waiting};

/// Who waits to hear of it.
#[derive(Debug)]
pub(super) enum Listener {
    /// A request that has let a profile serve, and what it is told of that.
    Wish { asked: Asked, told: String },
    /// A REGISTER whose script has become the profile that serves.
    Register { asked: Asked, change: Change },
}

impl Switchboard {
    /// Has it found out whether requests can come back to a user.
    pub(super) fn look_for_circles(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        listener: impl Into<Option<Listener>>,
    ) {
        let listener = listener.into();
        let default = Arc::clone(&ctx.settings.default_profile);
        let ticket = ctx.store(StoreOp::FindCircles { uid: uid.clone(), default });
        let timer = listener.is_some().then(|| ctx.arm(PATIENCE, Wake::Late(ticket)));
        self.waiting.insert(ticket, Waiting::Circles { uid: uid.clone(), listener, timer });
    }

    /// It has been found out, or could not be.
    pub(super) fn on_circles(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        listener: Option<Listener>,
        outcome: &StoreOutcome,
    ) {
        let found = if let StoreOutcome::Circles(found) = outcome { found.clone() } else { None };
        match listener {
            Some(listener) => self.answer_listener(ctx, uid, listener, found.as_deref()),
            None => self.put_news(uid, found),
        }
    }

    /// The store works too long on something for whoever waits for it.
    pub(super) fn on_late(&mut self, ctx: &mut Ctx<'_>, ticket: Ticket) {
        match self.waiting.remove(&ticket) {
            Some(Waiting::Script { uid, asked, change, .. }) => {
                self.waiting.insert(ticket, Waiting::LateScript(uid.clone()));
                self.on_slow_script(ctx, &uid, (asked, change));
            }
            Some(Waiting::Circles { uid, listener, .. }) => {
                let nobody = Waiting::Circles { uid: uid.clone(), listener: None, timer: None };
                self.waiting.insert(ticket, nobody);
                if let Some(listener) = listener {
                    self.answer_listener(ctx, &uid, listener, None);
                }
            }
            // Nothing else has such a timer.
            Some(other) => drop(self.waiting.insert(ticket, other)),
            None => {}
        }
    }

    fn answer_listener(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, listener: Listener, found: Option<&str>) {
        match listener {
            Listener::Wish { asked, told } => {
                let told = found.map_or_else(|| told.clone(), |found| format!("{told}; {found}"));
                self.tell_done(ctx, &asked, &told);
            }
            Listener::Register { asked, change } => self.answer_register(ctx, uid, (asked, change), found),
        }
    }

    /// Keeps what a user is to hear with the next answer to a REGISTER.
    pub(super) fn put_news(&mut self, uid: &Uid, news: Option<Box<str>>) {
        if let (Some(user), Some(news)) = (self.users.get_mut(uid), news) {
            user.news = Some(news);
        }
    }
}
