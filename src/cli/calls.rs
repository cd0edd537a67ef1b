//! `ratatosk calls`, `ratatosk calls show ID`

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::load::{Loaded, block_on};
use super::{live, output};
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
    /// So many past ones, the latest.
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
            Some(Show::Show { id, json }) => show(loaded, &id, json),
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
            output::json(&All { live, past });
            return Ok(());
        }
        let rows = past.into_iter().map(past_row).chain(live.into_iter().map(live_row));
        let headings = ["started (UTC)", "call", "from", "to", "mode", "tree", "state", "length", "rule"];
        output::table(&headings, rows.collect(), "there are no calls yet");
        Ok(())
    }
}

fn past_row(row: CallRow) -> Vec<String> {
    let length = row.answered_ms.map_or(String::new(), |answered| output::length(row.ended_ms - answered));
    let state = format!("{} {}", row.status, row.end);
    let started = output::moment(row.started_ms);
    vec![started, row.id, row.caller, row.callee, row.mode, row.direction, state, length, row.rule]
}

fn live_row(call: LiveCall) -> Vec<String> {
    let started = output::moment(call.started_ms);
    let (tree, state) = (call.direction, call.state);
    vec![started, call.id, call.caller, call.callee, call.mode, tree, state, String::new(), call.rule]
}

fn show(loaded: &Loaded, id: &str, json: bool) -> Result<(), Failure> {
    let halves = block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        let halves = database.call(id).await?;
        database.close().await?;
        Ok(halves)
    })?;
    if halves.is_empty() {
        return Err(Failure::NoCall(id.into()));
    }
    if json {
        output::json(&halves);
        return Ok(());
    }
    for half in halves {
        output::line(format_args!("call {}: {} to {}, {}", half.id, half.caller, half.callee, half.mode));
        output::line(format_args!("  started   {} UTC", output::moment(half.started_ms)));
        match half.answered_ms {
            Some(answered) => {
                output::line(format_args!("  answered  {} UTC", output::moment(answered)));
                output::line(format_args!("  lasted    {}", output::length(half.ended_ms - answered)));
            }
            None => output::line("  answered  by nobody"),
        }
        output::line(format_args!("  ended     {} {}", half.status, half.end));
        output::line(format_args!("  the {} tree of {} decided:", half.direction, half.owner));
        for step in half.path.lines() {
            output::line(format_args!("    {step}"));
        }
        output::line("");
    }
    Ok(())
}
