//! Nonces that nobody has to remember, and the memory of how often each was used.
//!
//! A nonce is its time, the server's epoch, a random part, a word about the request it was given
//! to, a word about the address it was given to, and a MAC over these, the realm and the network of
//! that address. That it is ours is told from
//! itself; only the uses of those that were answered correctly are kept, by whoever lets in.
//!
//! Implements: RFC 7616 §3.3 (nonce), §3.4 (nc), §5.4, §5.5; RFC 3261 §22.4.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::ops::Range;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use smallvec::SmallVec;

use crate::base::address::canonical;
use crate::base::token::{hex, unhex};
use crate::base::{Now, Rng};
use crate::sip::Message;

use super::credentials::Credentials;

const LEN: usize = 64;
/// Hex digits before the MAC: time 12, epoch 8, random 8, and these.
const SIGNED: usize = 44;
/// The word about the request.
const WORD: Range<usize> = 28..36;
/// The word about the address.
const HOME: Range<usize> = 36..44;

/// Makes and judges nonces.
#[derive(Debug, Clone)]
pub struct Nonces {
    mac: Hmac<Sha256>,
    epoch: u32,
    life_ms: u64,
}

/// What a nonce turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Ours, and young enough.
    Good {
        /// When it was given out, milliseconds since 1970.
        issued_ms: u64,
        /// Which it is.
        id: u64,
    },
    /// Ours, but too old, of an earlier start, or given to another network.
    Stale,
    /// Not ours.
    Foreign,
}

impl Nonces {
    /// Those of one door: `key` is the cluster's, `door` what is entered by it (its realm, at least).
    /// They are good for `life_s` seconds of one `epoch`.
    ///
    /// # Panics
    ///
    /// Never: an HMAC takes a key of any length.
    pub fn new(key: &[u8], door: &str, epoch: u32, life_s: u32) -> Self {
        // An HMAC takes a key of any length.
        #[expect(clippy::expect_used, reason = "HMAC accepts keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
        mac.update(door.as_bytes());
        Self { mac, epoch, life_ms: u64::from(life_s) * 1000 }
    }

    /// A new one for whoever asks from `source`; `word` is whatever its asker will be glad to read in
    /// it again.
    pub fn mint(&self, now: Now, source: IpAddr, word: u32, rng: &mut Rng) -> String {
        let mut text = [0; LEN];
        let (signed, mac) = text.split_at_mut(SIGNED);
        let (time, rest) = signed.split_at_mut(12);
        let (epoch, rest) = rest.split_at_mut(8);
        let (random, rest) = rest.split_at_mut(8);
        let (about, home) = rest.split_at_mut(8);
        hex(u64::try_from(now.wall_ms).unwrap_or(0), time);
        hex(u64::from(self.epoch), epoch);
        hex(rng.draw(), random);
        hex(u64::from(word), about);
        hex(u64::from(home_of(source)), home);
        mac.copy_from_slice(&self.sign(signed, source));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// What a nonce is that came back from `source`.
    pub fn judge(&self, now: Now, source: IpAddr, nonce: &[u8]) -> Judged {
        let parts = (nonce.len() == LEN).then(|| nonce.split_at(SIGNED));
        let Some((signed, mac)) = parts else { return Judged::Foreign };
        let read = |from: usize, to: usize| signed.get(from..to).and_then(unhex);
        let (Some(issued_ms), Some(epoch), Some(id)) = (read(0, 12), read(12, 20), read(20, 36)) else {
            return Judged::Foreign;
        };
        if !bool::from(subtle::ConstantTimeEq::ct_eq(self.sign(signed, source).as_slice(), mac)) {
            return Judged::Foreign;
        }
        let age_ms = u64::try_from(now.wall_ms).unwrap_or(0).saturating_sub(issued_ms);
        if epoch != u64::from(self.epoch) || age_ms > self.life_ms {
            return Judged::Stale;
        }
        Judged::Good { issued_ms, id }
    }

    /// The word that a nonce was made with, if it has the form of ours.
    fn word(nonce: &[u8]) -> Option<u32> {
        part(nonce, WORD)
    }

    /// A word about the address that a nonce was given to, if it has the form of ours. Only he who
    /// reads what is sent there can have it, whatever his datagrams say of their source.
    pub fn home(nonce: &[u8]) -> Option<u32> {
        part(nonce, HOME)
    }

    /// The first 80 bits of the MAC as hex.
    fn sign(&self, signed: &[u8], source: IpAddr) -> [u8; LEN - SIGNED] {
        let mut mac = self.mac.clone();
        mac.update(signed);
        mac.update(&network(source));
        let bytes = mac.finalize().into_bytes();
        let mut text = [0; LEN - SIGNED];
        for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
            hex(u64::from(byte), digits);
        }
        text
    }
}

