//! Asks everybody for their figures.

use std::collections::BTreeMap;

use super::figures::{Family, Figures};
use super::metric;
use crate::base::Cid;
use crate::config::Place;
use crate::effect::admin::{AdminReply, AdminRequest, LivePeer};
use crate::io::clock;
use crate::io::driver::Handle;
use crate::io::store::{Database, Opening, StoreError, StoreHandle};

/// Whoever knows whom to ask: a server that runs.
#[derive(Debug)]
pub struct Watch {
    handle: Handle,
    store: StoreHandle,
    place: Place,
    cid: Cid,
    started_ms: i64,
}

/// What the tables of the store come to.
#[derive(Debug, Default)]
pub struct Stock {
    /// Users.
    pub users: u64,
    /// Users with a binding.
    pub registered: u64,
    /// Bindings by transport.
    pub bindings: Vec<(String, u64)>,
    /// Pages that wait, by the cluster that they wait for.
    pub waiting: BTreeMap<String, i64>,
}

impl Watch {
    /// Of the server that is asked by this handle and runs on this store.
    pub fn new(handle: Handle, store: StoreHandle, place: Place, cid: Cid) -> Self {
        Self { handle, store, place, cid, started_ms: clock::wall_ms() }
    }

    /// All figures as they are now.
    pub async fn families(&self) -> Vec<Family> {
        let mut figures = Figures::default();
        figures.add(metric::INFO, vec![env!("CARGO_PKG_VERSION").to_owned()], 1.0);
        figures.number(metric::STARTED, u64::try_from(self.started_ms / 1000).unwrap_or(0));
        let (snapshots, streams) = self.handle.figures().await;
        for snapshot in &snapshots {
            figures.take(snapshot);
        }
        figures.number(metric::CONNECTIONS, streams.into());
        self.store.figures(&mut figures);
        let stock = self.stock().await;
        if let Err(error) = &stock {
            tracing::warn!(%error, "the figures of the store cannot be read");
        }
        figures.number(metric::STORE_READABLE, stock.is_ok().into());
        if let Ok(stock) = &stock {
            take_stock(&mut figures, stock);
        }
        for peer in self.peers().await {
            let waiting = stock.as_ref().ok().and_then(|stock| stock.waiting.get(&peer.cid));
            let is_up = peer.state == "up";
            figures.count(metric::TRUNK_UP, &[&peer.cid], is_up.into());
            let waiting = waiting.and_then(|waiting| usize::try_from(*waiting).ok());
            figures.count(metric::TRUNK_WAITING, &[&peer.cid], waiting.unwrap_or(0));
        }
        figures.families()
    }

    async fn stock(&self) -> Result<Stock, StoreError> {
        let mut database = Database::open(&self.place, &self.cid, Opening::Existing).await?;
        let stock = database.take_stock().await?;
        database.close().await?;
        Ok(stock)
    }

    async fn peers(&self) -> Vec<LivePeer> {
        let replies = self.handle.admin(AdminRequest::Peers).await;
        replies.into_iter().flat_map(AdminReply::peers).collect()
    }
}

fn take_stock(figures: &mut Figures, stock: &Stock) {
    figures.number(metric::USERS, stock.users);
    figures.number(metric::REGISTERED, stock.registered);
    for (transport, count) in &stock.bindings {
        figures.count(metric::BINDINGS, &[transport], usize::try_from(*count).unwrap_or(usize::MAX));
    }
}
