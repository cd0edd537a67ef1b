//! The clocks. Nothing else in the program reads one.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::{At, Now};

/// The two clocks of one server, started together.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    /// When the wall clock was read last, and what it said.
    read: Cell<(At, i64)>,
}

/// How long the wall clock is taken to go as the other one does. Whoever sets it is heard after that.
const RATE: Duration = Duration::from_millis(250);

impl Clock {
    /// A clock that stands at [`At::START`] now.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now(), read: Cell::new((At::START, wall_ms())) }
    }

    /// The time. To read two clocks for every datagram costs as much as to parse it.
    pub fn now(&self) -> Now {
        let at = self.at();
        let (then, told_ms) = self.read.get();
        let since = at.since(then);
        if since < RATE {
            let later_ms = i64::try_from(since.as_millis()).unwrap_or(0);
            return Now { at, wall_ms: told_ms + later_ms };
        }
        let wall_ms = wall_ms();
        self.read.set((at, wall_ms));
        Now { at, wall_ms }
    }

    /// The same of the monotonic clock alone.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn at(&self) -> At {
        At::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment of the monotonic clock at which [`Clock::now`] will be `at`.
    pub fn instant(&self, at: At) -> Instant {
        self.start + at.since(At::START)
    }
}

/// Milliseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
