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
    /// So many, the latest: pages, each of which may have two halves.
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
        let cid = &loaded.config.cid;
        let rows = pages.into_iter().map(|page| {
            let receipt = match page.receipt_ms {
                Some(at) => format!("{} {}", page.receipt, output::when(at)),
                None => page.receipt,
            };
            let became: Vec<String> = [page.status.to_string(), page.how, receipt].into();
            let became = became.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            let (from, to) = (output::name(&page.sender, cid), output::name(&page.recipient, cid));
            let tree = if page.direction == "incoming" { "in" } else { "out" };
            vec![output::when(page.at_ms), from, to, tree.to_owned(), became, page.rule]
        });
        let headings = ["at (UTC)", "from", "to", "tree", "what became of it", "rule"];
        loaded.desk.table(&headings, rows.collect(), "there are no pages yet");
        Ok(())
    }
}
