//! The clock: the only place that reads one.

use std::time::{Duration, Instant, SystemTime};

use crate::base::{At, Now};

/// Tells the time since it was started, and the time of day. One clock serves the whole process,
/// so that a moment means the same in every thread.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts the clock: this moment is [`At::START`].
    #[allow(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The two clocks now.
    pub fn now(&self) -> Now {
        Now { at: At::START + self.started.elapsed(), wall_ms: wall_ms() }
    }

    /// The system's name for a moment, for those who sleep until it.
    pub fn instant(&self, at: At) -> Instant {
        self.started + Duration::from_micros(at.as_micros())
    }
}

/// Milliseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
pub fn wall_ms() -> i64 {
    // Before 1970 is a machine whose clock was never set.
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
