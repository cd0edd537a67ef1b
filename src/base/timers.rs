//! One timer queue for a whole user server: a hashed wheel over a slab.
//!
//! Arming and disarming cost a few nanoseconds whatever the number of live timers, which is what
//! SIP needs: nearly every timer is disarmed before it fires. Expiry is in order of deadline and,
//! for equal deadlines, of arming, so that the same input gives the same effects.

use std::time::Duration;

use slab::Slab;

use super::time::At;

/// Microseconds that one bucket of the wheel covers.
const TICK_US: u64 = 8192;
/// Buckets of the wheel; one turn takes 33.5 s, a little over timer B (32 s).
const BUCKETS: usize = 4096;
const WORDS: usize = BUCKETS / 64;
const NIL: u32 = u32::MAX;

/// A timer that was armed. Stays valid, and harmless, after the timer fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerId {
    index: u32,
    serial: u64,
}

/// The queue. `T` says what to do when the time comes.
#[derive(Debug)]
pub struct Timers<T> {
    entries: Slab<Entry<T>>,
    heads: Vec<u32>,
    occupied: [u64; WORDS],
    /// Every bucket before this tick has been emptied of what was due.
    tick: u64,
    /// Nothing is due before this. Disarming leaves it where it is, and so most often too early.
    earliest: At,
    serial: u64,
    /// What was found to be due and has not been taken out, the next one last.
    due: Vec<(At, u64, u32)>,
}

#[derive(Debug)]
struct Entry<T> {
    deadline: At,
    serial: u64,
    previous: u32,
    next: u32,
    what: T,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self {
            entries: Slab::new(),
            heads: vec![NIL; BUCKETS],
            occupied: [0; WORDS],
            tick: 0,
            earliest: At::START,
            serial: 0,
            due: Vec::new(),
        }
    }
}

impl<T> Timers<T> {
    /// How many timers are armed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is armed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Arms a timer; a deadline in the past fires at the next [`Timers::expire`].
    pub fn arm(&mut self, deadline: At, what: T) -> TimerId {
        self.serial += 1;
        let serial = self.serial;
        self.earliest = if self.is_empty() { deadline } else { self.earliest.min(deadline) };
        let bucket = self.bucket(deadline);
        let head = self.heads.get(bucket).copied().unwrap_or(NIL);
        let entry = Entry { deadline, serial, previous: NIL, next: head, what };
        let index = u32::try_from(self.entries.insert(entry)).unwrap_or(NIL);
        if let Some(entry) = self.entries.get_mut(to_usize(head)) {
            entry.previous = index;
        }
        self.set_head(bucket, index);
        TimerId { index, serial }
    }

    /// Disarms a timer, giving back what it would have done; `None` if it has fired.
    pub fn disarm(&mut self, id: TimerId) -> Option<T> {
        let entry = self.entries.get(to_usize(id.index))?;
        (entry.serial == id.serial).then(|| self.unlink(id.index)).flatten()
    }

    /// When [`Timers::expire`] is wanted next, if a timer is armed. Never later than the earliest
    /// deadline; it may be earlier (a harmless wake-up), for instance that of a timer that was
    /// disarmed.
    pub fn next_deadline(&self) -> Option<At> {
        (!self.is_empty()).then_some(self.earliest)
    }

    /// Finds everything that is due at `now`, for [`Timers::pop_due`].
    pub fn expire(&mut self, now: At) {
        if now < self.earliest || self.is_empty() {
            return;
        }
        let last = now.as_micros() / TICK_US;
        let turn = u64::try_from(BUCKETS).unwrap_or(1);
        let mut due = std::mem::take(&mut self.due);
        let mut tick = self.tick;
        let end = last.min(self.tick + turn - 1);
        while let Some(found) = (tick <= end).then(|| self.next_occupied(tick, end - tick + 1)).flatten() {
            let bucket = index_of(found);
            let mut index = self.heads.get(bucket).copied().unwrap_or(NIL);
            while let Some(entry) = self.entries.get(to_usize(index)) {
                if entry.deadline <= now {
                    due.push((entry.deadline, entry.serial, index));
                }
                index = entry.next;
            }
            tick = found + 1;
        }
        due.sort_unstable_by(|one, other| other.cmp(one));
        self.due = due;
        // The bucket of `now` itself may still hold what is due later in the same tick.
        self.tick = self.tick.max(last);
        self.earliest = if self.due.is_empty() { self.look() } else { self.earliest };
    }

    /// Takes out the next timer that was found to be due. One that was disarmed since then, by what another of
    /// them has set off, does not fire.
    pub fn pop_due(&mut self) -> Option<T> {
        while let Some((_, serial, index)) = self.due.pop() {
            let fired = self.disarm(TimerId { index, serial });
            if self.due.is_empty() {
                self.earliest = self.look();
            }
            if fired.is_some() {
                return fired;
            }
        }
        None
    }

    /// The earliest deadline; for one more than a turn of the wheel away, the end of the turn.
    fn look(&self) -> At {
        let turn = u64::try_from(BUCKETS).unwrap_or(1);
        let mut step = 0;
        while let Some(found) = self.next_occupied(self.tick + step, turn - step) {
            let of_this_turn = |entry: &&Entry<T>| entry.deadline.as_micros() / TICK_US <= found;
            let deadlines = self.chain(index_of(found)).filter(of_this_turn).map(|entry| entry.deadline);
            if let Some(earliest) = deadlines.min() {
                return earliest;
            }
            step = found - self.tick + 1;
        }
        At::from_micros((self.tick + turn) * TICK_US)
    }

