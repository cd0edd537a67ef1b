//! `ratatosk pages`

use clap::Args;

use super::failure::Failure;
use super::load::{Loaded, block_on};
use super::output;
use crate::io::store::{Filter, Opening};

#[derive(Debug, Args)]
pub(super) struct Pages {
    /// Only those that a tree of this user decided.
    #[arg(long, value_name = "UID")]
    user: Option<String>,
    /// So many, the latest.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// For programs.
    #[arg(long)]
    json: bool,
}

impl Pages {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let owner = self.user.as_deref().map(|user| loaded.uid(user)).transpose()?;
        let pages = block_on(async {
            let mut database = loaded.database(Opening::Existing).await?;
            let pages = database.pages(&Filter { owner, limit: self.limit }).await?;
            database.close().await?;
            Ok(pages)
        })?;
        if self.json {
            loaded.desk.json(&pages);
            return Ok(());
        }
        let rows = pages.into_iter().map(|page| {
            // 202 says that it waits in an inbox (RFC 3428 §7).
            let status = if page.status == 202 { "202 stored".into() } else { page.status.to_string() };
            let at = output::moment(page.at_ms);
            let receipt = match page.receipt_ms {
                Some(at) => format!("{} {}", page.receipt, output::moment(at)),
                None => page.receipt,
            };
            vec![at, page.sender, page.recipient, page.direction, status, page.how, receipt, page.rule]
        });
        let headings = ["at (UTC)", "from", "to", "tree", "status", "taken by", "receipt (UTC)", "rule"];
        loaded.desk.table(&headings, rows.collect(), "there are no pages yet");
        Ok(())
    }
}
