//! `ratatosk profile …`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use serde::Serialize;

use super::failure::Failure;
use super::load::{Loaded, with};
use super::replay::replay;
use super::{live, loops, output};
use crate::base::Uid;
use crate::config::Features;
use crate::io::store::{Database, Expected, Hint, ProfileRow, StoreError};
use crate::routing::{Faults, Profile as Compiled, nearest, tag_of};

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
        /// Store it only if what stands there now has this tag, as `profile list --json` tells it: then
        /// nobody has changed it since. `none`: only if nothing stands there; `any`: only if something
        /// does. May be given several times.
        #[arg(long, value_name = "TAG")]
        expect: Vec<String>,
    },
    /// List the stored profiles, of all users, that this version of the program cannot read: their users
    /// are served by the cluster's default until they store them anew.
    Unreadable {
        /// For programs.
        #[arg(long)]
        json: bool,
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
    /// Let phones dial a profile by a digit: `*70` and the digit lets it serve, `*71`, the digit and a
    /// number calls that under it. Without a digit it cannot be dialled any more.
    Code {
        /// The user.
        uid: String,
        /// The profile.
        name: String,
        /// From 1 to 9. Another profile of the user's that had it loses it.
        #[arg(value_parser = clap::value_parser!(u8).range(1..=9))]
        code: Option<u8>,
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
            Self::Set { uid, name, file, require_same, since, expect } => {
                let uid = loaded.uid(&uid)?;
                let compiled = Arc::new(loaded.compile_for(&uid, &loaded.names(&uid)?, &file)?);
                if require_same {
                    require_the_same(loaded, &uid, &compiled, since.as_deref())?;
                }
                set(loaded, &uid, &name, &compiled, &expected(expect))
            }
            Self::Unreadable { json } => unreadable(loaded, json),
            Self::List { uid, json } => list(loaded, &loaded.uid(&uid)?, json),
            Self::Show { uid, name } => show(loaded, &loaded.uid(&uid)?, &name),
            Self::Activate { uid, name } => activate(loaded, &loaded.uid(&uid)?, name.as_deref()),
            Self::Code { uid, name, code } => set_code(loaded, &loaded.uid(&uid)?, &name, code),
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
    found.print(&loaded.desk, uid);
    loaded.desk.evidence(&found);
    Err(found.failure())
}

/// What has to stand in the place of a profile, as it was typed.
fn expected(tags: Vec<String>) -> Expected {
    match tags.first().map(String::as_str) {
        None => Expected::Whatever,
        Some("none") => Expected::Nothing,
        Some("any") => Expected::Something,
        Some(_) => Expected::Tagged(tags),
    }
}

fn set(
    loaded: &Loaded,
    uid: &Uid,
    name: &str,
    compiled: &Compiled,
    expected: &Expected,
) -> Result<(), Failure> {
    let is_active = with(loaded, async |database| {
        database.put_profile(uid, name, compiled.source(), expected, &loaded.config.limits).await?;
        Ok(database.user(uid).await?.profile.as_deref() == Some(name))
    })?;
    live::refresh(loaded, std::slice::from_ref(uid));
    loaded.desk.tag(compiled.tag());
    if compiled.name() != name {
        loaded.desk.remark(format_args!(
            "note: the tree calls itself \"{}\": so it stands in the records of calls",
            compiled.name()
        ));
    }
    if is_active {
        loops::warn(loaded, uid);
        loaded.desk.line(format_args!("{uid} is served by the new \"{name}\""));
    } else {
        loaded.desk.line(format_args!(
            "{uid} has \"{name}\"; `ratatosk profile activate {uid} '{name}'` lets it serve"
        ));
    }
    Ok(())
}

fn list(loaded: &Loaded, uid: &Uid, json: bool) -> Result<(), Failure> {
    let profiles = with(loaded, async |database| database.profiles(uid).await)?;
    let profiles: Vec<Listed> = profiles.into_iter().map(|row| Listed::of(loaded, uid, row)).collect();
    if json {
        loaded.desk.json(&profiles);
        return Ok(());
    }
    let rows = profiles.into_iter().map(|Listed { row, fault }| {
        let active = match (row.active, &fault) {
            (true, None) => "yes",
            (false, None) => "",
            (true, Some(_)) => "yes, but unreadable",
            (false, Some(_)) => "unreadable",
        };
        let code = row.code.map_or(String::new(), |code| code.to_string());
        vec![row.name, active.into(), code, row.bytes.to_string(), output::moment(row.stored_ms)]
    });
    let empty = format!("{uid} has no profile of his own; the cluster's default serves");
    loaded.desk.table(&["profile", "active", "digit", "bytes", "stored (UTC)"], rows.collect(), &empty);
    Ok(())
}

/// A profile as it is listed.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    row: ProfileRow,
    /// Why this version of the program cannot read it, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

impl Listed {
    fn of(loaded: &Loaded, uid: &Uid, row: ProfileRow) -> Self {
        let fault = fault_of(loaded, uid, &row.source);
        Self { row, fault }
    }
}

/// The first fault of a stored profile, as the running server would find it.
fn fault_of(loaded: &Loaded, uid: &Uid, source: &str) -> Option<String> {
    let faults = Compiled::compile_stored(source, &loaded.config.limits, uid).err()?;
    Some(faults.iter().next().map(ToString::to_string).unwrap_or_default())
}

/// A stored profile that cannot be read.
#[derive(Serialize)]
struct Unreadable {
    uid: String,
    name: String,
    fault: String,
}

/// So many profiles are read at once.
const BATCH: u32 = 1_000;

fn unreadable(loaded: &Loaded, json: bool) -> Result<(), Failure> {
    let found = with(loaded, async |database| {
        let (mut found, mut after) = (Vec::new(), (String::new(), String::new()));
        loop {
            let profiles = database.all_profiles(&after, BATCH).await?;
            let Some((uid, name, _)) = profiles.last() else { return Ok(found) };
            after = (uid.clone(), name.clone());
            found.extend(profiles.into_iter().filter_map(|(uid, name, source)| {
                let fault = fault_of(loaded, &Uid::parse(&uid).ok()?, &source)?;
                Some(Unreadable { uid, name, fault })
            }));
        }
    })?;
    if json {
        loaded.desk.json(&found);
        return Ok(());
    }
    let rows = found.into_iter().map(|Unreadable { uid, name, fault }| vec![uid, name, fault]);
    loaded.desk.table(&["user", "profile", "why"], rows.collect(), "every stored profile can be read");
    Ok(())
}

fn show(loaded: &Loaded, uid: &Uid, name: &str) -> Result<(), Failure> {
    let source = with(loaded, async |database| database.profile(uid, name).await)?;
    loaded.desk.tag(tag_of(&source));
    loaded.desk.line(source.trim_end());
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
    loops::warn(loaded, uid);
    match name {
        Some(name) => loaded.desk.line(format_args!("{uid} is served by \"{name}\"")),
        None => loaded.desk.line(format_args!("{uid} is served by the cluster's default")),
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
    database.put_profile(uid, name, profile.source(), &Expected::Whatever, limits).await?;
    database.activate_profile(uid, Some(name)).await.map(Ok)
}

fn set_code(loaded: &Loaded, uid: &Uid, name: &str, code: Option<u8>) -> Result<(), Failure> {
    with(loaded, async |database| database.put_code(uid, name, code).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    let Some(code) = code else {
        loaded.desk.line(format_args!("\"{name}\" of {uid} cannot be dialled"));
        return Ok(());
    };
    let Features { activate, under, .. } = &loaded.config.trees.features;
    loaded.desk.line(format_args!(
        "{uid} dials {activate}{code} to be served by \"{name}\", {under}{code} and a number to call under it"
    ));
    Ok(())
}

fn remove(loaded: &Loaded, uid: &Uid, name: &str) -> Result<(), Failure> {
    with(loaded, async |database| database.remove_profile(uid, name).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    loaded.desk.line(format_args!("{uid} no longer has \"{name}\""));
    Ok(())
}
