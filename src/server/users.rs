//! The users of one user server: loaded on first use, kept while they are of use.
//!
//! *Load, decide, act*: whatever is asked of a user whose record is not here waits for one fetch of
//! the whole of it.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use super::switchboard::Waiting;
use super::visitors::Visitor;
use crate::base::{At, Uid};
use crate::call::Invitation;
use crate::effect::store::{StoreOp, StoredUser};
use crate::effect::{Ctx, Flow, Ticket, Wake};
use crate::message::PageInvitation;
use crate::registrar::User;
use crate::sip::Message;
use crate::transaction::Asked;

/// How long it is remembered that a user does not exist.
const ABSENT: Duration = Duration::from_secs(5);
/// How long an idle user is kept when there are too many.
const IDLE: Duration = Duration::from_secs(60);
/// Requests that may wait for one user's record.
const WAITING: usize = 64;
/// Names of nobody that are remembered at most; beyond it all are forgotten at once.
const ABSENT_MAX: usize = 65_536;
/// Records that may be on their way at once: names that strangers invent must not fill the store's
/// queue, and what waits longer is sent again by its sender.
const LOADING_MAX: usize = 8_192;

/// Something that waits for a user's record.
#[derive(Debug)]
pub(super) enum Job {
    /// A request whose sender he claims to be.
    Request { flow: Flow, message: Arc<Message> },
    /// A call for him.
    Call(Invitation),
    /// A page for him.
    Page(PageInvitation),
    /// A request of another cluster for him.
    Visitor(Box<Visitor>),
}

#[derive(Debug)]
enum Entry {
    Loading(Vec<Job>),
    Present(Box<User>),
}

/// What is known of a user.
#[derive(Debug)]
pub(super) enum Known {
    /// Here.
    Present,
    /// There is none by that name.
    Absent,
    /// Being fetched.
    Loading,
}

#[derive(Debug, Default)]
pub(super) struct Users {
    entries: HashMap<Uid, Entry>,
    /// Names that nobody has, and until when that is believed.
    absent: HashMap<Uid, At>,
    /// How many entries are being fetched.
    loading: usize,
    /// REGISTERs of users whose earlier one is being stored.
    storing: HashMap<Uid, Vec<Asked>>,
}

impl Users {
    pub(super) fn known(&self, now: At, uid: &Uid) -> Option<Known> {
        match self.entries.get(uid) {
            Some(Entry::Present(user)) if user.removed => Some(Known::Absent),
            Some(Entry::Present(_)) => Some(Known::Present),
            Some(Entry::Loading(_)) => Some(Known::Loading),
            None => self.absent.get(uid).filter(|until| **until > now).map(|_| Known::Absent),
        }
    }

    pub(super) fn get(&self, uid: &Uid) -> Option<&User> {
        match self.entries.get(uid)? {
            Entry::Present(user) => Some(user),
            Entry::Loading(_) => None,
        }
    }

    pub(super) fn get_mut(&mut self, uid: &Uid) -> Option<&mut User> {
        match self.entries.get_mut(uid)? {
            Entry::Present(user) => Some(user),
            Entry::Loading(_) => None,
        }
    }

    /// Lets a job wait for a user's record; with the first one it is fetched. Gives the ticket of
    /// the fetch, or the job back if too many wait.
    pub(super) fn wait(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        job: Job,
    ) -> Result<Option<Ticket>, Box<Job>> {
        if let Some(Entry::Loading(jobs)) = self.entries.get_mut(uid) {
            if jobs.len() >= WAITING {
                return Err(Box::new(job));
            }
            jobs.push(job);
            return Ok(None);
        }
        if self.loading >= LOADING_MAX {
            return Err(Box::new(job));
        }
        Ok(Some(self.load(ctx, uid, vec![job])))
    }

    /// Has the record of a user fetched for whom nothing waits, unless he is here. False if too many are on
    /// their way.
    pub(super) fn fetch(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        waiting: &mut HashMap<Ticket, Waiting>,
    ) -> bool {
        if self.entries.contains_key(uid) {
            return true;
        }
        if self.loading >= LOADING_MAX {
            return false;
        }
        waiting.insert(self.load(ctx, uid, Vec::new()), Waiting::User(uid.clone()));
        true
    }

    fn load(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, jobs: Vec<Job>) -> Ticket {
        self.loading += 1;
        self.entries.insert(uid.clone(), Entry::Loading(jobs));
        ctx.store(StoreOp::LoadUser(uid.clone()))
    }

    /// A record has come, or it is known that there is none: what waited goes on. A user who is
    /// here is never replaced: bindings over streams and the uses of nonces are known only here.
    pub(super) fn on_loaded(&mut self, ctx: &Ctx<'_>, uid: &Uid, stored: Option<StoredUser>) -> Vec<Job> {
        if let Some(Entry::Present(user)) = self.entries.get_mut(uid) {
            user.reading = user.reading.saturating_sub(1);
            match stored {
                Some(stored) => user.refresh(stored),
                None => user.remove(),
            }
            return Vec::new();
        }
        let jobs = self.take_waiting(uid);
        match stored {
            Some(stored) => {
                let user = Entry::Present(Box::new(User::load(ctx.settings, ctx.now, stored)));
                self.entries.insert(uid.clone(), user);
            }
            None => self.note_absent(ctx.at(), uid),
        }
        jobs
    }

