//! The tasks that wait for time to pass.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use crate::base::At;
use crate::server::Input;

use super::thread::Thread;

/// When the user server wants to be told the time: the only sleep of its thread, however many
/// timers it has.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    rings: Cell<Option<At>>,
    is_earlier: Notify,
}

impl Alarm {
    /// Has it ring at `deadline`, if that is earlier than it would. One that is too early is left
    /// alone: it costs an idle tick, and nearly every timer is disarmed before it fires.
    pub(super) fn set(&self, deadline: Option<At>) {
        let rings = self.rings.get();
        if deadline.is_some_and(|deadline| rings.is_none_or(|rings| deadline < rings)) {
            self.rings.set(deadline);
            self.is_earlier.notify_one();
        }
    }
}

impl Thread {
    pub(super) async fn keep_time(self: Rc<Self>) {
        loop {
            let Some(rings) = self.alarm.rings.get() else {
                self.alarm.is_earlier.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(Instant::from_std(self.world.clock.instant(rings))) => {
                    self.alarm.rings.set(None);
                    let now = self.now();
                    self.tell(now, Input::Tick);
                    self.settle(now);
                    // Whatever the next deadline is, the others have their turn first.
                    yield_now().await;
                }
                () = self.alarm.is_earlier.notified() => {}
            }
        }
    }

    /// Ends the streams that keep us waiting.
    pub(super) async fn check_streams(self: Rc<Self>) {
        loop {
            sleep(CHECK_EVERY).await;
            let now = self.now();
            for stream in self.streams.borrow().iter() {
                stream.check(now.at, &self.settings().limits);
            }
        }
    }
}

/// How often the streams are looked over.
const CHECK_EVERY: Duration = Duration::from_secs(1);
