//! `ratatosk group …`

use clap::Subcommand;

use super::contact::serving;
use super::failure::Failure;
use super::live;
use super::load::{Loaded, with};
use crate::base::Uid;
use crate::routing::Profile;

#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// Make a group of contacts, or put one that is there into another.
    Add {
        /// The user whose group it is.
        uid: String,
        /// Its name, as his trees write it: `caller in "Friends"`.
        group: String,
        /// The group it goes into: who is in it is in that one too. May be given several times.
        #[arg(long = "in", value_name = "OUTER")]
        outer: Vec<String>,
    },
    /// List the groups of a user. "Invisible" is always among them.
    List {
        /// The user.
        uid: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Give a group another name.
    Rename {
        /// The user.
        uid: String,
        /// The group.
        group: String,
        /// What it is to be called.
        name: String,
    },
    /// Remove a group. Who is in it stays on the contact list.
    Remove {
        /// The user.
        uid: String,
        /// The group.
        group: String,
        /// Only take it out of this group; may be given several times.
        #[arg(long = "from", value_name = "OUTER")]
        outer: Vec<String>,
    },
}

impl Group {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Add { uid, group, outer } => add(loaded, &loaded.uid(&uid)?, &group, &outer),
            Self::List { uid, json } => list(loaded, &loaded.uid(&uid)?, json),
            Self::Rename { uid, group, name } => rename(loaded, &loaded.uid(&uid)?, &group, &name),
            Self::Remove { uid, group, outer } => remove(loaded, &loaded.uid(&uid)?, &group, &outer),
        }
    }
}

fn add(loaded: &Loaded, uid: &Uid, group: &str, outer: &[String]) -> Result<(), Failure> {
    let limits = &loaded.config.limits;
    let name = with(loaded, async |database| database.add_group(uid, group, outer, limits).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    match outer {
        [] => loaded.desk.line(format_args!("{uid} has the group \"{name}\"")),
        outer => loaded.desk.line(format_args!("\"{name}\" is in \"{}\" of {uid}", outer.join("\", \""))),
    }
    Ok(())
}

fn list(loaded: &Loaded, uid: &Uid, json: bool) -> Result<(), Failure> {
    let groups = with(loaded, async |database| database.groups(uid).await)?;
    if json {
        loaded.desk.json(&groups);
        return Ok(());
    }
    let rows = groups.into_iter().map(|group| {
        let members = group.members.len().to_string();
        vec![group.group, members, some(&group.contacts), group.groups.join(", "), group.inside.join(", ")]
    });
    loaded.desk.table(&["group", "members", "contacts", "groups in it", "is in"], rows.collect(), "");
    Ok(())
}

/// The first of many names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(" ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn rename(loaded: &Loaded, uid: &Uid, group: &str, new: &str) -> Result<(), Failure> {
    let (old, serving) = with(loaded, async |database| {
        let old = database.rename_group(uid, group, new).await?;
        Ok((old, serving(loaded, database, uid).await?))
    })?;
    live::refresh(loaded, std::slice::from_ref(uid));
    loaded.desk.line(format_args!("\"{old}\" of {uid} is \"{new}\" now"));
    if !old.eq_ignore_ascii_case(new) {
        warn_if_mentioned(loaded, serving, uid, &old);
    }
    Ok(())
}

fn remove(loaded: &Loaded, uid: &Uid, group: &str, outer: &[String]) -> Result<(), Failure> {
    let (name, serving) = with(loaded, async |database| {
        let name = database.remove_group(uid, group, outer).await?;
        Ok((name, serving(loaded, database, uid).await?))
    })?;
    live::refresh(loaded, std::slice::from_ref(uid));
    match outer {
        [] => {
            loaded.desk.line(format_args!("{uid} no longer has the group \"{name}\""));
            warn_if_mentioned(loaded, serving, uid, &name);
        }
        outer => {
            loaded
                .desk
                .line(format_args!("\"{name}\" is no longer in \"{}\" of {uid}", outer.join("\", \"")));
        }
    }
    Ok(())
}

/// A rule that looks at a group which is gone matches nobody.
fn warn_if_mentioned(loaded: &Loaded, serving: Option<Profile>, uid: &Uid, group: &str) {
    if let Some(profile) = serving.filter(|profile| profile.mentions(group)) {
        loaded.desk.remark(format_args!(
            "warning: the tree that serves {uid}, \"{}\", still names \"{group}\", in which nobody is now",
            profile.name()
        ));
    }
}
