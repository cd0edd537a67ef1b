//! `ratatosk status`: the figures of the running server.

use clap::Args;

use super::failure::Failure;
use super::live;
use super::load::Loaded;
use crate::io::metrics::{Bucket, Family, Sample, Value};
use crate::io::socket::{Answer, Question};

#[derive(Debug, Args)]
pub(super) struct Status {
    /// For programs.
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let families = match live::ask(loaded, &Question::Figures)? {
            Some(Answer::Figures(families)) => families,
            Some(_) => return Err(live::foreign()),
            None => return Err(Failure::NotRunning { database: loaded.config.store.database.clone() }),
        };
        if self.json {
            loaded.desk.json(&families);
            return Ok(());
        }
        let rows =
            families.iter().flat_map(|family| family.samples.iter().map(move |sample| row(family, sample)));
        loaded.desk.table(&["figure", "of", "is"], rows.collect(), "there are no figures");
        Ok(())
    }
}

fn row(family: &Family, sample: &Sample) -> Vec<String> {
    let name = family.name.trim_start_matches("ratatosk_").trim_end_matches("_total").replace('_', " ");
    let of = sample.labels.iter().map(|(name, value)| format!("{name} {value}"));
    vec![name, of.collect::<Vec<_>>().join(", "), told(&sample.value)]
}

fn told(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Times { count: 0, .. } => "none yet".to_owned(),
        Value::Times { steps, count, sum_s } => match within(steps, *count) {
            Some(bound_s) => format!("{count} in {sum_s:.1} s, 99 of 100 within {} ms", bound_s * 1000.0),
            None => format!("{count} in {sum_s:.1} s"),
        },
    }
}

/// The step within which 99 of 100 are.
fn within(steps: &[Bucket], count: u64) -> Option<f64> {
    let most = count - count / 100;
    steps.iter().find(|step| step.count >= most).map(|step| step.bound_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_what_nearly_all_of_them_take() {
        let bucket = |bound_s, count| Bucket { bound_s, count };
        let steps = vec![bucket(0.001, 90), bucket(0.01, 100)];
        let value = Value::Times { steps: steps.clone(), count: 100, sum_s: 0.25 };
        assert_eq!(told(&value), "100 in 0.2 s, 99 of 100 within 10 ms");
        let value = Value::Times { steps, count: 200, sum_s: 9.0 };
        assert_eq!(told(&value), "200 in 9.0 s");
        assert_eq!(told(&Value::Number(3.0)), "3");
    }
}
