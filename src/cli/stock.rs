//! `ratatosk stock …`

use clap::Subcommand;

use super::failure::Failure;
use super::live;
use super::load::{Loaded, with};
use crate::base::Uid;
use crate::routing::READY;

#[derive(Debug, Subcommand)]
pub(super) enum Stock {
    /// Make a stock message that trees can answer with, or give it another text.
    Set {
        /// The user.
        uid: String,
        /// The name that a tree uses: `reply "back soon"`.
        name: String,
        /// What it says.
        text: String,
    },
    /// List the stock messages of a user, with the ready-made ones that everybody has.
    List {
        /// The user.
        uid: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Remove a stock message. A ready-made one of that name serves again.
    Remove {
        /// The user.
        uid: String,
        /// Its name.
        name: String,
    },
}

impl Stock {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Set { uid, name, text } => {
                let uid = loaded.uid(&uid)?;
                let limits = &loaded.config.limits;
                with(loaded, async |database| database.put_stock(&uid, &name, &text, limits).await)?;
                live::refresh(loaded, std::slice::from_ref(&uid));
                loaded.desk.line(format_args!("{uid} has \"{name}\"; `reply \"{name}\"` in a tree says it"));
                Ok(())
            }
            Self::List { uid, json } => list(loaded, &loaded.uid(&uid)?, json),
            Self::Remove { uid, name } => {
                let uid = loaded.uid(&uid)?;
                let name = with(loaded, async |database| database.remove_stock(&uid, &name).await)?;
                live::refresh(loaded, std::slice::from_ref(&uid));
                loaded.desk.line(format_args!("{uid} no longer has \"{name}\""));
                Ok(())
            }
        }
    }
}

fn list(loaded: &Loaded, uid: &Uid, json: bool) -> Result<(), Failure> {
    let own = with(loaded, async |database| database.stock(uid).await)?;
    if json {
        loaded.desk.json(&own);
        return Ok(());
    }
    let ready = READY.iter().filter(|(name, _)| !own.iter().any(|row| row.name.eq_ignore_ascii_case(name)));
    let ready = ready.map(|(name, text)| vec![(*name).to_owned(), "ready-made".into(), (*text).to_owned()]);
    let own = own.iter().map(|row| vec![row.name.clone(), String::new(), row.text.clone()]);
    loaded.desk.table(&["name", "", "text"], own.chain(ready).collect(), "");
    Ok(())
}
