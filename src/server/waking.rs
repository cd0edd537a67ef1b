//! Phones that are being woken, and who waits for each.
//!
//! However many calls and pages come to a phone that sleeps, its push service is asked once in some seconds
//! while it takes that, until the phone has registered. Whoever waits for a push that was taken waits on,
//! whatever becomes of later ones. Nothing here outlives the time that a phone has for that.
//!
//! Implements: RFC 8599 §5.6.

use std::time::Duration;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::base::{At, Key, Uid};
use crate::effect::{Ctx, Fact, Push, PushReason, Pushed};
use crate::registrar::Rousing;

use super::switchboard::{Switchboard, Waiting};

/// What part of the time that a phone has to wake up passes before its push service is asked once more for
/// somebody else: the first message may have been lost.
const AGAIN: u32 = 4;
/// Those who may wait for one phone before it is looked who does not any more.
const ROOM: usize = 8;

/// Who waits for a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiter {
    Call(Key),
    Page(Key),
}

/// A phone whose push service was asked.
#[derive(Debug)]
pub(super) struct Roused {
    pub(super) uid: Uid,
    /// Which of his clients.
    pub(super) client: String,
    /// By which push service.
    pub(super) provider: String,
    pub(super) asked: At,
    pub(super) reason: PushReason,
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
    /// When it was asked what it has not answered yet.
    open: SmallVec<[At; 1]>,
    /// When it was asked what it took last.
    taken: Option<At>,
    /// How long anybody waits for it.
    until: At,
    /// Who waits, and how long.
    waiters: SmallVec<[(Waiter, At); 1]>,
    /// How many there may be before those are taken out who do not any more.
    room: usize,
}

impl Sleepers {
    /// Forgets those that have had their time.
    pub(super) fn tidy(&mut self, now: At) {
        self.list.retain(|_, sleeper| now < sleeper.until);
    }

    /// A push service has answered what it was asked then. True if it may be that nobody wakes up.
    fn note(&mut self, roused: &Roused, was_taken: bool, patience: Duration) -> bool {
        let Some(sleeper) = self.list.get_mut(&(roused.uid.clone(), roused.client.clone())) else {
            return false;
        };
        sleeper.open.retain(|asked| *asked != roused.asked);
        if was_taken {
            sleeper.taken = sleeper.taken.max(Some(roused.asked));
        }
        let may_wake = sleeper.taken.is_some_and(|taken| roused.asked.since(taken) < patience);
        sleeper.open.is_empty() && !may_wake
    }
}

impl Switchboard {
    /// A call or page waits for a phone that sleeps.
    pub(super) fn rouse(&mut self, ctx: &mut Ctx<'_>, waiter: Waiter, rousing: Rousing) {
        let patience = patience(ctx);
        let now = ctx.at();
        let until = now + patience;
        let new = || Sleeper {
            asked: At::START,
            open: SmallVec::new(),
            taken: None,
            until: now,
            waiters: SmallVec::new(),
            room: ROOM,
        };
        let sleeper = self.sleepers.list.entry((rousing.uid.clone(), rousing.client.clone()));
        let sleeper = sleeper.or_insert_with(new);
        if sleeper.until <= now {
            // It has had its time, and so has who waited for it.
            *sleeper = new();
        }
        let is_first = sleeper.waiters.is_empty();
        if sleeper.waiters.len() >= sleeper.room {
            sleeper.waiters.retain(|(_, until)| now < *until);
            sleeper.room = (2 * sleeper.waiters.len()).max(ROOM);
        }
        sleeper.waiters.push((waiter, until));
        sleeper.until = until;
        if !is_first && now.since(sleeper.asked) < patience / AGAIN {
            return;
        }
        sleeper.asked = now;
        sleeper.open.push(now);
        self.ask_hook(ctx, rousing);
    }

    /// Has a phone woken, whoever waits for it.
    pub(super) fn ask_hook(&mut self, ctx: &mut Ctx<'_>, rousing: Rousing) {
        let Rousing { uid, client, to, reason } = rousing;
        let provider = to.provider.clone();
        let ticket = ctx.push(Push { uid: uid.clone(), to, reason });
        let roused = Roused { uid, client, provider, asked: ctx.at(), reason };
        self.waiting.insert(ticket, Waiting::Rousing(roused));
    }

    /// A push service has been asked, or has not. `Gone`: the phone is not there any more, and neither is
    /// its binding, unless it has registered since it was asked for.
    pub(super) fn on_pushed(&mut self, ctx: &mut Ctx<'_>, roused: &Roused, pushed: Pushed) {
        let Roused { uid, client, provider, asked, reason } = roused;
        ctx.fact(Fact::Pushed { uid: uid.clone(), reason: *reason, pushed });
        let is_renewal = *reason == PushReason::Renewal;
        let is_vain = match pushed {
            Pushed::Taken => {
                self.sleepers.note(roused, true, patience(ctx));
                false
            }
            // Nobody waits for a renewal: it is tried again.
            Pushed::Failed => !is_renewal && self.sleepers.note(roused, false, patience(ctx)),
            Pushed::Gone => {
                self.forget_client(ctx, uid, client, *asked);
                true
            }
        };
        if is_vain {
            self.give_up_on_phone(ctx, uid, client);
        }
        if is_renewal {
            self.on_renewal_asked(ctx, provider, pushed);
        }
    }

    /// A client has registered: whoever waits for it need not any longer.
    pub(super) fn on_registered(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, client: &str) {
        for (waiter, _) in self.take_waiters(uid, client) {
            match waiter {
                Waiter::Call(call) => self.with_call(ctx, call, |call, desk| call.on_awake(desk, client)),
                Waiter::Page(page) => self.with_page(ctx, page, |page, desk| page.on_awake(desk, client)),
            }
        }
    }

    /// A binding of a client's was removed: if it was the last one, there is nothing left to wait for.
    pub(super) fn on_removed(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, client: &str) {
        if self.users.get(uid).is_none_or(|user| !user.bindings.has_client(client)) {
            self.give_up_on_phone(ctx, uid, client);
        }
    }

    /// A phone will not wake up.
    fn give_up_on_phone(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, client: &str) {
        for (waiter, _) in self.take_waiters(uid, client) {
            match waiter {
                Waiter::Call(call) => self.with_call(ctx, call, |call, desk| call.on_asleep(desk, client)),
                Waiter::Page(page) => self.with_page(ctx, page, |page, desk| page.on_asleep(desk, client)),
            }
        }
    }

    fn take_waiters(&mut self, uid: &Uid, client: &str) -> SmallVec<[(Waiter, At); 1]> {
        let sleeper = self.sleepers.list.remove(&(uid.clone(), client.to_owned()));
        sleeper.map(|sleeper| sleeper.waiters).unwrap_or_default()
    }
}

/// How long a phone has to wake up.
fn patience(ctx: &Ctx<'_>) -> Duration {
    Duration::from_secs(ctx.settings.limits.wake_s.into())
}
