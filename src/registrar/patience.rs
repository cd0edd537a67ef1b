//! How long wrong passwords are borne with.
//!
//! Only a wrong response to a nonce of ours counts, and only the pair of one source and one account
//! has to pause: a lock-out by account alone would be a weapon, and a lock-out by source alone would
//! punish an office for one phone. The source is the address that the nonce was given to ([`Nonces::home`]):
//! that of a datagram may be a lie, told to have somebody else pause.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use hashbrown::HashMap;

use crate::base::At;
use crate::sip::digest::{Credentials, Nonces};

/// The window in which wrong answers are counted, and the length of the pause.
const PAUSE: Duration = Duration::from_secs(60);
/// Pairs remembered at most; beyond it those are forgiven that do not pause, and then all.
const PAIRS: usize = 20_000;

/// Wrong passwords, by source and account.
#[derive(Debug, Default)]
pub struct Patience {
    wrong: HashMap<u64, (At, u16)>,
}

/// Who may have to pause: one of few million pairs, so that no two share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspect(u64);

impl Suspect {
    /// Who answers a nonce for this account.
    pub fn of(credentials: &Credentials<'_>, account: &str) -> Self {
        let home = Nonces::home(credentials.nonce).unwrap_or_default();
        Self(key(home, account.as_bytes()))
    }
}

impl Patience {
    /// Whether somebody has to pause.
    pub fn is_paused(&self, now: At, Suspect(who): Suspect, limit: u16) -> bool {
        let entry = self.wrong.get(&who);
        entry.is_some_and(|(since, count)| *count >= limit && now.since(*since) < PAUSE)
    }

    /// Counts a wrong password; true if the pause begins with it.
    pub fn count(&mut self, now: At, Suspect(who): Suspect, limit: u16) -> bool {
        if self.wrong.len() >= PAIRS && !self.wrong.contains_key(&who) {
            self.wrong.retain(|_, (since, count)| *count >= limit && now.since(*since) < PAUSE);
            if self.wrong.len() >= PAIRS {
                self.wrong.clear();
            }
        }
        let (since, count) = self.wrong.entry(who).or_insert((now, 0));
        if now.since(*since) >= PAUSE {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count == limit {
            *since = now;
        }
        *count == limit
    }

    /// Forgives what lies back long enough.
    pub fn forgive(&mut self, now: At) {
        self.wrong.retain(|_, (since, _)| now.since(*since) < PAUSE);
    }
}

/// Challenges in a row that one phone leaves unanswered before it is told of.
const UNANSWERED: u8 = 5;

/// Phones that are told of before all are forgotten: the names are the strangers' to choose, and they
/// are not to fill a log with them.
const TOLD: u8 = 10;

/// Phones that are challenged and never answer: theirs may be other algorithms than ours.
#[derive(Debug, Default)]
pub struct Unanswered {
    challenged: HashMap<u64, u8>,
    told: u8,
}

impl Unanswered {
    /// A phone was challenged; true if it is time to tell of it.
    pub fn challenged(&mut self, source: IpAddr, account: &[u8]) -> bool {
        if self.challenged.len() >= PAIRS {
            self.challenged.clear();
        }
        let count = self.challenged.entry(key(source, account)).or_insert(0);
        *count = count.saturating_add(1);
        let is_told = *count == UNANSWERED && self.told < TOLD;
        self.told += u8::from(is_told);
        is_told
    }

    /// It has answered.
    pub fn answered(&mut self, source: IpAddr, account: &[u8]) {
        self.challenged.remove(&key(source, account));
    }

    /// Begins anew.
    pub fn forget(&mut self) {
        self.challenged.clear();
        self.told = 0;
    }
}

/// One of few million pairs: a collision costs a line in a log, or a pause.
fn key(source: impl Hash, account: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    hasher.write(account);
    hasher.finish()
}
