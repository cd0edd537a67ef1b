//! CPL scripts that phones send: turned into trees aside, and kept as profiles.
//!
//! One is worked on at a time, and of each user one waits, the newest; so nobody waits for more than one script of each
//! other user, and a script may take a fraction of a second. Beyond a number of users who wait, others are told to
//! come again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedReceiver;

use super::aside::{Doors, aside};
use super::engine::Answers;
use super::error::StoreError;
use super::meters::{Meters, Work};
use super::profiles::Expected;
use super::queue::Asked;
use crate::base::{Limits, ServerIndex, Uid};
use crate::effect::store::Script;
use crate::effect::{StoreOp, StoreOutcome, Ticket};
use crate::io::clock::Clock;
use crate::routing::{Faults, import_cpl, text_of};

/// What a script's profile is called.
const NAME: &str = "cpl";
/// So many users may wait.
const WAITING_MAX: usize = 1_000;
/// The steps that the proof of a script's tree may take: a fraction of a second.
const STEPS_MAX: u32 = 400_000;

/// The loop that takes scripts, one after the other.
pub(super) struct Scripts {
    doors: Doors,
    asked: UnboundedReceiver<Asked>,
    meters: Arc<Meters>,
    clock: Clock,
    queue: Queue,
}

/// A script that waits, or the wish to be without one.
#[derive(Debug)]
struct Waiting {
    server: ServerIndex,
    ticket: Ticket,
    uid: Uid,
    script: Option<Bytes>,
}

/// The scripts that wait, in turn; of each user one.
#[derive(Debug, Default)]
struct Queue(VecDeque<Waiting>);

impl Queue {
    /// Takes one in, and hands out one that need not wait any longer, and why.
    fn put(&mut self, new: Waiting) -> Option<(Waiting, &'static str)> {
        if let Some(own) = self.0.iter_mut().find(|waiting| waiting.uid == new.uid) {
            return Some((std::mem::replace(own, new), "a newer one has come"));
        }
        if self.0.len() >= WAITING_MAX {
            return Some((new, "too many others wait to be read; send it again later"));
        }
        self.0.push_back(new);
        None
    }
}

impl Scripts {
    pub(super) fn new(doors: Doors, (asked, meters): (UnboundedReceiver<Asked>, Arc<Meters>)) -> Self {
        Self { doors, asked, meters, clock: Clock::start(), queue: Queue::default() }
    }

    pub(super) async fn run(mut self, answers: &Answers) {
        while let Some(Waiting { server, ticket, uid, script }) = self.next(answers).await {
            let begun = self.clock.at();
            let outcomes = [self.perform(&uid, script).await];
            self.meters.done(Work::Script, &outcomes, self.clock.at().since(begun));
            answers(server, outcomes.into_iter().map(|outcome| (ticket, outcome)).collect());
        }
    }

    /// The next script, when everything that was asked meanwhile has found its place; `None` when nobody can ask any more.
    async fn next(&mut self, answers: &Answers) -> Option<Waiting> {
        loop {
            let asked = match self.asked.try_recv() {
                Ok(asked) => asked,
                Err(_) if !self.queue.0.is_empty() => return self.queue.0.pop_front(),
                Err(_) => self.asked.recv().await?,
            };
            match asked {
                Asked::Op(server, ticket, StoreOp::ImportScript { uid, script }) => {
                    let new = Waiting { server, ticket, uid, script };
                    if let Some((Waiting { server, ticket, .. }, why)) = self.queue.put(new) {
                        let outcome = StoreOutcome::Imported(Err(why.into()));
                        self.meters.done(Work::Script, std::slice::from_ref(&outcome), Duration::ZERO);
                        answers(server, vec![(ticket, outcome)]);
                    }
                }
                Asked::Op(server, ticket, _) => answers(server, vec![(ticket, StoreOutcome::Failed)]),
                // What was asked before is still answered.
                Asked::Close => self.asked.close(),
            }
        }
    }

