//! How many streams there are, in all and of each source: shared by all threads.
//!
//! Asked once when a stream opens and once when it closes, so a lock does no harm.

use std::collections::HashMap;
use std::mem;
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
    /// What the system allows.
    room: u32,
    /// Whether it has been told that this is too little.
    is_told: bool,
    streams: u32,
    by_source: HashMap<IpAddr, u32>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All together hold as many as the limits allow.
    All,
    /// Its source does.
    Source,
    /// All together hold as many as the system allows; this is the first to hear of it, or not.
    System {
        /// Whether it is.
        is_news: bool,
    },
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
        Self { held: Mutex::new(Held { streams_max, per_source_max, room: u32::MAX, ..Held::default() }) }
    }

    /// The system allows so many, whatever the limits say.
    pub(crate) fn bound(&self, room: u32) {
        self.held().room = room;
    }

    /// How many there are.
    pub(crate) fn streams(&self) -> u32 {
        self.held().streams
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
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Full> {
        let source = source_of(address);
        let mut held = self.held();
        if held.streams >= held.streams_max {
            return Err(Full::All);
        }
        if held.streams >= held.room {
            return Err(Full::System { is_news: !mem::replace(&mut held.is_told, true) });
        }
        let per_source_max = held.per_source_max;
        let count = held.by_source.entry(source).or_default();
        if *count >= per_source_max {
            return Err(Full::Source);
        }
        *count += 1;
        held.streams += 1;
        Ok(Permit { quota: Arc::clone(self), source })
    }
}

impl Full {
    /// The key of the limit; what the system sets has none.
    pub(crate) fn limit(self) -> &'static str {
        match self {
            Self::All => "streams",
            Self::Source => "streams_per_source",
            Self::System { .. } => "descriptors",
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.quota.held();
        held.streams = held.streams.saturating_sub(1);
        // The next shortage is another one.
        held.is_told &= held.streams >= held.room / 2;
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
        assert_eq!(quota.admit(a).unwrap_err(), Full::Source, "two of one /64 are its share");
        let third = quota.admit(other).unwrap();
        assert_eq!(quota.admit(other).unwrap_err(), Full::All, "three are all there are");
        drop(first);
        assert!(quota.admit(a).is_ok());
        drop(third);
    }

    #[test]
    fn what_the_system_allows_is_told_once_until_there_is_room() {
        let quota = Arc::new(Quota::of(100, 100));
        quota.bound(2);
        let source = "192.0.2.1".parse().unwrap();
        let both = [(); 2].map(|()| quota.admit(source).unwrap());
        assert_eq!(quota.admit(source).unwrap_err(), Full::System { is_news: true });
        assert_eq!(quota.admit(source).unwrap_err(), Full::System { is_news: false });
        drop(both);
        let _both = [(); 2].map(|()| quota.admit(source).unwrap());
        assert_eq!(quota.admit(source).unwrap_err(), Full::System { is_news: true });
    }
}