    /// The fetch has failed: what waited is to be refused, and the next one asks again.
    pub(super) fn on_load_failed(&mut self, uid: &Uid) -> Vec<Job> {
        if let Some(user) = self.get_mut(uid) {
            user.reading = user.reading.saturating_sub(1);
        }
        self.take_waiting(uid)
    }

    fn take_waiting(&mut self, uid: &Uid) -> Vec<Job> {
        if !matches!(self.entries.get(uid), Some(Entry::Loading(_))) {
            return Vec::new();
        }
        self.loading -= 1;
        match self.entries.remove(uid) {
            Some(Entry::Loading(jobs)) => jobs,
            Some(Entry::Present(_)) | None => Vec::new(),
        }
    }

    fn note_absent(&mut self, now: At, uid: &Uid) {
        if self.absent.len() >= ABSENT_MAX {
            self.absent.clear();
        }
        self.absent.insert(uid.clone(), now + ABSENT);
    }

    /// Something of a user's has ended: one whom the store knows no longer goes with the last of it.
    pub(super) fn let_go(&mut self, ctx: &mut Ctx<'_>, uid: &Uid) {
        let Some(user) = self.get_mut(uid).filter(|user| user.removed && !user.is_busy()) else { return };
        ctx.disarm(&mut user.expiry);
        self.entries.remove(uid);
        self.note_absent(ctx.at(), uid);
    }

    /// An operator has changed a user: he is read again if he is here.
    pub(super) fn refresh(&mut self, ctx: &mut Ctx<'_>, uid: &Uid) -> Option<Ticket> {
        self.absent.remove(uid);
        match self.entries.get_mut(uid)? {
            Entry::Present(user) => user.reading = user.reading.saturating_add(1),
            Entry::Loading(_) => {}
        }
        Some(ctx.store(StoreOp::LoadUser(uid.clone())))
    }

    /// A REGISTER is about to be stored: later ones of the same user wait for it. Gives it back if
    /// it may go on.
    pub(super) fn queue_register(&mut self, uid: &Uid, asked: Asked) -> Option<Asked> {
        match self.storing.get_mut(uid) {
            Some(queue) => {
                queue.push(asked);
                None
            }
            None => Some(asked),
        }
    }

    /// Whether a REGISTER of this user is being stored.
    pub(super) fn is_storing(&self, uid: &Uid) -> bool {
        self.storing.contains_key(uid)
    }

    pub(super) fn begin_storing(&mut self, uid: &Uid) {
        self.storing.insert(uid.clone(), Vec::new());
    }

    pub(super) fn end_storing(&mut self, uid: &Uid) -> Vec<Asked> {
        self.storing.remove(uid).unwrap_or_default()
    }

    /// Lets go of whom nobody has asked for, when there are too many.
    pub(super) fn tidy(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.at();
        let limit = usize::try_from(ctx.settings.limits.users_in_memory).unwrap_or(usize::MAX);
        self.absent.retain(|_, until| *until > now);
        if self.entries.len() <= limit {
            return;
        }
        let storing = &self.storing;
        let mut expiries = Vec::new();
        self.entries.retain(|uid, entry| match entry {
            Entry::Loading(_) => true,
            Entry::Present(user) => {
                let idle = !user.is_busy() && now.since(user.used) > IDLE && !storing.contains_key(uid);
                // A binding over a stream is only known here: its user stays.
                let bound = user.bindings.iter().any(|binding| binding.flow.stream.is_some());
                // And so does one whose phone is being woken: the store has told of him already.
                let keep = !idle || bound || user.bindings.any_reminded();
                if !keep {
                    expiries.push(user.expiry.take());
                }
                keep
            }
        });
        for mut expiry in expiries {
            ctx.disarm(&mut expiry);
        }
    }

    /// How many are here, or on their way.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Everybody who is here, in order of name.
    pub(super) fn present(&self) -> Vec<&User> {
        let mut users: Vec<&User> = self
            .entries
            .values()
            .filter_map(|entry| match entry {
                Entry::Present(user) => Some(user.as_ref()),
                Entry::Loading(_) => None,
            })
            .collect();
        users.sort_by(|a, b| a.uid.cmp(&b.uid));
        users
    }

    /// Arms the timer of the binding that expires first.
    pub(super) fn watch_expiry(&mut self, ctx: &mut Ctx<'_>, uid: &Uid) {
        let Some(user) = self.get_mut(uid) else { return };
        ctx.disarm(&mut user.expiry);
        if let Some(first) = user.bindings.next_due() {
            let after = first.since(ctx.at());
            user.expiry = Some(ctx.arm(after, Wake::Binding(uid.clone())));
        }
    }
}
