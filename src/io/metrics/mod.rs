//! Metrics: what this process has done and holds, in figures.
//!
//! Each thread counts for itself, in plain numbers that nobody else looks at ([`tally`]); whoever wants to
//! know asks every thread, and the figures of all are joined ([`figures`]) and written as Prometheus reads
//! them ([`text`]). What there is to know is a table ([`metric`]). No figure tells of a user.

mod figures;
mod histogram;
pub(crate) mod metric;
mod tally;
mod text;
mod watch;

pub use figures::{Bucket, Family, Figures, Sample, Value};
pub use histogram::Histogram;
pub use metric::{ALL, Kind, Metric};
pub use tally::Snapshot;
pub use text::{MEDIA, exposition};
pub use watch::{Stock, Watch};

pub(crate) use tally::Tally;
