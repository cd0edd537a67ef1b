//! `ratatosk contact …`

use clap::Subcommand;

use super::failure::Failure;
use super::live;
use super::load::{Loaded, with};
use crate::base::Uid;
use crate::io::store::{Database, StoreError};
use crate::registrar::Contacts;
use crate::routing::{Direction, Listed, Profile};

#[derive(Debug, Subcommand)]
pub(super) enum Contact {
    /// Put somebody on a contact list, and into groups.
    Add {
        /// The user whose list it is.
        uid: String,
        /// A user, a cluster (`@south.test`), a number, or the beginning or end of one (`+354*`).
        contact: String,
        /// A group that he goes into; may be given several times.
        #[arg(long, value_name = "G")]
        group: Vec<String>,
    },
    /// List whom a user knows.
    List {
        /// The user.
        uid: String,
        /// Only those in this group, by way of groups inside it too.
        #[arg(long, value_name = "G")]
        group: Option<String>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Take somebody off a contact list and out of its groups. If he is blocked, he stays so.
    Remove {
        /// The user whose list it is.
        uid: String,
        /// Whom.
        contact: String,
        /// Only take him out of this group; may be given several times.
        #[arg(long, value_name = "G")]
        group: Vec<String>,
    },
    /// Put a caller into the group "Invisible": those to whom the user is not there.
    Block {
        /// The user.
        uid: String,
        /// A user, a cluster (`@south.test`), a number, the beginning or end of one (`+1900*`), or
        /// `anonymous`.
        caller: String,
    },
    /// Take a caller out of the group "Invisible".
    Unblock {
        /// The user.
        uid: String,
        /// Whom.
        caller: String,
    },
}

impl Contact {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Add { uid, contact, group } => {
                add(loaded, &loaded.uid(&uid)?, &listed(loaded, &contact)?, &group)
            }
            Self::List { uid, group, json } => list(loaded, &loaded.uid(&uid)?, group.as_deref(), json),
            Self::Remove { uid, contact, group } => {
                remove(loaded, &loaded.uid(&uid)?, &listed(loaded, &contact)?, &group)
            }
            Self::Block { uid, caller } => block(loaded, &loaded.uid(&uid)?, &caller_of(loaded, &caller)?),
            Self::Unblock { uid, caller } => {
                unblock(loaded, &loaded.uid(&uid)?, &caller_of(loaded, &caller)?)
            }
        }
    }
}

