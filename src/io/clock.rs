//! The clocks. Nothing else in the program reads one.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::{At, Now};

/// The two clocks of one server, started together.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that stands at [`At::START`] now.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time.
    pub fn now(&self) -> Now {
        Now { at: self.at(), wall_ms: wall_ms() }
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
