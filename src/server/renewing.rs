//! Phones that sleep are woken in time to renew their bindings: by themselves they do nothing, and a phone
//! whose binding has ended is one that nobody can call until its user takes it into his hand.
//!
//! The timer of a user who is in memory tells when. Who is not, because the server was started anew or he
//! was let go, is known to the store, which is asked again and again for those that have come due; they are
//! loaded, and then it is their own timers' affair. Neither is done at once for a fleet: so many users a
//! second, and of each push service so many phones on their way to the hook, whose connections are there for
//! callers first.
//!
//! Implements: RFC 8599 §5.3, §5.5 (the push notifications before a binding ends).

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use crate::base::{At, Slot, Uid};
use crate::effect::{Ctx, Fact, PushReason, Pushed, StoreOp, StoreOutcome, Wake};
use crate::registrar::Rousing;

use super::switchboard::{Switchboard, Waiting};

/// Phones of one push service that the hook is asked to wake at once, so that half of its connections are left
/// for calls.
const AT_ONCE: usize = 32;
/// Users that the store tells of at once.
const TOLD: u32 = 256;
/// Time to the next look when there are more, and when there are not.
const SOON: Duration = Duration::from_secs(1);
/// See [`SOON`].
const LATER: Duration = Duration::from_secs(10);
/// After that time it is told again that the hook takes none.
const TOLD_FOR: Duration = Duration::from_secs(3_600);

/// Who is to be woken to renew a binding.
#[derive(Debug, Default)]
pub(super) struct Renewals {
    /// By push service; of those that the configuration names, or has named.
    lines: HashMap<String, Line>,
    /// How far the store has told of those that are due: when he was and who.
    told: Option<(i64, Uid)>,
    /// Whether somebody before could not be read.
    has_missed: bool,
    /// Whether the store is looked into.
    is_looking: bool,
}

/// Those who wait for one push service.
#[derive(Debug, Default)]
struct Line {
    /// Whose turn it is: a user and his client each.
    queue: VecDeque<(Uid, String)>,
    /// Phones that the hook is asked to wake now.
    asked: usize,
    /// When it was last told that the hook takes none.
    told: Option<At>,
}

impl Renewals {
    pub(super) fn new(is_looking: bool) -> Self {
        Self { is_looking, ..Self::default() }
    }

    /// Somebody could not be read who may be due: the store is to tell of him again, when it has told of the
    /// others.
    pub(super) fn look_again(&mut self) {
        self.has_missed = true;
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
            self.renewals.is_looking = false;
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
            let is_end = u32::try_from(due.len()).is_ok_and(|told| told < TOLD);
            again = if is_end { LATER } else { SOON };
            for (wake_s, uid) in due {
                if !self.users.fetch(ctx, &uid, &mut self.waiting) {
                    again = SOON;
                    break;
                }
                self.renewals.told = Some((wake_s, uid));
            }
            if is_end && std::mem::take(&mut self.renewals.has_missed) {
                self.renewals.told = None;
            }
        }
        ctx.arm(again, Wake::Renewals);
    }

    /// The bindings of these clients of a user's, each with its push service, have to be renewed.
    pub(super) fn renew(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        clients: impl IntoIterator<Item = (String, String)>,
    ) {
        for (client, provider) in clients {
            let line = self.renewals.lines.entry(provider.clone()).or_default();
            line.queue.push_back((uid.clone(), client));
            self.ask_for_renewals(ctx, &provider);
        }
    }

    /// The hook has answered for one.
    pub(super) fn on_renewal_asked(&mut self, ctx: &mut Ctx<'_>, provider: &str, pushed: Pushed) {
        let Some(line) = self.renewals.lines.get_mut(provider) else { return };
        line.asked = line.asked.saturating_sub(1);
        let is_news = line.told.is_none_or(|told| ctx.at().since(told) >= TOLD_FOR);
        if pushed == Pushed::Failed && is_news {
            line.told = Some(ctx.at());
            ctx.fact(Fact::NoRenewals { provider: provider.to_owned() });
        }
        self.ask_for_renewals(ctx, provider);
    }

    fn ask_for_renewals(&mut self, ctx: &mut Ctx<'_>, provider: &str) {
        while let Some(line) = self.renewals.lines.get_mut(provider).filter(|line| line.asked < AT_ONCE)
            && let Some((uid, client)) = line.queue.pop_front()
        {
            let Some(user) = self.users.get_mut(&uid) else { continue };
            // It may have come by itself meanwhile.
            let Some(binding) = user.bindings.note_asked(ctx.at(), &client) else { continue };
            if let Some(rousing) = Rousing::of(&uid, binding, PushReason::Renewal) {
                line.asked += 1;
                self.ask_hook(ctx, rousing);
            }
            self.users.watch_expiry(ctx, &uid);
        }
    }
}
