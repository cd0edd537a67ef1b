//! `ratatosk registrations`

use clap::Args;

use super::failure::Failure;
use super::live;
use super::load::{Loaded, block_on};
use crate::effect::admin::LiveBinding;
use crate::io::socket::{Answer, Question};
use crate::io::store::{BindingRow, Opening};

#[derive(Debug, Args)]
pub(super) struct Registrations {
    /// Only those of this user.
    #[arg(long, value_name = "UID")]
    user: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

impl Registrations {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let user = self.user.as_deref().map(|user| loaded.uid(user)).transpose()?;
        let mut bindings = match live::ask(loaded, &Question::Registrations)? {
            Some(Answer::Registrations(bindings)) => bindings,
            Some(_) => return Err(live::foreign()),
            None => stored(loaded)?,
        };
        bindings.retain(|binding| user.as_ref().is_none_or(|user| binding.uid == user.as_str()));
        if self.json {
            loaded.desk.json(&bindings);
            return Ok(());
        }
        let rows = bindings.into_iter().map(|binding| {
            let expires = format!("{} s", binding.expires_s);
            vec![binding.uid, binding.contact, binding.via, expires, binding.q, binding.user_agent]
        });
        let headings = ["user", "contact", "reached at", "expires in", "q", "phone"];
        loaded.desk.table(&headings, rows.collect(), "nobody is registered");
        Ok(())
    }
}

/// What the store holds, where no server runs to ask: it keeps a binding half as long again as was
/// granted.
fn stored(loaded: &Loaded) -> Result<Vec<LiveBinding>, Failure> {
    let rows = block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        let rows = database.bindings().await?;
        database.close().await?;
        Ok(rows)
    })?;
    let binding = |row: BindingRow| LiveBinding {
        uid: row.uid,
        contact: row.contact,
        via: format!("{}:{}", row.transport, row.target),
        expires_s: row.expires_s,
        q: q(row.q),
        instance: row.instance,
        user_agent: row.user_agent,
    };
    Ok(rows.into_iter().map(binding).collect())
}

/// A preference as it stands in a Contact: `1`, `0.5`.
fn q(thousandths: u16) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
