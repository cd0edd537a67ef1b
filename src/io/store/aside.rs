//! What is worked on aside: on a connection of its own and a thread for long work, so that neither reads nor writes
//! wait for it.

use tokio::sync::watch;

use super::database::{Database, connect};
use super::error::StoreError;
use crate::base::{Cid, Limits};
use crate::config::Place;
use crate::io::seal::Seal;

/// What it takes to work on a store.
pub(super) struct Doors {
    pub(super) place: Place,
    pub(super) cid: Cid,
    pub(super) seal: Seal,
    pub(super) limits: watch::Receiver<Limits>,
}

impl Doors {
    /// Such work is rare: a connection for each is soon made.
    pub(super) async fn database(&self) -> Result<Database, StoreError> {
        let connection = connect(&self.place).await?;
        Ok(Database { connection, seal: self.seal.again(), cid: self.cid.clone() })
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits.borrow().clone()
    }
}

/// Does long work on a thread that is there for it.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Unfinished)
}
