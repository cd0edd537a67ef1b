//! The path a decision took, kept inline: recording it costs no allocation.

use super::words::{Direction, Outcome};

/// One step of a decision. The numbers are places inside the compiled tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TraceStep {
    /// A condition was looked at.
    Tested {
        /// Which.
        test: u16,
        /// Whether it held.
        held: bool,
    },
    /// A line of actions was reached.
    Reached {
        /// Which.
        line: u16,
    },
    /// A `try` came back.
    CameBack {
        /// With what.
        outcome: Outcome,
    },
}

/// The steps of one request through one tree. Holds the last [`Trace::CAPACITY`] of them, so
/// that the rule that decided is always there.
#[derive(Clone, Debug)]
pub struct Trace {
    direction: Direction,
    taken: u32,
    /// Whether a condition looked at what no record holds; known of steps that are let go, too.
    unrecorded: bool,
    steps: [TraceStep; Self::CAPACITY],
}

impl Trace {
    /// How many steps are kept; of a longer path the first ones are let go.
    pub const CAPACITY: usize = 64;

    /// An empty trace.
    pub const fn new() -> Self {
        let nothing = TraceStep::Reached { line: 0 };
        Self { direction: Direction::Incoming, taken: 0, unrecorded: false, steps: [nothing; Self::CAPACITY] }
    }

    /// Which tree was asked.
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// The steps still held, first to last.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = TraceStep> + '_ {
        let taken = usize::try_from(self.taken).unwrap_or(usize::MAX);
        (self.forgotten()..taken).filter_map(|i| self.steps.get(i % Self::CAPACITY).copied())
    }

    /// How many steps there were in all.
    pub(super) fn taken(&self) -> u32 {
        self.taken
    }

    /// Whether a condition looked at what no record holds.
    pub(super) fn is_unrecorded(&self) -> bool {
        self.unrecorded
    }

    /// A condition looks at what no record holds.
    pub(super) fn look_at_unrecorded(&mut self) {
        self.unrecorded = true;
    }

    /// The trace whose last steps these are, of so many.
    pub(super) fn restored(direction: Direction, taken: u32, unrecorded: bool, steps: &[TraceStep]) -> Self {
        let mut trace = Self { direction, unrecorded, ..Self::new() };
        trace.taken = taken.saturating_sub(u32::try_from(steps.len()).unwrap_or(u32::MAX));
        for step in steps {
            trace.push(*step);
        }
        trace
    }

    /// How many steps at the beginning are no longer held.
    pub fn forgotten(&self) -> usize {
        usize::try_from(self.taken).unwrap_or(usize::MAX).saturating_sub(Self::CAPACITY)
    }

    /// Starts over, for a question to the tree of `direction`.
    pub(super) fn start(&mut self, direction: Direction) {
        self.direction = direction;
        self.taken = 0;
        self.unrecorded = false;
    }

    /// Records tests from one number down to another, of which none held but perhaps the last one.
    pub(super) fn push_tested(&mut self, first: u16, last: u16, held: bool) {
        let count = usize::from(first.saturating_sub(last)) + 1;
        // Of these the first ones are let go at once.
        let forgotten = u16::try_from(count.saturating_sub(Self::CAPACITY)).unwrap_or(0);
        self.taken = self.taken.saturating_add(u32::from(forgotten));
        for test in (last..=first - forgotten).rev() {
            self.push(TraceStep::Tested { test, held: held && test == last });
        }
    }

    /// Records a step.
    pub(super) fn push(&mut self, step: TraceStep) {
        let at = usize::try_from(self.taken).unwrap_or(0) % Self::CAPACITY;
        if let Some(slot) = self.steps.get_mut(at) {
            *slot = step;
            self.taken = self.taken.saturating_add(1);
        }
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        self.direction == other.direction && self.taken == other.taken && self.steps().eq(other.steps())
    }
}

impl Eq for Trace {}
