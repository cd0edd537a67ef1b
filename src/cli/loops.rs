//! `ratatosk tree loops`, and the warning of an owner whose tree closes a circle.

use clap::Args;

use super::failure::Failure;
use super::load::{Loaded, with};
use crate::base::{Limits, Uid};
use crate::routing::{Direction, Mode, Profile, Turn, Ways};

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

/// Tells an owner which of his own rules lead back to him, and when, in the words of his own tree; of
/// others' trees he hears nothing.
pub(super) fn warn(loaded: &Loaded, uid: &Uid) -> Result<(), Failure> {
    for Turn { to, rule, modes: list, round, .. } in ways(loaded)?.turns_of(uid, &limits(loaded)) {
        let (can, when) = match round {
            Some(round) => ("can lead", format!("for instance with {}", round.when)),
            None => ("may lead", format!("with {}; there are too many cases to say more", modes(&list))),
        };
        loaded.desk.remark(format_args!(
            "warning: this tree {can} in a circle\n  {rule}\n  {when}\n  From {to} it can come back to {uid}: who was asked \
             before is then unreachable, and a `forward` back is refused (482)."
        ));
    }
    Ok(())
}

/// What was stored within other limits is read.
fn limits(loaded: &Loaded) -> Limits {
    Limits { tree_bytes: u32::MAX, ..loaded.config.limits.clone() }
}

/// The ways of all users of the cluster, by the trees that serve them.
fn ways(loaded: &Loaded) -> Result<Ways, Failure> {
    let offered = loaded.offered()?;
    let all_count = offered.default.asks_others();
    let (users, sources) = with(loaded, async |database| {
        // Without a way in the default tree, only users with a tree of their own matter.
        let users = if all_count { database.users(None).await? } else { Vec::new() };
        Ok((users, database.active_profiles().await?))
    })?;
    let mut ways = Ways::default();
    let default = ways.keep((*offered.default).clone());
    for uid in users.iter().filter_map(|user| Uid::parse(&user.uid).ok()) {
        ways.add(uid, default);
    }
    let limits = limits(loaded);
    for (uid, source) in sources {
        let Ok(uid) = Uid::parse(&uid) else { continue };
        if let Ok(profile) = Profile::compile_stored(&source, &limits, &uid)
            && profile.has(Direction::Incoming)
        {
            let own = ways.keep(profile);
            ways.add(uid, own);
        }
    }
    Ok(ways)
}

fn modes(list: &[Mode]) -> String {
    let list: Vec<&str> = list.iter().map(|mode| mode.request()).collect();
    list.join(" or ")
}
