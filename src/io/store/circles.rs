//! The ways of the trees of a cluster, and whose tree closes a circle: looked for when a phone has let a profile
//! serve.
//!
//! All who wait are answered by one look at the trees, and the next look rests for as long as the one before it
//! took: however often phones switch, half of a processor is left. A user hears of his own way only, and for which
//! modes; for the operator there is a line in the event log.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use super::aside::{Doors, aside};
use super::compiled::{Hash, hash_of};
use super::database::Database;
use super::engine::Answers;
use super::error::StoreError;
use super::meters::{Meters, Work};
use super::queue::Asked;
use crate::base::{At, Limits, ServerIndex, Uid};
use crate::effect::{StoreOp, StoreOutcome, Ticket};
use crate::io::clock::Clock;
use crate::io::event_log::redacted;
use crate::routing::{Direction, Kept, Profile, Turn, Ways};

/// So many users are read at once.
const BATCH: u32 = 200;
/// So many of those who are reached.
const AT_ONCE: usize = 200;
/// So many letters of what a user hears.
const TOLD_MAX: usize = 300;

/// The loop that looks for circles.
pub(super) struct Circles {
    doors: Doors,
    asked: UnboundedReceiver<Asked>,
    meters: Arc<Meters>,
    clock: Clock,
}

/// Who asks, and for whom.
struct Wanted {
    server: ServerIndex,
    ticket: Ticket,
    uid: Uid,
    default: Arc<Profile>,
}

impl Circles {
    pub(super) fn new(doors: Doors, (asked, meters): (UnboundedReceiver<Asked>, Arc<Meters>)) -> Self {
        Self { doors, asked, meters, clock: Clock::start() }
    }

    pub(super) async fn run(mut self, answers: &Answers) {
        let mut rested = self.clock.at();
        loop {
            let Some(wanted) = self.gather(rested).await else { return };
            let begun = self.clock.at();
            let outcomes = self.find(&wanted).await;
            let took = self.clock.at().since(begun);
            rested = self.clock.at() + took;
            self.meters.done(Work::Circles, &outcomes, took);
            for (Wanted { server, ticket, .. }, outcome) in wanted.into_iter().zip(outcomes) {
                answers(server, vec![(ticket, outcome)]);
            }
        }
    }

    /// Waits for somebody to ask, and for the end of the rest. Whoever asks meanwhile is answered with him. `None`
    /// when nobody can ask any more.
    async fn gather(&mut self, rested: At) -> Option<Vec<Wanted>> {
        let mut wanted = Vec::new();
        let mut next = self.asked.recv().await;
        let rest = tokio::time::sleep_until(tokio::time::Instant::from_std(self.clock.instant(rested)));
        tokio::pin!(rest);
        let mut resting = true;
        loop {
            match next {
                Some(Asked::Op(server, ticket, StoreOp::FindCircles { uid, default })) => {
                    wanted.push(Wanted { server, ticket, uid, default });
                }
                Some(Asked::Op(..)) => {}
                Some(Asked::Close) => {
                    self.asked.close();
                    resting = false;
                }
                None => return (!wanted.is_empty()).then_some(wanted),
            }
            if resting {
                tokio::select! {
                    biased;
                    () = &mut rest => resting = false,
                    more = self.asked.recv() => { next = more; continue; }
                }
            }
            match self.asked.try_recv() {
                Ok(more) => next = Some(more),
                Err(_) if !wanted.is_empty() => return Some(wanted),
                Err(_) => next = self.asked.recv().await,
            }
        }
    }

    async fn find(&self, wanted: &[Wanted]) -> Vec<StoreOutcome> {
        let found = match self.search(wanted).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "it could not be found out whether trees of users lead in a circle");
                return wanted.iter().map(|_| StoreOutcome::Failed).collect();
            }
        };
        let told = |one: &Wanted| StoreOutcome::Circles(found.get(&one.uid).cloned());
        wanted.iter().map(told).collect()
    }

    /// What each is to hear, of those to whom requests come back.
    async fn search(&self, wanted: &[Wanted]) -> Result<HashMap<Uid, Box<str>>, StoreError> {
        let Some(Wanted { default, .. }) = wanted.last() else { return Ok(HashMap::new()) };
        let limits = self.doors.limits();
        let mut database = self.doors.database().await?;
        let uids: Vec<Uid> = wanted.iter().map(|one| one.uid.clone()).collect();
        let ways = database.ways_from(&uids, default, &limits).await?;
        database.close().await?;
        // By modes alone: whoever could ask exactly, as often as he likes, would read others' trees by that.
        let coarsely = Limits { loop_check_steps: 0, ..limits };
        let told = move |uid: Uid| told(&ways.turns_of(&uid, &coarsely)).map(|told| (uid, told));
        aside(move || uids.into_iter().filter_map(told).collect()).await
    }
}

