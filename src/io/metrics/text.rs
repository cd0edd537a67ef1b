//! The figures as Prometheus reads them.

use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, MetricFamily, MetricType};

use super::figures::{Family, Sample, Value};

/// The media type of the text.
pub const MEDIA: &str = prometheus::TEXT_FORMAT;

/// Writes them in the text format, version 0.0.4.
pub fn exposition(families: &[Family]) -> String {
    let families: Vec<MetricFamily> = families.iter().map(family).collect();
    // What could not be written would have no name or no figure.
    TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| {
        tracing::error!(%error, "the metrics cannot be written");
        String::new()
    })
}

fn family(family: &Family) -> MetricFamily {
    let mut written = MetricFamily::default();
    written.set_name(family.name.clone());
    written.set_help(family.help.clone());
    written.set_field_type(match family.kind.as_str() {
        "counter" => MetricType::COUNTER,
        "histogram" => MetricType::HISTOGRAM,
        _ => MetricType::GAUGE,
    });
    let kind = written.get_field_type();
    written.set_metric(family.samples.iter().map(|sample| metric(sample, kind)).collect());
    written
}

fn metric(sample: &Sample, kind: MetricType) -> prometheus::proto::Metric {
    let labels = sample.labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.clone());
        pair.set_value(value.clone());
        pair
    });
    let mut metric = prometheus::proto::Metric::from_label(labels.collect());
    match &sample.value {
        Value::Number(number) if kind == MetricType::COUNTER => {
            let mut counter = Counter::default();
            counter.set_value(*number);
            metric.set_counter(counter);
        }
        Value::Number(number) => {
            let mut gauge = Gauge::default();
            gauge.set_value(*number);
            metric.set_gauge(gauge);
        }
        Value::Times { steps, count, sum_s } => {
            let mut histogram = Histogram::default();
            let steps = steps.iter().map(|step| {
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(step.bound_s);
                bucket.set_cumulative_count(step.count);
                bucket
            });
            histogram.set_bucket(steps.collect());
            histogram.set_sample_count(*count);
            histogram.set_sample_sum(*sum_s);
            metric.set_histogram(histogram);
        }
    }
    metric
}
