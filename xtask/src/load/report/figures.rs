//! The numbers of a report: what was counted, reduced to what people compare.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::load::request::Kind;
use crate::load::scrape;
use crate::load::tally::Figures;
use crate::report::milliseconds;

/// One kind of request, or all together.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) kind: Option<Kind>,
    pub(super) requests: u64,
    /// Answered without an error.
    pub(super) per_second: f64,
    pub(super) contexts: u64,
    pub(super) contexts_per_second: f64,
    pub(super) known: u64,
    pub(super) degraded: u64,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) latency_ms: Quantiles,
    pub(super) late_start_ms: Quantiles,
}

#[derive(Debug, Serialize)]
pub(super) struct Quantiles {
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

/// One series of the server's histograms.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    #[serde(skip)]
    pub(super) shown: String,
    pub(super) count: u64,
    pub(super) mean_ms: f64,
    /// Estimated from the buckets, as the next two.
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
}

impl Row {
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    /// Sums up what was counted of a kind in so many seconds.
    pub(super) fn new(kind: Option<Kind>, figures: &Figures, seconds: f64) -> Self {
        let per_second = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Self {
            kind,
            requests: figures.requests,
            per_second: per_second(figures.latency.len()),
            contexts: figures.contexts,
            contexts_per_second: per_second(figures.contexts),
            known: figures.known,
            degraded: figures.degraded,
            errors: figures.errors.clone(),
            latency_ms: Quantiles::from(&figures.latency),
            late_start_ms: Quantiles::from(&figures.lateness),
        }
    }
}

impl From<&Histogram<u64>> for Quantiles {
    #[expect(
        clippy::cast_precision_loss,
        reason = "two minutes of microseconds are far below 2^52"
    )]
    fn from(microseconds: &Histogram<u64>) -> Self {
        let at = |quantile| microseconds.value_at_quantile(quantile) as f64 / 1_000.0;
        Self {
            mean: microseconds.mean() / 1_000.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: microseconds.max() as f64 / 1_000.0,
        }
    }
}

impl From<&(scrape::Series, scrape::Histogram)> for Step {
    fn from((series, histogram): &(scrape::Series, scrape::Histogram)) -> Self {
        let at = |quantile| milliseconds(histogram.quantile(quantile));
        Self {
            name: series.name.clone(),
            labels: series.labels.clone(),
            shown: series.to_string(),
            count: histogram.count(),
            mean_ms: milliseconds(histogram.mean()),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
        }
    }
}
