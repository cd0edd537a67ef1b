//! Phones that are being woken, and who waits for each.
//!
//! However many calls and pages come to a phone that sleeps, its push service is asked once in some seconds,
//! until it has registered. Nothing here outlives the time that a phone has for that.
//!
//! Implements: RFC 8599 §5.6.

use std::time::Duration;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::base::{At, Key, Uid};
use crate::effect::{Ctx, Fact, Push, Pushed};
use crate::registrar::Rousing;

use super::switchboard::{Switchboard, Waiting};

/// What part of the time that a phone has to wake up passes before its push service is asked once more for
/// somebody else: the first message may have been lost.
const AGAIN: u32 = 4;

/// Who waits for a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiter {
    Call(Key),
    Page(Key),
}

/// The phones that are being woken, by user and client.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    list: HashMap<(Uid, String), Sleeper>,
}

#[derive(Debug)]
struct Sleeper {
    /// When its push service was last asked.
    asked: At,
    /// How long anybody waits for it.
    until: At,
    waiters: SmallVec<[Waiter; 1]>,
}

impl Sleepers {
    /// Forgets those that have had their time.
    pub(super) fn tidy(&mut self, now: At) {
        self.list.retain(|_, sleeper| now < sleeper.until);
    }
}

impl Switchboard {
    /// A call or page waits for a phone that sleeps.
    pub(super) fn rouse(&mut self, ctx: &mut Ctx<'_>, waiter: Waiter, rousing: Rousing) {
        let patience = Duration::from_secs(ctx.settings.limits.wake_s.into());
        let now = ctx.at();
        let until = now + patience;
        let sleeper = self.sleepers.list.entry((rousing.uid.clone(), rousing.client.clone()));
        let sleeper =
            sleeper.or_insert_with(|| Sleeper { asked: At::START, until: now, waiters: SmallVec::new() });
        if sleeper.until <= now {
            // It has had its time, and so has who waited for it.
            sleeper.waiters.clear();
        }
        let is_first = sleeper.waiters.is_empty();
        sleeper.waiters.push(waiter);
        sleeper.until = until;
        if !is_first && now.since(sleeper.asked) < patience / AGAIN {
            return;
        }
        sleeper.asked = now;
        self.ask_hook(ctx, rousing);
    }

    /// Has a phone woken, whoever waits for it.
    pub(super) fn ask_hook(&mut self, ctx: &mut Ctx<'_>, rousing: Rousing) {
        let Rousing { uid, client, to, reason } = rousing;
        let ticket = ctx.push(Push { uid: uid.clone(), to, reason });
        self.waiting.insert(ticket, Waiting::Rousing { uid, client, asked: ctx.at() });
    }

    /// A push service has been asked, or has not. `Gone`: the phone is not there any more, and neither is
    /// its binding, unless it has registered since it was asked for.
    pub(super) fn on_pushed(
        &mut self,
        ctx: &mut Ctx<'_>,
        (uid, client): (&Uid, &str),
        asked: At,
        pushed: Pushed,
    ) {
        ctx.fact(Fact::Pushed { uid: uid.clone(), pushed });
        if pushed == Pushed::Taken {
            return;
        }
        let waiters = self.sleepers.list.remove(&(uid.clone(), client.to_owned()));
        if pushed == Pushed::Gone {
            self.forget_client(ctx, uid, client, asked);
        }
        for waiter in waiters.map(|sleeper| sleeper.waiters).unwrap_or_default() {
            match waiter {
                Waiter::Call(call) => self.with_call(ctx, call, |call, desk| call.on_asleep(desk, client)),
                Waiter::Page(page) => self.with_page(ctx, page, |page, desk| page.on_asleep(desk, client)),
            }
        }
    }

    /// A client has registered: whoever waits for it need not any longer.
    pub(super) fn on_registered(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, client: &str) {
        let waiters = self.sleepers.list.remove(&(uid.clone(), client.to_owned()));
        for waiter in waiters.map(|sleeper| sleeper.waiters).unwrap_or_default() {
            match waiter {
                Waiter::Call(call) => self.with_call(ctx, call, |call, desk| call.on_awake(desk, client)),
                Waiter::Page(page) => self.with_page(ctx, page, |page, desk| page.on_awake(desk, client)),
            }
        }
    }
}
