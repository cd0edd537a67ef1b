//! The figures of all threads, joined.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::metric::{self, ALL, Kind, Metric};
use super::tally::{Count, Snapshot};

/// A metric and all its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// What it means.
    pub help: String,
    /// Its figures.
    pub samples: Vec<Sample>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// What tells it from the others: names and values.
    pub labels: Vec<(String, String)>,
    /// What it is.
    pub value: Value,
}

/// What a figure is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// A number.
    Number(f64),
    /// Times, by steps.
    Times {
        /// For each step how often it took no longer.
        steps: Vec<Bucket>,
        /// How often in all.
        count: u64,
        /// Seconds in all.
        sum_s: f64,
    },
}

/// A step of times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Up to so many seconds.
    pub bound_s: f64,
    /// So often it took no longer.
    pub count: u64,
}

/// The figures, while they are gathered.
#[derive(Debug, Default)]
pub struct Figures {
    numbers: BTreeMap<(&'static str, Vec<String>), f64>,
    times: BTreeMap<(&'static str, Vec<String>), Histogram>,
}

impl Figures {
    /// A figure is so much more.
    pub(crate) fn add(&mut self, metric: Metric, labels: Vec<String>, value: f64) {
        debug_assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
        *self.numbers.entry((metric.name, labels)).or_default() += value;
    }

    /// The same, a count.
    pub(crate) fn count(&mut self, metric: Metric, labels: &[&str], count: usize) {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.add(metric, labels, large(u64::try_from(count).unwrap_or(u64::MAX)));
    }

    /// The same of what has no labels and may be large.
    pub(crate) fn number(&mut self, metric: Metric, count: u64) {
        self.add(metric, Vec::new(), large(count));
    }

    /// The times of something.
    pub(crate) fn times(&mut self, metric: Metric, label: &str, times: Histogram) {
        self.times.insert((metric.name, vec![label.to_owned()]), times);
    }

    /// What one thread has counted and holds.
    pub(crate) fn take(&mut self, snapshot: &Snapshot) {
        let server = snapshot.server.0.to_string();
        let (mut answered, mut left) = (0, 0);
        for (count, times) in &snapshot.counts {
            if *count == Count::Answered {
                answered = *times;
            } else if *count == Count::Left {
                left = *times;
            }
            if let Some((metric, labels)) = count.series() {
                self.add(metric, labels, large(*times));
            }
        }
        let census = &snapshot.census;
        let talking = usize::try_from(answered.saturating_sub(left)).unwrap_or(usize::MAX).min(census.calls);
        self.count(metric::CALL_HALVES, &["answered"], talking);
        self.count(metric::CALL_HALVES, &["ringing"], census.calls - talking);
        self.count(metric::TRANSACTIONS, &["client"], census.client_transactions);
        self.count(metric::TRANSACTIONS, &["server"], census.server_transactions);
        self.count(metric::LEGS, &[], census.legs);
        self.count(metric::TIMERS, &[], census.timers);
        self.count(metric::CACHED, &[], census.users);
        self.count(metric::QUEUE, &[&server], snapshot.queue);
        self.times(metric::TURN, &server, snapshot.turns);
    }

    /// All of them, in the order of the table; what there is none of is left out.
    pub fn families(self) -> Vec<Family> {
        ALL.iter().map(|metric| self.family(metric)).filter(|family| !family.samples.is_empty()).collect()
    }

    fn family(&self, metric: &Metric) -> Family {
        let named = |labels: &[String]| -> Vec<(String, String)> {
            metric.labels.iter().map(|name| (*name).to_owned()).zip(labels.iter().cloned()).collect()
        };
        let samples = if metric.kind == Kind::Histogram {
            let own = self.times.iter().filter(|((name, _), _)| *name == metric.name);
            own.map(|((_, labels), times)| Sample { labels: named(labels), value: value(times) }).collect()
        } else {
            let own = self.numbers.iter().filter(|((name, _), _)| *name == metric.name);
            own.map(|((_, labels), number)| Sample { labels: named(labels), value: Value::Number(*number) })
                .collect()
        };
        let (name, help) = (metric.name.to_owned(), metric.help.to_owned());
        Family { name, kind: metric.kind.as_str().to_owned(), help, samples }
    }
}

fn value(times: &Histogram) -> Value {
    let (steps, count) = times.cumulated();
    let steps = steps.into_iter().map(|(bound_s, count)| Bucket { bound_s, count }).collect();
    Value::Times { steps, count, sum_s: times.sum_s() }
}

/// A count as a figure. Beyond 2^53 it is rounded, after three hundred years of a million a second.
#[allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "there is no other way to a float")]
fn large(count: u64) -> f64 {
    count as f64
}
