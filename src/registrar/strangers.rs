//! How much is said to those who have not said who they are.
//!
//! A challenge is longer than the shortest request that asks for it, and a datagram's source may be a
//! lie: whoever sends many in somebody's name would have us flood him. So every source has a bucket of
//! answers that cost nothing but words. It fills again with time, and with every request that proves
//! who sent it: where people answer their challenges, however many they are, the bucket stays full.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::base::address::source_of;
use crate::base::{At, Limits};

/// Sources remembered at most; beyond it all are forgiven at once. Whoever pretends to be so many sends
/// more than he makes us send to any of them.
const SOURCES: usize = 20_000;

/// The answers that each source owes us a proof for.
#[derive(Debug, Default)]
pub struct Strangers {
    owed: HashMap<IpAddr, (At, f64)>,
}

impl Strangers {
    /// Whether a source may have one more answer; if so it has had it.
    pub fn allow(&mut self, now: At, source: IpAddr, limits: &Limits) -> bool {
        if self.owed.len() >= SOURCES {
            self.owed.clear();
        }
        let (since, owed) = self.owed.entry(source_of(source)).or_insert((now, 0.0));
        let paid = now.since(*since).as_secs_f64() * f64::from(limits.strangers_per_second);
        (*since, *owed) = (now, (*owed - paid).max(0.0));
        let is_allowed = *owed < f64::from(limits.strangers_burst);
        if is_allowed {
            *owed += 1.0;
        }
        is_allowed
    }

    /// A source has proved who it is: it may have another answer.
    pub fn proved(&mut self, source: IpAddr) {
        if let Some((_, owed)) = self.owed.get_mut(&source_of(source)) {
            *owed = (*owed - 1.0).max(0.0);
        }
    }

    /// Forgets those who owe nothing any more.
    pub fn forget(&mut self, now: At, limits: &Limits) {
        let per_second = f64::from(limits.strangers_per_second);
        self.owed.retain(|_, (since, owed)| *owed > now.since(*since).as_secs_f64() * per_second);
    }
}
