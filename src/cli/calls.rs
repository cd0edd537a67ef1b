//! `ratatosk calls`, `ratatosk calls show ID`

use clap::{Args, Subcommand};
use serde::Serialize;

use super::desk::Desk;
use super::failure::Failure;
use super::load::{Loaded, block_on};
use super::{live, output};
use crate::base::Cid;
use crate::call::{Rung, draw, rungs};
use crate::effect::admin::LiveCall;
use crate::io::socket::{Answer, Question};
use crate::io::store::{CallRow, Filter, Opening};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Calls {
    #[command(subcommand)]
    show: Option<Show>,
    /// Only those that a tree of this user decided.
    #[arg(long, value_name = "UID")]
    user: Option<String>,
    /// So many past ones, the latest: calls, each of which may have two halves.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Show {
    /// Tell all of one call: both halves, and how each tree decided.
    Show {
        /// The call, or as much of its name as is its alone.
        id: String,
        /// Only what this user may see: his half.
        #[arg(long, value_name = "UID")]
        user: Option<String>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

/// Both kinds of calls, for programs.
#[derive(Serialize)]
struct All {
    live: Vec<LiveCall>,
    past: Vec<CallRow>,
}

impl Calls {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self.show {
            Some(Show::Show { id, user, json }) => show(loaded, &id, user.as_deref(), json),
            None => self.list(loaded),
        }
    }

    fn list(self, loaded: &Loaded) -> Result<(), Failure> {
        let owner = self.user.as_deref().map(|user| loaded.uid(user)).transpose()?;
        let mut live = match live::ask(loaded, &Question::Calls)? {
            Some(Answer::Calls(calls)) => calls,
            Some(_) => return Err(live::foreign()),
            None => Vec::new(),
        };
        live.retain(|call| owner.as_ref().is_none_or(|owner| call.owner == owner.as_str()));
        let past = block_on(async {
            let mut database = loaded.database(Opening::Existing).await?;
            let calls = database.calls(&Filter { owner, limit: self.limit }).await?;
            database.close().await?;
            Ok(calls)
        })?;
        // A call that has just ended may still be on both lists, or have a record at its start.
        let is_live =
            |row: &CallRow| live.iter().any(|call| call.id == row.id && call.direction == row.direction);
        let past: Vec<CallRow> = past.into_iter().filter(|row| !is_live(row)).collect();
        if self.json {
            loaded.desk.json(&All { live, past });
            return Ok(());
        }
        let halves = past.into_iter().map(Half::from).chain(live.into_iter().map(Half::from));
        let rows = halves.map(|half| half.row(&loaded.config.cid));
        let headings = ["begun (UTC)", "call", "from", "to", "mode", "tree", "state", "rule"];
        loaded.desk.table(&headings, rows.collect(), "there are no calls yet");
        Ok(())
    }
}

/// One half, in progress or over.
#[derive(Serialize)]
struct Half {
    id: String,
    direction: String,
    owner: String,
    caller: String,
    callee: String,
    mode: String,
    started_ms: i64,
    answered_ms: Option<i64>,
    /// `None` while it lasts.
    ended_ms: Option<i64>,
    status: Option<u16>,
    /// What ended it, or how it stands.
    end: String,
    rule: String,
    path: String,
    /// What the tree was asked; `None` while it lasts.
    question: Option<serde_json::Value>,
    ladder: Vec<Rung>,
}

/// Letters of the name of a call that a table shows: enough for `calls show`.
const NAMED: usize = 8;

impl Half {
    /// For people, among others.
    fn row(self, cid: &Cid) -> Vec<String> {
        let state = match (self.status, self.answered_ms, self.ended_ms) {
            (Some(_), Some(answered), Some(ended)) => {
                format!("{} {}", output::length(ended - answered), self.end)
            }
            (Some(status), ..) => format!("{status} {}", self.end),
            (None, ..) => self.end,
        };
        let tree = if self.direction == "incoming" { "in" } else { "out" };
        let (from, to) = (output::name(&self.caller, cid), output::name(&self.callee, cid));
        let id = self.id.chars().take(NAMED).collect();
        vec![output::when(self.started_ms), id, from, to, self.mode, tree.to_owned(), state, self.rule]
    }

    /// For people who have to choose one.
    fn candidate(&self) -> String {
        format!("{}  {} UTC  {} to {}", self.id, output::moment(self.started_ms), self.caller, self.callee)
    }
}

impl From<CallRow> for Half {
    fn from(row: CallRow) -> Self {
        Self {
            id: row.id,
            direction: row.direction,
            owner: row.owner,
            caller: row.caller,
            callee: row.callee,
            mode: row.mode,
            started_ms: row.started_ms,
            answered_ms: row.answered_ms,
            ended_ms: Some(row.ended_ms),
            status: Some(row.status),
            end: row.end,
            rule: row.rule,
            path: row.path,
            question: serde_json::from_str(&row.question).ok(),
            ladder: rungs(&row.ladder),
        }
    }
}

impl From<LiveCall> for Half {
    fn from(call: LiveCall) -> Self {
        Self {
            id: call.id,
            direction: call.direction,
            owner: call.owner,
            caller: call.caller,
            callee: call.callee,
            mode: call.mode,
            started_ms: call.started_ms,
            answered_ms: call.answered_ms,
            ended_ms: None,
            status: None,
            end: call.state,
            rule: call.rule,
            path: call.path,
            question: None,
            ladder: rungs(&call.ladder),
        }
    }
}

fn show(loaded: &Loaded, id: &str, user: Option<&str>, json: bool) -> Result<(), Failure> {
    let owner = user.map(|user| loaded.uid(user)).transpose()?;
    // What lives is asked for first: a half that ends between the questions is then told twice, not
    // missed, and its record is the newer word.
    let live = match live::ask(loaded, &Question::Call(id.into()))? {
        Some(Answer::Calls(calls)) => calls,
        Some(_) => return Err(live::foreign()),
        None => Vec::new(),
    };
    let past = block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        let halves = database.call(id).await?;
        database.close().await?;
        Ok(halves)
    })?;
    let mut halves: Vec<Half> = past.into_iter().map(Half::from).collect();
    for call in live.into_iter().map(Half::from) {
        let same = |half: &Half| {
            (&half.id, &half.direction, &half.owner) == (&call.id, &call.direction, &call.owner)
        };
        if !halves.iter().any(same) {
            halves.push(call);
        }
    }
    halves.retain(|half| owner.as_ref().is_none_or(|owner| half.owner == owner.as_str()));
    halves.sort_by(|a, b| (&a.id, a.started_ms).cmp(&(&b.id, b.started_ms)));
    if halves.is_empty() {
        return Err(Failure::NoCall(id.into()));
    }
    let halves = only(id, halves)?;
    if json {
        loaded.desk.json(&halves);
    } else {
        for half in &halves {
            print(&loaded.desk, half);
        }
    }
    Ok(())
}

