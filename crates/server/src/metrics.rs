//! Every metric the server exports: its own by name, and the descriptions of all crates in one place.

use std::fmt::Write as _;

use context_manager_observability::{MetricKind, describe_process_metrics, described_metrics};
use metrics::{Unit, describe_gauge};

use crate::{auth, health, http, limits, listen};

/// Gauge that is 1; label `version`.
const BUILD_INFO: &str = "context_manager_build_info";

/// Descriptions of the metrics of each part, with a heading.
const SECTIONS: [(&str, fn()); 9] = [
    ("Requests and the server", describe_own),
    ("Keys, limits and connections", describe_guards),
    ("Health and logs", context_manager_observability::metrics::describe),
    ("Storing and searching", context_manager_core::metrics::describe),
    ("Embedding", context_manager_embedding::metrics::describe),
    ("Vector store", context_manager_vector_store::metrics::describe),
    ("What servers share on Redis", context_manager_redis::metrics::describe),
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
    http::describe_metrics();
    health::describe_metrics();
    describe_gauge!(BUILD_INFO, "1, with the `version` as a label");
}

fn describe_guards() {
    auth::describe_metrics();
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