/// What the owner of a tree hears of his ways that come back; the operator reads where he finds the rest.
fn told(turns: &[Turn]) -> Option<Box<str>> {
    let first = turns.first()?;
    let user = redacted(&first.from);
    tracing::warn!(
        user,
        ways = turns.len(),
        "a phone has let a profile serve that may lead in a circle: `ratatosk tree loops` lists who leads to whom, and when"
    );
    let told: String = first.sentence().chars().take(TOLD_MAX).collect();
    Some(match turns.len() {
        1 => told.into(),
        more => format!("{told}, and by {} ways more", more - 1).into(),
    })
}

/// Trees as they are read: equal texts once.
struct Gathering {
    ways: Ways,
    known: HashMap<Hash, Kept>,
    default: Kept,
    limits: Limits,
}

impl Gathering {
    fn new(default: &Profile, limits: &Limits) -> Self {
        let mut ways = Ways::default();
        let default = ways.keep(default.clone());
        // What was stored within other limits is read.
        let limits = Limits { tree_bytes: u32::MAX, ..limits.clone() };
        Self { ways, known: HashMap::new(), default, limits }
    }

    /// Adds a user with what serves him; tells whom that asks.
    fn add(&mut self, uid: Uid, source: Option<&str>) -> Vec<Uid> {
        let tree = source.and_then(|source| self.tree(&uid, source)).unwrap_or(self.default);
        self.ways.add(uid, tree);
        self.ways.asked_by(tree).cloned().collect()
    }

    /// The tree of a text. One that cannot be read does not serve; one that only says what goes out does not either.
    fn tree(&mut self, uid: &Uid, source: &str) -> Option<Kept> {
        let hash = hash_of(source);
        if let Some(known) = self.known.get(&hash) {
            return Some(*known);
        }
        let profile = Profile::compile_stored(source, &self.limits, uid).ok()?;
        let is_incoming = profile.has(Direction::Incoming);
        let tree = if is_incoming { self.ways.keep(profile) } else { self.default };
        self.known.insert(hash, tree);
        Some(tree)
    }
}

impl Database {
    /// The ways of all users of the cluster, by the trees that serve them. Trees are compiled on a thread for long
    /// work, equal texts once, and without their proof; what is kept of them is bounded.
    pub async fn ways(&mut self, default: &Profile, limits: &Limits) -> Result<Ways, StoreError> {
        // Without a way in the default tree, only users with a tree of their own matter.
        let everybody = default.asks_others();
        let mut gathering = Gathering::new(default, limits);
        let mut after = String::new();
        loop {
            let rows = self.serving_profiles(&after, everybody, BATCH).await?;
            let Some((last, _)) = rows.last() else { return Ok(gathering.ways) };
            after.clone_from(last);
            let work = move || {
                for (uid, source) in rows {
                    if let Ok(uid) = Uid::parse(&uid) {
                        gathering.add(uid, source.as_deref());
                    }
                }
                gathering
            };
            gathering = aside(work).await?;
        }
    }

    /// The ways from some users on: of theirs, of those whom their trees ask, and so on. Nobody else's tree is read, so
    /// that it costs nothing to ask for a user whose tree leads to nobody.
    pub async fn ways_from(
        &mut self,
        users: &[Uid],
        default: &Profile,
        limits: &Limits,
    ) -> Result<Ways, StoreError> {
        let mut gathering = Gathering::new(default, limits);
        let mut reached: BTreeSet<Uid> = users.iter().cloned().collect();
        let mut open: Vec<Uid> = reached.iter().cloned().collect();
        while !open.is_empty() {
            let mut rows = Vec::new();
            for uid in open.split_off(open.len().saturating_sub(AT_ONCE)) {
                if let Some(source) = self.serving_profile(&uid).await? {
                    rows.push((uid, source));
                }
            }
            let work = move || {
                let add = |(uid, source): (Uid, Option<String>)| gathering.add(uid, source.as_deref());
                let asked: Vec<Uid> = rows.into_iter().flat_map(add).collect();
                (gathering, asked)
            };
            let asked;
            (gathering, asked) = aside(work).await?;
            open.extend(asked.into_iter().filter(|uid| reached.insert(uid.clone())));
        }
        Ok(gathering.ways)
    }
}
