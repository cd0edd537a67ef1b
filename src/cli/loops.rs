//! `ratatosk tree loops`, and the warning of an owner whose tree closes a circle.

use std::collections::BTreeMap;

use clap::Args;

use super::failure::Failure;
use super::load::{Loaded, with};
use crate::base::{Limits, Uid};
use crate::routing::{Mode, Profile, Turn, Ways};

#[derive(Debug, Args)]
pub(super) struct Loops {
    /// For programs.
    #[arg(long)]
    json: bool,
}

impl Loops {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let turns = ways(loaded)?.turns();
        if self.json {
            loaded.desk.json(&turns);
            return Ok(());
        }
        let row = |turn: Turn| vec![turn.from, turn.to, modes(&turn.modes), turn.rule];
        let headings = ["whose tree", "asks", "comes back for", "rule"];
        loaded.desk.table(&headings, turns.into_iter().map(row).collect(), "no tree leads in a circle");
        Ok(())
    }
}

/// Tells an owner which of his own rules lead back to him; of others' trees he hears nothing.
pub(super) fn warn(loaded: &Loaded, uid: &Uid) -> Result<(), Failure> {
    for Turn { to, rule, modes: list, .. } in ways(loaded)?.turns_of(uid) {
        loaded.desk.remark(format_args!(
            "warning: this tree can lead in a circle\n  {rule}\n  from {to} it can come back to {uid}, for {}; who was asked \
             before is then unreachable, and a `forward` back is refused (482)",
            modes(&list)
        ));
    }
    Ok(())
}

/// The ways of all users of the cluster, by the trees that serve them.
fn ways(loaded: &Loaded) -> Result<Ways, Failure> {
    let offered = loaded.offered()?;
    let default = offered.default.ways();
    let (users, sources) = with(loaded, async |database| {
        // Without a way in the default tree, only users with a tree of their own matter.
        let users = if default.is_empty() { Vec::new() } else { database.users(None).await? };
        Ok((users, database.active_profiles().await?))
    })?;
    let mut ways = Ways::default();
    let uids = users.iter().filter_map(|user| Uid::parse(&user.uid).ok());
    let mut all: BTreeMap<Uid, _> = uids.map(|uid| (uid, default.clone())).collect();
    // What was stored within other limits is read.
    let limits = Limits { tree_bytes: u32::MAX, ..loaded.config.limits.clone() };
    for (uid, source) in sources {
        let Ok(uid) = Uid::parse(&uid) else { continue };
        if let Ok(profile) = Profile::compile_for(&source, &limits, &uid, None)
            && profile.has(crate::routing::Direction::Incoming)
        {
            all.insert(uid, profile.ways());
        }
    }
    for (uid, of_user) in all {
        ways.add(uid, of_user);
    }
    Ok(ways)
}

fn modes(list: &[Mode]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
