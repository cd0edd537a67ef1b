//! How much the store has to do, and how long that takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::effect::StoreOutcome;
use crate::io::metrics::{Figures, Histogram, metric};

/// What kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Write,
    Read,
    Script,
    Circles,
}

/// The figures of a store. Those who ask count what they ask, the store's thread what it has done.
#[derive(Debug, Default)]
pub(super) struct Meters {
    kinds: [Meter; 4],
    failed: AtomicU64,
}

#[derive(Debug, Default)]
struct Meter {
    asked: AtomicU64,
    answered: AtomicU64,
    batches: Mutex<Histogram>,
}

impl Work {
    const ALL: [Self; 4] = [Self::Write, Self::Read, Self::Script, Self::Circles];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Script => "script",
            Self::Circles => "circles",
        }
    }
}

impl Meters {
    /// Something is asked.
    pub(super) fn asked(&self, work: Work) {
        self.of(work).asked.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch is done, in such a time.
    pub(super) fn done(&self, work: Work, outcomes: &[StoreOutcome], took: Duration) {
        if outcomes.is_empty() {
            return;
        }
        let count = |outcomes: usize| u64::try_from(outcomes).unwrap_or(u64::MAX);
        let meter = self.of(work);
        meter.answered.fetch_add(count(outcomes.len()), Ordering::Relaxed);
        meter.batches.lock().unwrap_or_else(PoisonError::into_inner).note(took);
        let failed = outcomes.iter().filter(|outcome| matches!(outcome, StoreOutcome::Failed)).count();
        self.failed.fetch_add(count(failed), Ordering::Relaxed);
    }

    /// Adds them to the others.
    pub(super) fn tell(&self, figures: &mut Figures) {
        for work in Work::ALL {
            let meter = self.of(work);
            // In this order: what is answered was asked before.
            let answered = meter.answered.load(Ordering::Relaxed);
            let waiting = meter.asked.load(Ordering::Relaxed).saturating_sub(answered);
            figures.count(
                metric::STORE_WAITING,
                &[work.as_str()],
                usize::try_from(waiting).unwrap_or(usize::MAX),
            );
            let batches = *meter.batches.lock().unwrap_or_else(PoisonError::into_inner);
            figures.times(metric::STORE_BATCH, work.as_str(), batches);
        }
        figures.number(metric::STORE_FAILED, self.failed.load(Ordering::Relaxed));
    }

    fn of(&self, work: Work) -> &Meter {
        let [write, read, script, circles] = &self.kinds;
        match work {
            Work::Write => write,
            Work::Read => read,
            Work::Script => script,
            Work::Circles => circles,
        }
    }
}