/// The CSeq that a request had before it was challenged for the first time: with its Call-ID it tells
/// it from all others, over every challenge in between, also those of a server that was started anew
/// meanwhile (RFC 3261 §8.1.3.5: a retry has the same Call-ID and a higher CSeq). The nonce that
/// it answers was made with the word `first_cseq ^ thread`.
pub fn first_cseq(request: &Message, answered: Option<&Credentials<'_>>, thread: u32) -> u32 {
    let own = request.cseq();
    // Only the first use of a nonce answers the challenge that it came with.
    let answers = answered.filter(|credentials| credentials.count().is_none_or(|count| count <= 1));
    let word = answers.and_then(|credentials| Nonces::word(credentials.nonce));
    let first = word.map(|word| word ^ thread);
    first.filter(|first| own.checked_sub(*first).is_some_and(|retries| retries <= RETRIES)).unwrap_or(own)
}

/// CSeq numbers that the retries of one request may use up.
const RETRIES: u32 = 8;

fn part(nonce: &[u8], place: Range<usize>) -> Option<u32> {
    let digits = nonce.get(place).filter(|_| nonce.len() == LEN)?;
    u32::try_from(unhex(digits)?).ok()
}

fn home_of(source: IpAddr) -> u32 {
    let mut hasher = DefaultHasher::new();
    canonical(source).hash(&mut hasher);
    u32::try_from(hasher.finish() >> 32).unwrap_or(0)
}

/// The network of a source: a phone behind a pool of addresses keeps it.
fn network(source: IpAddr) -> [u8; 8] {
    let mut prefix = [0; 8];
    let octets: SmallVec<[u8; 16]> = match canonical(source) {
        IpAddr::V4(v4) => v4.octets().iter().take(3).copied().collect(),
        IpAddr::V6(v6) => v6.octets().iter().take(8).copied().collect(),
    };
    for (to, from) in prefix.iter_mut().zip(octets) {
        *to = from;
    }
    prefix
}

/// How often the nonces of one account were used.
#[derive(Debug, Default)]
pub struct Uses {
    windows: SmallVec<[Window; 2]>,
    /// Nonces issued up to here are not remembered one by one any more.
    floor_ms: u64,
}

#[derive(Debug)]
struct Window {
    id: u64,
    issued_ms: u64,
    highest: u32,
    /// Bit `n`: the count `highest - n` was used.
    seen: u64,
}

/// What using a nonce comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// This count was not used before.
    First,
    /// It was: somebody repeats what he has heard.
    Replayed,
    /// Nothing is known of this nonce any more.
    Forgotten,
}

impl Uses {
    /// Uses a nonce with a count. So many nonces are remembered at once: as many as the account's
    /// programs may be using.
    pub fn take(&mut self, most: usize, (id, issued_ms): (u64, u64), count: u32) -> Use {
        if let Some(window) = self.windows.iter_mut().find(|window| window.id == id) {
            return window.take(count);
        }
        if issued_ms <= self.floor_ms {
            return Use::Forgotten;
        }
        if self.windows.len() >= most {
            let oldest = self.windows.iter().enumerate().min_by_key(|(_, window)| window.issued_ms);
            if let Some((at, _)) = oldest {
                self.floor_ms = self.floor_ms.max(self.windows.swap_remove(at).issued_ms);
            }
        }
        if issued_ms <= self.floor_ms {
            return Use::Forgotten;
        }
        self.windows.push(Window { id, issued_ms, highest: count, seen: 1 });
        Use::First
    }
}

impl Window {
    fn take(&mut self, count: u32) -> Use {
        if count > self.highest {
            let ahead = count - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return Use::First;
        }
        let behind = self.highest - count;
        let bit = 1_u64.checked_shl(behind).unwrap_or(0);
        if bit == 0 || self.seen & bit != 0 {
            return Use::Replayed;
        }
        self.seen |= bit;
        Use::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_good_once_in_any_order() {
        let mut uses = Uses::default();
        for (count, expected) in [(1, Use::First), (3, Use::First), (2, Use::First), (2, Use::Replayed)] {
            assert_eq!(uses.take(8, (7, 100), count), expected, "{count}");
        }
        assert_eq!(uses.take(8, (7, 100), 200), Use::First);
        assert_eq!(uses.take(8, (7, 100), 3), Use::Replayed);
    }

    #[test]
    fn what_was_forgotten_cannot_be_replayed() {
        let mut uses = Uses::default();
        for id in 0..20 {
            assert_eq!(uses.take(8, (id, 1000 + id), 1), Use::First);
        }
        assert_eq!(uses.take(8, (0, 1000), 1), Use::Forgotten);
        assert_eq!(uses.take(8, (19, 1019), 1), Use::Replayed);
    }
}