/// The halves of the one call that is meant.
fn only(id: &str, mut halves: Vec<Half>) -> Result<Vec<Half>, Failure> {
    if halves.iter().any(|half| half.id == id) {
        halves.retain(|half| half.id == id);
    }
    let mut calls: Vec<&Half> = halves.iter().collect();
    calls.dedup_by(|a, b| a.id == b.id);
    if calls.len() <= 1 {
        return Ok(halves);
    }
    let candidates = calls.into_iter().map(Half::candidate).collect();
    Err(Failure::ManyCalls { id: id.into(), candidates })
}

fn print(desk: &Desk, half: &Half) {
    desk.line(format_args!("call {}: {} to {}, {}", half.id, half.caller, half.callee, half.mode));
    desk.line(format_args!("  started   {} UTC", output::moment(half.started_ms)));
    match (half.answered_ms, half.ended_ms) {
        (Some(answered), ended) => {
            desk.line(format_args!("  answered  {} UTC", output::moment(answered)));
            if let Some(ended) = ended {
                desk.line(format_args!("  lasted    {}", output::length(ended - answered)));
            }
        }
        (None, Some(_)) => desk.line("  answered  by nobody"),
        (None, None) => {}
    }
    match half.status {
        Some(status) => desk.line(format_args!("  ended     {status} {}", half.end)),
        None => desk.line(format_args!("  now       {}", half.end)),
    }
    desk.line(format_args!("  the {} tree of {} decided:", half.direction, half.owner));
    for step in half.path.lines() {
        desk.line(format_args!("    {step}"));
    }
    if !half.ladder.is_empty() {
        desk.line("  and this was said:");
        for row in draw(&half.ladder) {
            desk.line(format_args!("    {row}"));
        }
    }
    desk.line("");
}
