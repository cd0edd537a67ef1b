//! Whose turn it is: so many requests are worked on at once, some wait, and the others are told to come again.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::RETRY_AFTER;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use super::words::Reply;

/// Requests that may wait for each of those that are worked on.
const WAITING_EACH: usize = 8;

/// The turns of one server.
#[derive(Debug)]
pub(super) struct Turns {
    seats: Arc<Semaphore>,
    queue: Semaphore,
}

impl Turns {
    pub(super) fn new(workers: usize) -> Self {
        Self { seats: Arc::new(Semaphore::new(workers)), queue: Semaphore::new(workers * WAITING_EACH) }
    }

    /// Waits for a turn, which lasts for as long as what is given back is held; or refuses.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, Reply> {
        if let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            return Ok(seat);
        }
        let refused = || {
            let words = "too many requests are being worked on\nask again in a few seconds; `http_workers` in [limits] says how many";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, words).reply().with(RETRY_AFTER, "5")
        };
        let _place = self.queue.try_acquire().map_err(|_| refused())?;
        Arc::clone(&self.seats).acquire_owned().await.map_err(|_| refused())
    }
}
