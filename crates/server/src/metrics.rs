//! Every metric the server exports: its own by name, and the descriptions of all crates in one place.

use std::fmt::Write as _;

use context_manager_observability::{MetricKind, describe_process_metrics, described_metrics};
use metrics::{Unit, describe_gauge, describe_histogram};

use crate::{api, limits, listen};

/// Histogram of the time a request takes; labels `route`, `method`, `status`.
pub(crate) const REQUEST_DURATION: &str = "context_manager_request_duration_seconds";
/// Gauge of the requests that are being answered.
pub(crate) const REQUESTS_IN_FLIGHT: &str = "context_manager_requests_in_flight";
/// Gauge that is 1; label `version`.
pub(crate) const BUILD_INFO: &str = "context_manager_build_info";
/// Gauge of the bytes free on the disk that holds the data.
pub(crate) const DISK_FREE: &str = "context_manager_disk_free_bytes";
/// Gauge of the bytes that disk has.
pub(crate) const DISK_SIZE: &str = "context_manager_disk_size_bytes";

/// What describes the metrics of each part, with a heading.
const SECTIONS: [(&str, fn()); 8] = [
    ("Requests and the server", describe_own),
    ("Keys, limits and connections", describe_guards),
    ("Health and logs", context_manager_observability::metrics::describe),
    ("Storing and searching", context_manager_core::metrics::describe),
    ("Embedding", context_manager_embedding::metrics::describe),
    ("Vector store", context_manager_vector_store::metrics::describe),
    ("Circuit breakers", context_manager_resilience::metrics::describe),
    ("Process and runtime", describe_process_metrics),
];

/// Describes every metric to the recorder that is installed.
pub fn describe() {
    for (_, describe) in SECTIONS {
        describe();
    }
}

/// Records what does not change.
pub(crate) fn record_build_info() {
    metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

fn describe_own() {
    describe_histogram!(
        REQUEST_DURATION,
        Unit::Seconds,
        "Time from a request's head to its answer, by `route`, `method` and `status`"
    );
    describe_gauge!(REQUESTS_IN_FLIGHT, Unit::Count, "Requests that are being answered");
    describe_gauge!(DISK_FREE, Unit::Bytes, "Bytes free on the disk that holds the data");
    describe_gauge!(DISK_SIZE, Unit::Bytes, "Size of the disk that holds the data");
    describe_gauge!(BUILD_INFO, "1, with the `version` as a label");
}

fn describe_guards() {
    api::describe_metrics();
    limits::describe_metrics();
    listen::describe_metrics();
}

/// The text of `docs/metrics.md`.
pub fn reference() -> String {
    let mut text = String::from(INTRODUCTION);
    for (heading, describe) in SECTIONS {
        let _infallible = write!(
            text,
            "\n## {heading}\n\n| name | type | unit | meaning |\n|---|---|---|---|\n"
        );
        for metric in described_metrics(describe) {
            let kind = match metric.kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram => "histogram",
            };
            let unit = metric.unit.as_ref().map_or("", Unit::as_str);
            let help = metric.help.replace('\n', " ").replace('|', "\\|");
            let _infallible = writeln!(text, "| `{}` | {kind} | {unit} | {help} |", metric.name);
        }
    }
    text
}

const INTRODUCTION: &str = "\
# Metrics

`GET /metrics` answers in Prometheus's text format. This page is made from the descriptions in the code by
`context-manager metrics-reference`; a test fails when the two differ.

Names between backticks in a meaning are labels; no label has an unbounded set of values, and none names a tenant.
A histogram `x` is exported as `x_bucket{le=…}`, `x_sum` and `x_count`. Durations have buckets from 0.1 ms to 5 s: 0.1, 0.25,
0.5, 1, 5, 10, 25, 50, 100, 250, 500 ms, 1, 2.5, 5 s.
A metric appears when it is first recorded; most do so only when something of their kind happened.
";
