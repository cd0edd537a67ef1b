//! How much of a thread's time strangers get: a few messages for all of them in each turn of its loop.
//!
//! A stream that has not proved to be a phone's takes a share before it is read on. The shares of one
//! turn are dealt in the order they were asked for, and the next ones once everybody else has had his
//! turn: whatever strangers send, a call's datagram waits no longer than these shares last.

use tokio::sync::{Notify, Semaphore};
use tokio::task::yield_now;

/// The shares of one thread.
#[derive(Debug)]
pub(crate) struct Turns {
    shares: Semaphore,
    taken: Notify,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { shares: Semaphore::new(SHARES), taken: Notify::new() }
    }

    /// Waits for a share, and takes it.
    pub(crate) async fn take(&self) {
        // The semaphore is never closed, and it serves in order.
        if let Ok(share) = self.shares.acquire().await {
            share.forget();
            self.taken.notify_one();
        }
    }

    /// Deals, once in a turn of the loop, until its task ends.
    pub(crate) async fn deal(&self) {
        loop {
            self.taken.notified().await;
            // It resumes once the sockets were looked at and all who were ready have run.
            yield_now().await;
            self.shares.add_permits(SHARES.saturating_sub(self.shares.available_permits()));
        }
    }
}

/// Shares of a turn: with [`SHARE`] some 0.3 ms.
const SHARES: usize = 4;
/// Messages that a stranger gets handled for one share.
pub(crate) const SHARE: usize = 8;
