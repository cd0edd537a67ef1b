//! `ratatosk presence …`

use clap::Subcommand;
use serde_json::json;

use super::asked::word;
use super::failure::Failure;
use super::live;
use super::load::{Loaded, with};
use crate::routing::Status;

/// The word for the status that the server sees by itself.
const AUTO: &str = "auto";

#[derive(Debug, Subcommand)]
pub(super) enum Presence {
    /// Say how a user can be reached.
    Set {
        /// The user.
        uid: String,
        /// available, occupied, away, offline; or `auto`: available as long as a client of his is
        /// registered.
        status: String,
    },
    /// Show what a user has said.
    Show {
        /// The user.
        uid: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

impl Presence {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Set { uid, status } => set(loaded, &uid, &status),
            Self::Show { uid, json } => {
                let uid = loaded.uid(&uid)?;
                let status = with(loaded, async |database| database.status(&uid).await)?;
                if json {
                    let status = status.map_or(AUTO, Status::as_str);
                    loaded.desk.json(&json!({ "uid": uid.as_str(), "status": status }));
                } else {
                    loaded.desk.line(format_args!("{uid} is {}", told(status)));
                }
                Ok(())
            }
        }
    }
}

fn set(loaded: &Loaded, uid: &str, status: &str) -> Result<(), Failure> {
    let uid = loaded.uid(uid)?;
    let words = Status::ALL.iter().map(|status| status.as_str()).chain([AUTO]);
    let status: Option<Status> = if status == AUTO { None } else { Some(word("status", status, words)?) };
    with(loaded, async |database| database.put_status(&uid, status).await)?;
    live::refresh(loaded, std::slice::from_ref(&uid));
    loaded.desk.line(format_args!("{uid} is {}", told(status)));
    Ok(())
}

fn told(status: Option<Status>) -> String {
    status.map_or_else(
        || "available as long as a client of his is registered".to_owned(),
        |status| status.to_string(),
    )
}
