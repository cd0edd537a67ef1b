//! `ratatosk tree replay`: what was asked of a user's trees, asked again of another tree.

use std::sync::Arc;
use std::thread;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::asked::since;
use super::desk::Desk;
use super::failure::Failure;
use super::load::{Loaded, block_on};
use super::output;
use crate::base::Uid;
use crate::io::store::{Database, Kind, Opening, QuestionRow};
use crate::routing::{Done, Mode, Profile, Recorded, Replayed};

/// So many questions are read at once, while those before are asked.
const BATCH: u32 = 8_192;
/// So many calls and pages of each kind are told one by one, if nobody says how many.
const TOLD: u32 = 1_000;

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Whose calls and pages.
    uid: String,
    /// The tree that is to be tried: a file, or a user's profile as `UID:NAME`.
    tree: String,
    /// Only those since then: `2026-11-28T10:00:00Z`, or so long ago: `36h`, `7d`.
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Tell so many one by one, the first: of those that differ, and of those of which nobody can tell.
    /// All are counted.
    #[arg(long, value_name = "N", default_value_t = TOLD)]
    limit: u32,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    /// How many questions there are.
    asked: u64,
    /// How many would be routed as they were.
    same: u64,
    /// How many would not.
    differ_count: u64,
    /// Of how many nobody knows.
    unknown_count: u64,
    /// The first of those that would not.
    differ: Vec<Row>,
    /// The first of those of which nobody knows.
    unknown: Vec<Row>,
    /// How many rows of each of the two are kept.
    #[serde(skip)]
    limit: usize,
}

/// A call or page.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    id: String,
    at_ms: i64,
    mode: Option<Mode>,
    caller: String,
    callee: String,
    /// The rule that decided.
    rule: String,
    /// What was done.
    old: Option<String>,
    /// What would be done now.
    new: Option<String>,
}

impl Replay {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let uid = loaded.uid(&self.uid)?;
        let profile = loaded.profile(&self.tree)?;
        let found = ask_again(loaded, &uid, &profile, (self.since.as_deref(), self.limit))?;
        if self.json {
            loaded.desk.json(&found);
        } else {
            found.print(&loaded.desk, &uid);
        }
        if found.differ_count == 0 { Ok(()) } else { Err(found.failure()) }
    }
}

/// Asks everything again that was asked of a user's trees.
pub(super) fn replay(
    loaded: &Loaded,
    uid: &Uid,
    profile: &Arc<Profile>,
    from: Option<&str>,
) -> Result<Found, Failure> {
    ask_again(loaded, uid, profile, (from, TOLD))
}

fn ask_again(
    loaded: &Loaded,
    uid: &Uid,
    profile: &Arc<Profile>,
    (from, limit): (Option<&str>, u32),
) -> Result<Found, Failure> {
    let fallback = loaded.offered()?.default;
    let since_ms = from.map_or(Ok(i64::MIN), since)?;
    let mut found = Found::new(usize::try_from(limit).unwrap_or(usize::MAX));
    block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        database.user(uid).await?;
        for kind in [Kind::Call, Kind::Page] {
            ask_all(loaded, &mut database, (uid, kind, since_ms), (profile, &fallback), &mut found).await?;
        }
        database.close().await?;
        Ok(())
    })?;
    Ok(found)
}

