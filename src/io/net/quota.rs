//! How many streams there are, in all and of each source: shared by all threads.
//!
//! Asked once when a stream opens and once when it closes, so a lock does no harm.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::Limits;
use crate::base::address::source_of;

/// The count.
#[derive(Debug)]
pub(crate) struct Quota {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    streams_max: u32,
    per_source_max: u32,
    streams: u32,
    by_source: HashMap<IpAddr, u32>,
}

/// The right to hold one stream; it is given back on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    quota: Arc<Quota>,
    source: IpAddr,
}

impl Quota {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self::of(limits.streams, limits.streams_per_source)
    }

    /// So many in all, and so many of one source.
    pub(crate) fn of(streams_max: u32, per_source_max: u32) -> Self {
        Self { held: Mutex::new(Held { streams_max, per_source_max, ..Held::default() }) }
    }

    /// Counts by these limits from now on. Streams that are there stay.
    pub(crate) fn configure(&self, limits: &Limits) {
        self.set(limits.streams, limits.streams_per_source);
    }

    /// The same, by its two numbers.
    pub(crate) fn set(&self, streams_max: u32, per_source_max: u32) {
        let mut held = self.held();
        held.streams_max = streams_max;
        held.per_source_max = per_source_max;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more stream of this source, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let source = source_of(address);
        let mut held = self.held();
        if held.streams >= held.streams_max {
            return None;
        }
        let per_source_max = held.per_source_max;
        let count = held.by_source.entry(source).or_default();
        if *count >= per_source_max {
            return None;
        }
        *count += 1;
        held.streams += 1;
        Some(Permit { quota: Arc::clone(self), source })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.quota.held();
        held.streams = held.streams.saturating_sub(1);
        if let Some(count) = held.by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                held.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_its_share_and_no_more() {
        let limits = Limits { streams: 3, streams_per_source: 2, ..Limits::default() };
        let quota = Arc::new(Quota::new(&limits));
        let [a, b] = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        let other = "192.0.2.1".parse().unwrap();
        let first = quota.admit(a).unwrap();
        let _second = quota.admit(b).unwrap();
        assert!(quota.admit(a).is_none(), "two of one /64 are its share");
        let _third = quota.admit(other).unwrap();
        assert!(quota.admit(other).is_none(), "three are all there are");
        drop(first);
        assert!(quota.admit(a).is_some());
    }
}
