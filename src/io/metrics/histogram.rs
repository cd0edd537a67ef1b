//! How long something takes, counted by steps.

use std::time::Duration;

/// The steps, in microseconds.
const BOUNDS_US: [u64; 9] = [50, 100, 250, 1_000, 2_500, 10_000, 50_000, 250_000, 1_000_000];

/// How often something took how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram {
    /// By step; what took longer than the last is counted behind it.
    steps: [u64; BOUNDS_US.len() + 1],
    sum_us: u64,
}

impl Histogram {
    /// It took so long once.
    pub fn note(&mut self, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = BOUNDS_US.partition_point(|bound| *bound < took_us);
        if let Some(count) = self.steps.get_mut(step) {
            *count += 1;
        }
        self.sum_us = self.sum_us.saturating_add(took_us);
    }

    /// For each step how often it took no longer, and how often in all.
    pub fn cumulated(&self) -> (Vec<(f64, u64)>, u64) {
        let mut count = 0;
        let mut counts = self.steps.iter().map(|step| {
            count += step;
            count
        });
        let steps = BOUNDS_US.iter().map(|bound| seconds(*bound)).zip(counts.by_ref()).collect();
        let _beyond = counts.next();
        (steps, count)
    }

    /// Seconds in all.
    pub fn sum_s(&self) -> f64 {
        seconds(self.sum_us)
    }
}

fn seconds(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_counts_what_took_no_longer() {
        let mut histogram = Histogram::default();
        for us in [1, 50, 51, 1_000, 9_000_000] {
            histogram.note(Duration::from_micros(us));
        }
        let (steps, count) = histogram.cumulated();
        let of = |bound: f64| steps.iter().find(|(own, _)| (own - bound).abs() < 1e-9).unwrap().1;
        assert_eq!((of(0.000_05), of(0.000_1), of(0.001), of(1.0), count), (2, 3, 4, 4, 5));
        assert!((histogram.sum_s() - 9.001_102).abs() < 1e-9);
    }
}