/// Asks the questions of one kind: a batch is read while a thread asks the one before.
async fn ask_all(
    loaded: &Loaded,
    database: &mut Database,
    (uid, kind, since_ms): (&Uid, Kind, i64),
    (profile, fallback): (&Arc<Profile>, &Arc<Profile>),
    found: &mut Found,
) -> Result<(), Failure> {
    let mut before: Option<thread::JoinHandle<Found>> = None;
    let mut after = i64::MIN;
    loop {
        let rows = database.questions(uid, kind, since_ms, after, BATCH).await?;
        if let Some(asking) = before.take() {
            found.add(asking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        if !loaded.desk.progress(&found.so_far()) {
            return Err(Failure::Gone);
        }
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.serial;
        let (profile, fallback) = (Arc::clone(profile), Arc::clone(fallback));
        let mut found = Found::new(found.limit);
        before = Some(thread::spawn(move || {
            for row in rows {
                found.ask(kind, row, &profile, &fallback);
            }
            found
        }));
    }
}

impl Found {
    fn new(limit: usize) -> Self {
        let (differ, unknown) = (Vec::new(), Vec::new());
        Self { asked: 0, same: 0, differ_count: 0, unknown_count: 0, differ, unknown, limit }
    }

    fn ask(&mut self, kind: Kind, row: QuestionRow, profile: &Arc<Profile>, fallback: &Arc<Profile>) {
        self.asked += 1;
        let recorded = Recorded::read(&row.question);
        match recorded.as_ref().map(|recorded| recorded.replay(profile, fallback)) {
            Ok(Replayed::Same) => self.same += 1,
            Ok(Replayed::Differs(done)) => {
                self.differ_count += 1;
                if self.differ.len() < self.limit {
                    self.differ.push(Row::of(kind, row, recorded.ok(), Some(Done::told(&done))));
                }
            }
            Ok(Replayed::Unknown) | Err(_) => {
                self.unknown_count += 1;
                if self.unknown.len() < self.limit {
                    self.unknown.push(Row::of(kind, row, recorded.ok(), None));
                }
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.same += other.same;
        self.differ_count += other.differ_count;
        self.unknown_count += other.unknown_count;
        self.differ.extend(other.differ);
        self.differ.truncate(self.limit);
        self.unknown.extend(other.unknown);
        self.unknown.truncate(self.limit);
    }

    /// How far it is.
    fn so_far(&self) -> serde_json::Value {
        let (differ, unknown) = (self.differ_count, self.unknown_count);
        json!({ "progress": { "asked": self.asked, "same": self.same, "differ": differ, "unknown": unknown } })
    }

    /// Whether every request would surely be routed as it was.
    pub(super) fn is_same(&self) -> bool {
        self.differ_count == 0 && self.unknown_count == 0
    }

    /// That it is not so.
    pub(super) fn failure(&self) -> Failure {
        Failure::Replay { differ: self.differ_count, unknown: self.unknown_count, asked: self.asked }
    }

    pub(super) fn print(&self, desk: &Desk, uid: &Uid) {
        if self.asked == 0 {
            return desk.line(format_args!("nothing was asked of the trees of {uid} in that time"));
        }
        print(desk, &self.differ, self.differ_count);
        if self.unknown_count > 0 {
            desk.line("of these nobody can tell: the tree looks at what is not on record");
            print(desk, &self.unknown, self.unknown_count);
        }
        let (asked, same) = (self.asked, self.same);
        desk.line(format_args!("{same} of {asked} calls and pages would be routed as they were"));
    }
}

/// Prints rows, and how many there are besides.
fn print(desk: &Desk, rows: &[Row], count: u64) {
    for row in rows {
        row.print(desk);
    }
    let more = count.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    if more > 0 {
        desk.line(format_args!("and {more} more; `--limit N` tells so many"));
    }
}

impl Row {
    fn of(kind: Kind, row: QuestionRow, recorded: Option<Recorded>, new: Option<String>) -> Self {
        Self {
            kind: match kind {
                Kind::Call => "call",
                Kind::Page => "page",
            },
            id: row.id,
            at_ms: row.at_ms,
            mode: recorded.as_ref().map(|recorded| recorded.mode),
            caller: row.caller,
            callee: row.callee,
            rule: row.rule,
            old: recorded.map(|recorded| Done::told(&recorded.done)),
            new,
        }
    }

    fn print(&self, desk: &Desk) {
        let Self { kind, id, caller, callee, rule, .. } = self;
        desk.line(format_args!("{} UTC  {kind} {id}, {caller} to {callee}", output::moment(self.at_ms)));
        desk.line(format_args!("  by   {rule}"));
        if let (Some(old), Some(new)) = (&self.old, &self.new) {
            desk.line(format_args!("  old  {old}"));
            desk.line(format_args!("  new  {new}"));
        }
    }
}