fn add(loaded: &Loaded, uid: &Uid, contact: &Listed, groups: &[String]) -> Result<(), Failure> {
    let limits = &loaded.config.limits;
    let changed = with(loaded, async |database| database.add_contact(uid, contact, groups, limits).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    let already = if changed { "" } else { " already" };
    match groups {
        [] => loaded.desk.line(format_args!("{contact} is a contact of {uid}{already}")),
        groups => {
            loaded.desk.line(format_args!("{contact} is in \"{}\" of {uid}{already}", groups.join("\", \"")));
        }
    }
    Ok(())
}

fn list(loaded: &Loaded, uid: &Uid, group: Option<&str>, json: bool) -> Result<(), Failure> {
    let contacts = with(loaded, async |database| match group {
        Some(group) => database.contacts_in(uid, group).await,
        None => database.contacts(uid).await,
    })?;
    if json {
        loaded.desk.json(&contacts);
        return Ok(());
    }
    let rows = contacts.into_iter().map(|contact| {
        let state = match (contact.blocked, contact.listed) {
            (true, _) => "blocked",
            (false, true) => "",
            (false, false) => "in a group only",
        };
        vec![contact.contact, contact.groups.join(", "), state.into()]
    });
    let empty = match group {
        Some(group) => format!("nobody is in \"{group}\" of {uid}"),
        None => format!("{uid} has no contacts: `ratatosk contact add {uid} CONTACT` makes one"),
    };
    loaded.desk.table(&["contact", "groups", ""], rows.collect(), &empty);
    Ok(())
}

fn remove(loaded: &Loaded, uid: &Uid, contact: &Listed, groups: &[String]) -> Result<(), Failure> {
    let blocked = with(loaded, async |database| database.remove_contact(uid, contact, groups).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    match groups {
        [] => loaded.desk.line(format_args!("{contact} is no contact of {uid} any more")),
        groups => {
            loaded
                .desk
                .line(format_args!("{contact} is no longer in \"{}\" of {uid}", groups.join("\", \"")));
        }
    }
    if blocked {
        loaded.desk.remark(format_args!(
            "note: he stays blocked; `ratatosk contact unblock {uid} '{contact}'` lets him through"
        ));
    }
    Ok(())
}

fn block(loaded: &Loaded, uid: &Uid, caller: &Listed) -> Result<(), Failure> {
    let limits = &loaded.config.limits;
    let groups = [Contacts::INVISIBLE.to_owned()];
    let (changed, looks) = with(loaded, async |database| {
        let changed = database.add_contact(uid, caller, &groups, limits).await?;
        Ok((changed, serving(loaded, database, uid).await?))
    })?;
    live::refresh(loaded, std::slice::from_ref(uid));
    let already = if changed { "" } else { " already" };
    loaded.desk.line(format_args!("{caller} is in \"{}\" of {uid}{already}", Contacts::INVISIBLE));
    if let Some(profile) = looks
        && !profile.mentions(Contacts::INVISIBLE)
    {
        loaded.desk.remark(format_args!(
            "note: the tree that serves {uid}, \"{}\", does not look at \"{group}\", so that this changes nothing yet\n  \
             a rule does: caller in \"{group}\" -> ignore",
            profile.name(),
            group = Contacts::INVISIBLE
        ));
    }
    Ok(())
}

fn unblock(loaded: &Loaded, uid: &Uid, caller: &Listed) -> Result<(), Failure> {
    let covering = with(loaded, async |database| database.unblock(uid, caller).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    loaded.desk.line(format_args!("{caller} is no longer in \"{}\" of {uid}", Contacts::INVISIBLE));
    if let Some(entry) = covering.first() {
        loaded
            .desk
            .remark(format_args!("note: \"{entry}\" is there too, and covers him: he stays blocked by it"));
    }
    Ok(())
}

/// The profile whose incoming tree serves a user. `None` if it cannot be read: that is told elsewhere.
pub(super) async fn serving(
    loaded: &Loaded,
    database: &mut Database,
    uid: &Uid,
) -> Result<Option<Profile>, StoreError> {
    let own = database.active_profile(uid).await?;
    let own = own.and_then(|source| Profile::compile_stored(&source, &loaded.config.limits, uid).ok());
    let own = own.filter(|profile| profile.has(Direction::Incoming));
    let default = || loaded.offered().ok().map(|offered| Profile::clone(&offered.default));
    Ok(own.or_else(default))
}

/// Somebody as he was typed; one without a cluster is a user of ours.
fn listed(loaded: &Loaded, text: &str) -> Result<Listed, Failure> {
    let typed = text.trim();
    let own = format!("{typed}@{}", loaded.config.cid);
    let whole = if typed == Listed::ANONYMOUS { Listed::read(&own) } else { Listed::read(typed) };
    let is_bare = !typed.is_empty() && !typed.contains(['@', '*', '+']);
    match whole {
        Err(_) if is_bare => Listed::read(&own),
        whole => whole,
    }
    .map_err(|why| Failure::Contact { text: text.into(), why })
}

/// The same, or those who do not say who they are.
fn caller_of(loaded: &Loaded, text: &str) -> Result<Listed, Failure> {
    match Listed::read(text) {
        Ok(anonymous) if text == Listed::ANONYMOUS => Ok(anonymous),
        _ => listed(loaded, text),
    }
}
