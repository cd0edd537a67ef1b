//! The network between phones and servers: what it does to a message.

use std::time::Duration;

use ratatosk::base::Rng;

/// How good the network is. Datagrams suffer everything; streams only delay.
#[derive(Debug, Clone)]
pub struct Net {
    /// Datagrams lost, of a thousand.
    pub loss: u64,
    /// Datagrams that come twice, of a thousand.
    pub twice: u64,
    /// The shortest and longest way, milliseconds. A spread means that datagrams overtake.
    pub delay_ms: (u64, u64),
    /// How long the store takes, milliseconds.
    pub store_ms: (u64, u64),
    /// Whether streams are cut into pieces.
    pub pieces: bool,
}

impl Net {
    /// Everything comes once, in order, after a millisecond; the store answers at once.
    pub const PERFECT: Self = Self { loss: 0, twice: 0, delay_ms: (1, 1), store_ms: (0, 0), pieces: false };

    /// Some network between perfect and 20 % loss, 300 ms.
    pub fn draw(rng: &mut Rng) -> Self {
        let loss = if rng.below(4) == 0 { 0 } else { rng.below(201) };
        let twice = if rng.below(2) == 0 { 0 } else { rng.below(100) };
        let low = rng.below(150);
        let high = if rng.below(4) == 0 { low } else { low + rng.below(301 - low) };
        let store = if rng.below(3) == 0 { 0 } else { rng.below(40) };
        Self { loss, twice, delay_ms: (low, high.max(low)), store_ms: (0, store), pieces: rng.below(2) == 0 }
    }

    /// How long one thing takes on its way.
    pub fn delay(&self, rng: &mut Rng) -> Duration {
        between(self.delay_ms, rng)
    }

    /// How long the store takes for one thing.
    pub fn store_delay(&self, rng: &mut Rng) -> Duration {
        between(self.store_ms, rng)
    }

    /// When the copies of a datagram arrive: none, one or two.
    pub fn copies(&self, rng: &mut Rng) -> [Option<Duration>; 2] {
        if self.loss > 0 && rng.below(1000) < self.loss {
            return [None, None];
        }
        let again = self.twice > 0 && rng.below(1000) < self.twice;
        [Some(self.delay(rng)), again.then(|| self.delay(rng))]
    }
}

/// So many milliseconds, from the first number to the second.
pub fn between((low, high): (u64, u64), rng: &mut Rng) -> Duration {
    if low == high {
        return Duration::from_millis(low);
    }
    Duration::from_micros(low * 1000 + rng.below((high - low) * 1000 + 1))
}
