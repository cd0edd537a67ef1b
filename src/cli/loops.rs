//! `ratatosk tree loops`, and the warning of an owner whose tree closes a circle.

use clap::Args;

use super::failure::Failure;
use super::load::{Loaded, with};
use crate::base::{Limits, Uid};
use crate::routing::{Mode, Turn, Ways};

#[derive(Debug, Args)]
pub(super) struct Loops {
    /// For programs.
    #[arg(long)]
    json: bool,
}

impl Loops {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let turns = ways(loaded)?.turns(&limits(loaded));
        if self.json {
            loaded.desk.json(&turns);
            return Ok(());
        }
        if turns.iter().any(|turn| turn.round.is_none()) {
            loaded.desk.remark(format_args!(
                "note: some of these trees tell too many cases apart for all of them to be gone through; they are told by \
                 modes alone, and may never lead in a circle (loop_check_steps)"
            ));
        }
        if turns.is_empty() {
            loaded.desk.line("no tree leads in a circle");
        }
        for turn in &turns {
            loaded.desk.line(told(turn).trim_end());
        }
        Ok(())
    }
}

/// What an operator reads of a rule.
fn told(Turn { from, to, rule, modes: list, round }: &Turn) -> String {
    let Some(round) = round else {
        return format!("{from}: {rule}\n  perhaps comes back from {to}, for {}\n", modes(list));
    };
    let by = round.by.join(", ");
    format!(
        "{from}: {rule}\n  takes {}\n  comes back by {by}\n  for instance {}\n",
        round.when, round.example
    )
}

/// Tells who lets a tree serve which of its rules lead back to its owner. At a terminal sits the operator, and he is told
/// for instance when. A request may come from the owner, who could find out others' trees by trying many of his own: he
/// is told for which modes. What was to be done is done: that it cannot be found out is a remark, too.
pub(super) fn warn(loaded: &Loaded, uid: &Uid) {
    let is_operator = loaded.desk.is_terminal();
    let turns = match ways_from(loaded, uid) {
        Ok(ways) if is_operator => ways.turns_of(uid, &limits(loaded)),
        Ok(ways) => ways.turns_of(uid, &Limits { loop_check_steps: 0, ..limits(loaded) }),
        Err(why) => {
            let remark =
                format_args!("note: whether this tree leads in a circle could not be found out: {why}");
            return loaded.desk.remark(remark);
        }
    };
    for Turn { to, rule, modes: list, round, .. } in turns {
        let (can, when) = match round {
            Some(round) => (
                "can lead",
                format!("takes {}\n  comes back for instance with {}", round.when, round.example),
            ),
            None if is_operator => {
                ("may lead", format!("with {}; there are too many cases to say more", modes(&list)))
            }
            None => ("may lead", format!("with {}", modes(&list))),
        };
        loaded.desk.remark(format_args!(
            "warning: this tree {can} in a circle\n  {rule}\n  {when}\n  From {to} it can come back to {uid}: who was asked \
             before is then unreachable, and a `forward` back is refused (482)."
        ));
    }
}

/// What was stored within other limits is read.
fn limits(loaded: &Loaded) -> Limits {
    Limits { tree_bytes: u32::MAX, ..loaded.config.limits.clone() }
}

/// The ways of all users of the cluster, by the trees that serve them.
fn ways(loaded: &Loaded) -> Result<Ways, Failure> {
    let default = loaded.offered()?.default;
    with(loaded, async |database| database.ways(&default, &loaded.config.limits).await)
}

/// The ways from one user on.
fn ways_from(loaded: &Loaded, uid: &Uid) -> Result<Ways, Failure> {
    let default = loaded.offered()?.default;
    let users = std::slice::from_ref(uid);
    with(loaded, async |database| database.ways_from(users, &default, &loaded.config.limits).await)
}

fn modes(list: &[Mode]) -> String {
    let list: Vec<&str> = list.iter().map(|mode| mode.request()).collect();
    list.join(" or ")
}
