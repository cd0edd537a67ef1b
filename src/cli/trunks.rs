//! `ratatosk trunks`: the other clusters, and how they stand.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::load::{Loaded, block_on};
use super::{live, output};
use crate::config::Peering;
use crate::effect::admin::LivePeer;
use crate::io::socket::{Answer, Question};
use crate::io::store::{Opening, StoreError};

#[derive(Debug, Args)]
pub(super) struct Trunks {
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Another cluster, for listings.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    #[serde(flatten)]
    peer: LivePeer,
    /// Pages that wait for it.
    waiting: i64,
}

impl Trunks {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let peers = match live::ask(loaded, &Question::Peers)? {
            Some(Answer::Peers(peers)) => peers,
            Some(_) => return Err(live::foreign()),
            None => loaded.config.federation.iter().map(configured).collect(),
        };
        let waiting = block_on(async {
            let mut database = match loaded.database(Opening::Existing).await {
                // Nobody has ever been added here: nothing waits.
                Err(Failure::Store(StoreError::Missing { .. })) => return Ok(BTreeMap::default()),
                other => other?,
            };
            let waiting = database.outbox().await?;
            database.close().await?;
            Ok(waiting)
        })?;
        let row = |peer: LivePeer| {
            let waiting = waiting.get(&peer.cid).copied().unwrap_or(0);
            Row { kind: "cluster", peer, waiting }
        };
        let rows: Vec<Row> = peers.into_iter().map(row).collect();
        if self.json {
            loaded.desk.json(&rows);
            return Ok(());
        }
        let rows = rows.into_iter().map(|Row { peer, waiting, .. }| {
            let since = if peer.since_ms == 0 { String::new() } else { output::when(peer.since_ms) };
            vec![peer.cid, peer.address, peer.state, since, waiting.to_string(), peer.error]
        });
        let headings = ["cluster", "reached at", "state", "since (UTC)", "pages", "last trouble"];
        loaded.desk.table(&headings, rows.collect(), "there are no other clusters");
        Ok(())
    }
}

/// What the configuration says of a cluster, where no server runs to ask.
fn configured(peering: &Peering) -> LivePeer {
    let address = match &peering.address {
        Some(at) => format!("{} {}:{}", at.transport, at.host, at.port),
        None => "where the DNS says".to_owned(),
    };
    LivePeer {
        cid: peering.cid.to_string(),
        address,
        state: "no server runs".to_owned(),
        since_ms: 0,
        error: String::new(),
    }
}