    fn bucket(&self, deadline: At) -> usize {
        index_of((deadline.as_micros() / TICK_US).max(self.tick))
    }

    fn chain(&self, bucket: usize) -> impl Iterator<Item = &Entry<T>> {
        let mut index = self.heads.get(bucket).copied().unwrap_or(NIL);
        std::iter::from_fn(move || {
            let entry = self.entries.get(to_usize(index))?;
            index = entry.next;
            Some(entry)
        })
    }

    /// The first tick at or after `from`, within `span` ticks, whose bucket holds anything.
    fn next_occupied(&self, from: u64, span: u64) -> Option<u64> {
        let mut offset = 0;
        while offset < span {
            let bucket = index_of(from + offset);
            let bit = u32::try_from(bucket % 64).unwrap_or(0);
            let word = self.occupied.get(bucket / 64).copied().unwrap_or(0) >> bit;
            if word != 0 {
                let found = offset + u64::from(word.trailing_zeros());
                return (found < span).then_some(from + found);
            }
            offset += u64::from(64 - bit);
        }
        None
    }

    fn set_head(&mut self, bucket: usize, index: u32) {
        if let Some(head) = self.heads.get_mut(bucket) {
            *head = index;
        }
        if let Some(word) = self.occupied.get_mut(bucket / 64) {
            let mask = 1_u64 << (bucket % 64);
            if index == NIL { *word &= !mask } else { *word |= mask }
        }
    }

    fn unlink(&mut self, index: u32) -> Option<T> {
        let entry = self.entries.try_remove(to_usize(index))?;
        if let Some(next) = self.entries.get_mut(to_usize(entry.next)) {
            next.previous = entry.previous;
        }
        if let Some(previous) = self.entries.get_mut(to_usize(entry.previous)) {
            previous.next = entry.next;
        } else {
            let bucket = self.head_of(index, entry.deadline);
            self.set_head(bucket, entry.next);
        }
        Some(entry.what)
    }

    /// The bucket whose chain `index` opens: where its deadline says, or, when it was armed for
    /// the past, where the wheel stood then.
    fn head_of(&self, index: u32, deadline: At) -> usize {
        let expected = index_of(deadline.as_micros() / TICK_US);
        if self.heads.get(expected) == Some(&index) {
            return expected;
        }
        self.heads.iter().position(|head| *head == index).unwrap_or(expected)
    }
}

fn index_of(tick: u64) -> usize {
    usize::try_from(tick).unwrap_or(0) % BUCKETS
}

fn to_usize(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// A span of milliseconds, the unit of RFC 3261's timers.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_in_order_and_not_early() {
        let mut timers = Timers::default();
        let at = |s: u64| At::from_micros(s * 1_000_000);
        timers.arm(at(40), "forty");
        let gone = timers.arm(at(2), "two");
        timers.arm(at(1), "one");
        timers.arm(at(1), "one more");
        assert_eq!(timers.next_deadline(), Some(at(1)));
        assert_eq!(timers.disarm(gone), Some("two"));
        assert_eq!(timers.disarm(gone), None);
        assert!(fired(&mut timers, At::from_micros(999_999)).is_empty());
        assert_eq!(fired(&mut timers, at(10)), ["one", "one more"]);
        assert!(fired(&mut timers, at(39)).is_empty());
        assert_eq!(fired(&mut timers, at(40)), ["forty"]);
        assert!(timers.is_empty());
    }

    fn fired<T>(timers: &mut Timers<T>, now: At) -> Vec<T> {
        timers.expire(now);
        std::iter::from_fn(|| timers.pop_due()).collect()
    }

    /// After a stall many are due at once: what the first of them disarms, or arms anew, is as if in time.
    #[test]
    fn one_that_is_disarmed_by_another_does_not_fire() {
        let mut timers = Timers::default();
        let at = |s: u64| At::from_micros(s * 1_000_000);
        timers.arm(at(1), "first");
        let second = timers.arm(at(2), "second");
        timers.expire(at(5));
        assert_eq!(timers.pop_due(), Some("first"));
        assert_eq!(timers.disarm(second), Some("second"));
        let again = timers.arm(at(9), "again");
        assert_eq!(timers.pop_due(), None);
        assert_eq!(timers.next_deadline(), Some(at(9)));
        assert_eq!(timers.disarm(again), Some("again"));
    }

    #[test]
    fn agrees_with_a_sorted_list() {
        let mut timers = Timers::default();
        let mut model: Vec<(At, u64, TimerId)> = Vec::new();
        let mut seed = 7_u64;
        let mut now = At::START;
        for n in 0..20_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let deadline = now + Duration::from_micros((seed >> 33) % 90_000_000);
            let id = timers.arm(deadline, n);
            model.push((deadline, n, id));
            if seed.is_multiple_of(3) {
                let pick = usize::try_from(seed >> 40).unwrap() % model.len();
                let (_, what, id) = model.swap_remove(pick);
                assert_eq!(timers.disarm(id), Some(what));
            }
            now = now + Duration::from_micros((seed >> 20) % 20_000);
            assert!(timers.next_deadline().unwrap() <= model.iter().map(|m| m.0).min().unwrap());
            let fired = fired(&mut timers, now);
            let mut due: Vec<_> = model.extract_if(.., |m| m.0 <= now).collect();
            due.sort_by_key(|m| (m.0, m.1));
            assert_eq!(fired, due.iter().map(|m| m.1).collect::<Vec<_>>());
        }
    }
}
