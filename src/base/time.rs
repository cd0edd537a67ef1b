//! Time as the core sees it: an argument, never a call.
//!
//! [`At`] is monotonic and starts at 0 when the server does; the protocol's timers live on it.
//! [`Now`] adds the wall clock, which nonces, stored expiries and `time` conditions need.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Microseconds since this server started. Monotonic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct At(u64);

/// The two clocks at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// The monotonic clock.
    pub at: At,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub wall_ms: i64,
}

impl At {
    /// The moment the server started.
    pub const START: Self = Self(0);

    /// So many microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds after the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// So long before this moment, but not before the start.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// This moment, or the next whole multiple of `step` after it.
    #[must_use]
    pub fn round_up(self, step: Duration) -> Self {
        let step = u64::try_from(step.as_micros()).unwrap_or(u64::MAX).max(1);
        Self(self.0.checked_next_multiple_of(step).unwrap_or(u64::MAX))
    }

    /// Time from `earlier` to this moment, zero if it lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Now {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn wall_s(self) -> i64 {
        self.wall_ms.div_euclid(1000)
    }
}

impl Add<Duration> for At {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        let micros = u64::try_from(later.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub for At {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:3}.{:03}", self.0 / 1_000_000, self.0 / 1000 % 1000)
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
