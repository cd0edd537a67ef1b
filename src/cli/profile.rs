//! `ratatosk profile …`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;

use super::failure::Failure;
use super::load::{Loaded, with};
use super::replay::replay;
use super::{live, loops, output};
use crate::base::Uid;
use crate::io::store::{Database, Hint, StoreError};
use crate::routing::{Faults, Profile as Compiled, nearest};

#[derive(Debug, Subcommand)]
pub(super) enum Profile {
    /// Check a tree and store it for a user. It serves once it is activated.
    Set {
        /// The user.
        uid: String,
        /// The name it gets.
        name: String,
        /// The tree.
        #[arg(long, value_name = "F")]
        file: PathBuf,
        /// Store it only if it routes every call and page on record as it was routed; with `--since`,
        /// every one since then.
        #[arg(long)]
        require_same: bool,
        /// `2026-11-28T10:00:00Z`, or so long ago: `36h`, `7d`.
        #[arg(long, value_name = "T", requires = "require_same")]
        since: Option<String>,
    },
    /// List the profiles of a user.
    List {
        /// The user.
        uid: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Print a profile of a user.
    Show {
        /// The user.
        uid: String,
        /// The profile.
        name: String,
    },
    /// Let a profile serve from now on: one of the user's, or one of the trees offered to all.
    Activate {
        /// The user.
        uid: String,
        /// The profile. Without it the cluster's default serves.
        name: Option<String>,
    },
    /// Remove a profile of a user. If it was the active one, the cluster's default serves.
    Remove {
        /// The user.
        uid: String,
        /// The profile.
        name: String,
    },
}

impl Profile {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Set { uid, name, file, require_same, since } => {
                let uid = loaded.uid(&uid)?;
                let compiled = Arc::new(loaded.compile_for(&uid, &loaded.names(&uid)?, &file)?);
                if require_same {
                    require_the_same(loaded, &uid, &compiled, since.as_deref())?;
                }
                set(loaded, &uid, &name, &compiled)
            }
            Self::List { uid, json } => list(loaded, &loaded.uid(&uid)?, json),
            Self::Show { uid, name } => show(loaded, &loaded.uid(&uid)?, &name),
            Self::Activate { uid, name } => activate(loaded, &loaded.uid(&uid)?, name.as_deref()),
            Self::Remove { uid, name } => remove(loaded, &loaded.uid(&uid)?, &name),
        }
    }
}

/// Refuses a tree that would have routed something differently.
fn require_the_same(
    loaded: &Loaded,
    uid: &Uid,
    compiled: &Arc<Compiled>,
    since: Option<&str>,
) -> Result<(), Failure> {
    let found = replay(loaded, uid, compiled, since)?;
    if found.is_same() {
        return Ok(());
    }
    found.print(uid);
    Err(found.failure())
}

fn set(loaded: &Loaded, uid: &Uid, name: &str, compiled: &Compiled) -> Result<(), Failure> {
    let is_active = with(loaded, async |database| {
        database.put_profile(uid, name, compiled.source(), &loaded.config.limits).await?;
        Ok(database.user(uid).await?.profile.as_deref() == Some(name))
    })?;
    live::refresh(loaded, std::slice::from_ref(uid));
    if compiled.name() != name {
        output::remark(format_args!(
            "note: the tree calls itself \"{}\": so it stands in the records of calls",
            compiled.name()
        ));
    }
    if is_active {
        loops::warn(loaded, uid)?;
        output::line(format_args!("{uid} is served by the new \"{name}\""));
    } else {
        output::line(format_args!(
            "{uid} has \"{name}\"; `ratatosk profile activate {uid} '{name}'` lets it serve"
        ));
    }
    Ok(())
}

fn list(loaded: &Loaded, uid: &Uid, json: bool) -> Result<(), Failure> {
    let profiles = with(loaded, async |database| database.profiles(uid).await)?;
    if json {
        output::json(&profiles);
        return Ok(());
    }
    let rows = profiles.into_iter().map(|profile| {
        let active = if profile.active { "yes" } else { "" };
        vec![profile.name, active.into(), profile.bytes.to_string(), output::moment(profile.stored_ms)]
    });
    let empty = format!("{uid} has no profile of his own; the cluster's default serves");
    output::table(&["profile", "active", "bytes", "stored (UTC)"], rows.collect(), &empty);
    Ok(())
}

fn show(loaded: &Loaded, uid: &Uid, name: &str) -> Result<(), Failure> {
    let source = with(loaded, async |database| database.profile(uid, name).await)?;
    output::line(source.trim_end());
    Ok(())
}

fn activate(loaded: &Loaded, uid: &Uid, name: Option<&str>) -> Result<(), Failure> {
    let offered = loaded.offered()?;
    let activated = with(loaded, async |database| match database.activate_profile(uid, name).await {
        Err(StoreError::NoProfile { uid, name, hint }) => match offered.get(&name) {
            Some(profile) => take(loaded, database, &uid, &name, profile).await,
            None => {
                let hint = match nearest(&name, offered.names()) {
                    Some(meant) if matches!(hint, Hint::Do(_)) => Hint::Meant(meant.to_owned()),
                    _ => hint,
                };
                Err(StoreError::NoProfile { uid, name, hint })
            }
        },
        done => done.map(Ok),
    })?;
    activated.map_err(|faults| Failure::Trees(vec![faults]))?;
    live::refresh(loaded, std::slice::from_ref(uid));
    loops::warn(loaded, uid)?;
    match name {
        Some(name) => output::line(format_args!("{uid} is served by \"{name}\"")),
        None => output::line(format_args!("{uid} is served by the cluster's default")),
    }
    Ok(())
}

/// Makes a profile that is offered to all a user's own, if he has what it names, and lets it serve: it
/// stays as it is when the file changes.
async fn take(
    loaded: &Loaded,
    database: &mut Database,
    uid: &Uid,
    name: &str,
    profile: &Compiled,
) -> Result<Result<(), Faults>, StoreError> {
    let (limits, names) = (&loaded.config.limits, database.names_of(uid).await?.into());
    if let Err(faults) = Compiled::compile_for(profile.source(), limits, uid, Some(&names)) {
        return Ok(Err(faults.in_file(&format!("\"{name}\" for {uid}"))));
    }
    database.put_profile(uid, name, profile.source(), limits).await?;
    database.activate_profile(uid, Some(name)).await.map(Ok)
}

fn remove(loaded: &Loaded, uid: &Uid, name: &str) -> Result<(), Failure> {
    with(loaded, async |database| database.remove_profile(uid, name).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    output::line(format_args!("{uid} no longer has \"{name}\""));
    Ok(())
}
