//! How often something has happened within the hour by the clock on the wall.

use crate::base::Now;

const HOUR_S: i64 = 3_600;

/// A count that begins anew with each hour.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hourly {
    hour: u32,
    count: u32,
}

impl Hourly {
    /// Whether it has happened less often than that in this hour.
    pub fn has_room(&self, now: Now, most: u32) -> bool {
        self.hour != hour(now) || self.count < most
    }

    /// It happens once more; how often that makes in this hour.
    pub fn note(&mut self, now: Now) -> u32 {
        let before = if self.hour == hour(now) { self.count } else { 0 };
        *self = Self { hour: hour(now), count: before.saturating_add(1) };
        self.count
    }
}

fn hour(now: Now) -> u32 {
    u32::try_from(now.wall_s() / HOUR_S).unwrap_or(0)
}
