//! The Prometheus recorder and its buckets.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::Error;

/// Upper bounds of the buckets of `…_duration_seconds` histograms: from 0.1 ms, the time of an answer from memory, to 5 s.
const SECONDS: [f64; 14] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// Upper bounds of the buckets of every histogram of recall: most of the interest is just below 1.
const RECALL: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];

/// Reads the recorded metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Renders all metrics in Prometheus's text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Drains recorded values into their buckets; call it every few seconds, or memory grows.
    pub fn run_upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Installs the recorder, once per process.
///
/// # Errors
/// [`Error::MetricsInstalled`].
pub fn install_metrics() -> Result<Metrics, Error> {
    let installed = |error: metrics_exporter_prometheus::BuildError| Error::MetricsInstalled(error.into());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_recall_at_k".to_owned()), &RECALL))
        .map_err(installed)?;
    Ok(Metrics(builder.install_recorder().map_err(installed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_in_buckets() {
        let metrics = install_metrics().unwrap();
        metrics::histogram!("test_duration_seconds").record(0.0002);
        let text = metrics.render();
        assert!(
            text.contains("test_duration_seconds_bucket{le=\"0.00025\"} 1"),
            "{text}"
        );
        assert!(text.contains("test_duration_seconds_bucket{le=\"0.0001\"} 0"), "{text}");
        assert!(install_metrics().is_err());
    }
}
