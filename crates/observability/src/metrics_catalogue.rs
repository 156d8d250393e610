//! Catalogue of the described metrics, so that the documentation is generated from the code.

use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A number that only goes up.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Values counted in buckets.
    Histogram,
}

/// Description of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DescribedMetric {
    /// Its name.
    pub name: String,
    /// Kind.
    pub kind: MetricKind,
    /// Unit, if it has one.
    pub unit: Option<Unit>,
    /// Meaning, with labels between backticks.
    pub help: String,
}

/// Returns the metrics that `describe` describes, in its order.
pub fn described_metrics(describe: impl FnOnce()) -> Vec<DescribedMetric> {
    let catalogue = Catalogue::default();
    metrics::with_local_recorder(&catalogue, describe);
    let mut found = catalogue.0.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *found)
}

/// Collects descriptions and records nothing.
#[derive(Debug, Default)]
struct Catalogue(Arc<Mutex<Vec<DescribedMetric>>>);

impl Catalogue {
    fn add(&self, name: &KeyName, kind: MetricKind, unit: Option<Unit>, help: &SharedString) {
        let metric = DescribedMetric {
            name: name.as_str().to_owned(),
            kind,
            unit,
            help: help.to_string(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(metric);
    }
}

impl Recorder for Catalogue {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.add(&name, MetricKind::Counter, unit, &help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.add(&name, MetricKind::Gauge, unit, &help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.add(&name, MetricKind::Histogram, unit, &help);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn described_metrics_are_listed() {
        let found = described_metrics(|| {
            metrics::describe_counter!("bytes_total", Unit::Bytes, "Bytes sent, by `peer`");
            metrics::describe_gauge!("level", "Level");
        });
        let expected = DescribedMetric {
            name: "bytes_total".to_owned(),
            kind: MetricKind::Counter,
            unit: Some(Unit::Bytes),
            help: "Bytes sent, by `peer`".to_owned(),
        };
        assert_eq!(found[0], expected);
        assert_eq!((found[1].kind, found.len()), (MetricKind::Gauge, 2));
    }
}