    async fn perform(&self, uid: &Uid, script: Option<Bytes>) -> StoreOutcome {
        let done = match script {
            Some(script) => self.import(uid, script).await,
            None => self.remove(uid).await.map(Ok),
        };
        match done {
            Ok(done) => StoreOutcome::Imported(done),
            Err(StoreError::Refused(why)) => StoreOutcome::Imported(Err(why.to_string().into())),
            Err(error) => {
                tracing::error!(%error, "a script could not be stored");
                StoreOutcome::Failed
            }
        }
    }

    /// Turns a script into a profile; what comes of that, or why it cannot be.
    async fn import(&self, uid: &Uid, script: Bytes) -> Result<Result<Script, Box<str>>, StoreError> {
        let (limits, owner) = (self.doors.limits(), uid.clone());
        let text = match aside(move || tree(&script, &limits, &owner)).await? {
            Ok(text) => text,
            Err(why) => return Ok(Err(why)),
        };
        let mut database = self.doors.database().await?;
        let done = match database.profile(uid, NAME).await {
            Ok(own) if own == text => Script::Same,
            Ok(_) | Err(StoreError::NoProfile { .. }) => {
                let limits = self.doors.limits();
                database.put_profile(uid, NAME, &text, &Expected::Whatever, &limits).await?;
                match database.active_profile(uid).await? {
                    Some(own) if own == text => Script::Serves,
                    // A profile that the user has chosen stays his choice.
                    Some(_) => Script::Stored,
                    None => {
                        database.activate_profile(uid, Some(NAME)).await?;
                        Script::Serves
                    }
                }
            }
            Err(error) => return Err(error),
        };
        database.close().await?;
        Ok(Ok(done))
    }

    /// Takes the profile of an earlier script away.
    async fn remove(&self, uid: &Uid) -> Result<Script, StoreError> {
        let mut database = self.doors.database().await?;
        let is_serving = database.user(uid).await?.profile.as_deref() == Some(NAME);
        let done = match database.remove_profile(uid, NAME).await {
            Ok(()) if is_serving => Script::Serves,
            Ok(()) => Script::Stored,
            Err(StoreError::NoProfile { .. }) => Script::Same,
            Err(error) => return Err(error),
        };
        database.close().await?;
        Ok(done)
    }
}

/// The tree of a script, or why there is none.
fn tree(script: &[u8], limits: &Limits, owner: &Uid) -> Result<String, Box<str>> {
    let steps = limits.tree_check_steps.min(STEPS_MAX);
    let limits = Limits { tree_check_steps: steps, ..limits.clone() };
    let imported = text_of(script).and_then(|text| import_cpl(text, NAME, &limits, Some(owner)));
    imported.map(|imported| imported.text).map_err(|faults| told(&faults))
}

/// The first fault in one sentence, and how many more there are.
fn told(faults: &Faults) -> Box<str> {
    let mut list = faults.iter();
    let Some(first) = list.next() else { return "it cannot be read here".into() };
    let more = match list.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("line {}: {}{more}", first.line(), first.message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(user: usize, ticket: u64) -> Waiting {
        let uid = Uid::parse(&format!("user{user}@north.test")).unwrap();
        Waiting { server: ServerIndex(0), ticket: Ticket(ticket), uid, script: None }
    }

    #[test]
    fn the_newest_of_each_user_waits_in_turn() {
        let mut queue = Queue::default();
        assert!(queue.put(waiting(0, 0)).is_none() && queue.put(waiting(1, 1)).is_none());
        let (older, why) = queue.put(waiting(0, 2)).unwrap();
        assert_eq!((older.ticket, why), (Ticket(0), "a newer one has come"));
        for user in 2..WAITING_MAX {
            assert!(queue.put(waiting(user, 9)).is_none());
        }
        let (refused, why) = queue.put(waiting(WAITING_MAX, 3)).unwrap();
        assert_eq!(refused.ticket, Ticket(3));
        assert!(why.contains("send it again later"));
        assert!(queue.put(waiting(1, 4)).is_some(), "who waits may change his mind");
        let turn: Vec<u64> = queue.0.iter().take(2).map(|waiting| waiting.ticket.0).collect();
        assert_eq!(turn, [2, 4], "he keeps his turn");
        assert_eq!(queue.0.len(), WAITING_MAX);
    }
}
