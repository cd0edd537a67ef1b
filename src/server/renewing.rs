//! Phones that sleep are woken in time to renew their bindings: by themselves they do nothing, and a phone
//! whose binding has ended is one that nobody can call until its user takes it into his hand.
//!
//! The timer of a user who is in memory tells when. Who is not, because the server was started anew or he
//! was let go, is known to the store, which is asked again and again for those that have come due; they are
//! loaded, and then it is their own timers' affair. Neither is done at once for a fleet: so many users a
//! second, and so many phones on their way to the hook, whose connections are there for callers first.
//!
//! Implements: RFC 8599 §5.3, §5.5 (the push notifications before a binding ends).

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::{Slot, Uid};
use crate::effect::{Ctx, Fact, PushReason, Pushed, StoreOp, StoreOutcome, Wake};
use crate::registrar::Rousing;

use super::switchboard::{Switchboard, Waiting};

/// Phones that the hook is asked to wake at once, so that half of its connections are left for calls.
const AT_ONCE: usize = 32;
/// Users that the store tells of at once.
const TOLD: u32 = 256;
/// Time to the next look when there are more, and when there are not.
const SOON: Duration = Duration::from_secs(1);
/// See [`SOON`].
const LATER: Duration = Duration::from_secs(10);

/// Who is to be woken to renew a binding.
#[derive(Debug, Default)]
pub(super) struct Renewals {
    /// Whose turn it is: a user and his client each.
    queue: VecDeque<(Uid, String)>,
    /// Phones that the hook is asked to wake now.
    asked: usize,
    /// How far the store has told of those that are due: when he was and who.
    told: Option<(i64, Uid)>,
    /// Whether the store is looked into.
    is_looking: bool,
    /// Whether the hook has not taken the last one.
    is_failing: bool,
}

impl Renewals {
    pub(super) fn new(is_looking: bool) -> Self {
        Self { is_looking, ..Self::default() }
    }

    /// Somebody could not be read who may be due: the store is to tell of him again.
    pub(super) fn look_again(&mut self) {
        self.told = None;
    }
}

impl Switchboard {
    /// There may be a hook now where there was none.
    pub(super) fn look_for_due(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.settings.push.is_some() && !std::mem::replace(&mut self.renewals.is_looking, true) {
            ctx.arm(Duration::ZERO, Wake::Renewals);
        }
    }

    /// Time to ask the store whose phones are due.
    pub(super) fn on_look(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.settings.push.is_none() {
            self.renewals = Renewals::default();
            return;
        }
        if self.renewals.queue.len() >= usize::try_from(TOLD).unwrap_or(usize::MAX) {
            // The hook is slow; those that wait for it come first.
            ctx.arm(SOON, Wake::Renewals);
            return;
        }
        let ticket = ctx.store(StoreOp::LoadDue {
            slots: Slot::owned(self.index, ctx.settings.servers),
            due_s: ctx.now.wall_s(),
            after: self.renewals.told.clone(),
            limit: TOLD,
        });
        self.waiting.insert(ticket, Waiting::Due);
    }

    /// The store has told who is due, the first of them first.
    pub(super) fn on_due(&mut self, ctx: &mut Ctx<'_>, outcome: StoreOutcome) {
        let mut again = LATER;
        if let StoreOutcome::Due(due) = outcome {
            if u32::try_from(due.len()).is_ok_and(|told| told >= TOLD) {
                again = SOON;
            }
            for (wake_s, uid) in due {
                if !self.users.fetch(ctx, &uid, &mut self.waiting) {
                    again = SOON;
                    break;
                }
                self.renewals.told = Some((wake_s, uid));
            }
        }
        ctx.arm(again, Wake::Renewals);
    }

    /// The bindings of these clients of a user's have to be renewed.
    pub(super) fn renew(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, clients: impl IntoIterator<Item = String>) {
        self.renewals.queue.extend(clients.into_iter().map(|client| (uid.clone(), client)));
        self.ask_for_renewals(ctx);
    }

    /// The hook has answered for one.
    pub(super) fn on_renewal_asked(&mut self, ctx: &mut Ctx<'_>, pushed: Pushed) {
        self.renewals.asked = self.renewals.asked.saturating_sub(1);
        let fails = pushed == Pushed::Failed;
        if std::mem::replace(&mut self.renewals.is_failing, fails) != fails {
            ctx.fact(Fact::PushHook { works: !fails });
        }
        self.ask_for_renewals(ctx);
    }

    fn ask_for_renewals(&mut self, ctx: &mut Ctx<'_>) {
        while self.renewals.asked < AT_ONCE
            && let Some((uid, client)) = self.renewals.queue.pop_front()
        {
            let Some(user) = self.users.get_mut(&uid) else { continue };
            // It may have come by itself meanwhile.
            let Some(binding) = user.bindings.note_asked(ctx.at(), &client) else { continue };
            if let Some(rousing) = Rousing::of(&uid, binding, PushReason::Renewal) {
                self.renewals.asked += 1;
                self.ask_hook(ctx, rousing);
            }
            self.users.watch_expiry(ctx, &uid);
        }
    }
}
