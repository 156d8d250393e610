//! Everything that dashboards and alerts read exists: every metric in the catalogue, every label in a real scrape.

mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use context_manager::metrics;
use context_manager_observability::{MetricKind, described_metrics};
use serde_json::{Value, json};

use crate::support::TestApp;
use promql::{Reads, reads, shown_labels};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");

/// Labels that Prometheus adds to every series, or keeps itself.
const OF_PROMETHEUS: [&str; 3] = ["job", "instance", "le"];

/// Metrics on panels that are only recorded after an event of their kind, such as a fault, or once the process was measured.
const NOT_IN_A_SHORT_LOAD: &str = "
    context_manager_accesses_lost_total context_manager_anonymous_memory_bytes
    context_manager_auth_failures_total context_manager_build_info
    context_manager_circuit_breaker_rejected_total context_manager_circuit_breaker_state
    context_manager_circuit_breaker_transitions_total context_manager_connections
    context_manager_connections_refused_total context_manager_connections_timed_out_total
    context_manager_embedded_later_total context_manager_embedding_retries_total
    context_manager_embedding_shared_total context_manager_embedding_texts_total
    context_manager_embedding_turned_away_total context_manager_gc_backlog
    context_manager_gc_consolidated_total context_manager_gc_errors_total context_manager_gc_made_total
    context_manager_gc_promoted_total context_manager_gc_settled_total
    context_manager_log_lines_suppressed_total context_manager_quota_exceeded_total
    context_manager_rate_limited_total context_manager_recall_at_k context_manager_recall_samples_total
    context_manager_requests_shed_total context_manager_runtime_busy_ratio
    context_manager_runtime_queued_tasks context_manager_runtime_tasks context_manager_runtime_workers
    context_manager_searches_degraded_total context_manager_summarize_duration_seconds
    context_manager_vector_db_background_errors_total context_manager_vector_db_unreadable_total
    process_cpu_seconds_total process_max_fds process_open_fds process_resident_memory_bytes
    process_start_time_seconds process_threads
";

/// Metrics on no panel: details of the process.
const NOT_ON_A_PANEL: [&str; 6] = [
    "context_manager_redis_session_reads_total",
    "context_manager_redis_unannounced_writes_total",
    "context_manager_reindex_pending",
    "context_manager_rerank_duration_seconds",
    "process_virtual_memory_bytes",
    "process_virtual_memory_max_bytes",
];

/// The labels of every metric: as exported, and as named between backticks in its description.
struct Known {
    described: BTreeMap<String, BTreeSet<String>>,
    scraped: BTreeMap<String, BTreeSet<String>>,
    histograms: BTreeSet<String>,
}

impl Known {
    fn read(scrape: &str) -> Self {
        let mut known = Self {
            described: BTreeMap::new(),
            scraped: BTreeMap::new(),
            histograms: BTreeSet::new(),
        };
        for metric in described_metrics(metrics::describe) {
            if metric.kind == MetricKind::Histogram {
                known.histograms.insert(metric.name.clone());
            }
            let labels = metric.help.split('`').skip(1).step_by(2).map(str::to_owned);
            known.described.insert(metric.name, labels.collect());
        }
        for line in scrape.lines().filter(|line| !line.starts_with('#')) {
            for selected in reads(line.rsplit_once(' ').map_or(line, |(series, _)| series)).metrics {
                let name = known.base(&selected.metric).to_owned();
                known.scraped.entry(name).or_default().extend(selected.labels);
            }
        }
        known
    }

    /// The metric that a series belongs to.
    fn base<'a>(&self, series: &'a str) -> &'a str {
        let parts = ["_bucket", "_sum", "_count"].iter();
        let mut bases = parts.filter_map(|suffix| series.strip_suffix(suffix));
        bases.find(|base| self.histograms.contains(*base)).unwrap_or(series)
    }

    /// Returns the problems with the metrics and labels that an expression reads.
    fn problems(&self, reads: &Reads, shown: &BTreeSet<String>) -> Vec<String> {
        let mut problems = Vec::new();
        let mut labels: BTreeSet<String> = OF_PROMETHEUS.map(str::to_owned).into();
        for selected in &reads.metrics {
            // A recorded ratio, named level:metric:operation; its level says which labels it has.
            if let Some((level, _)) = selected.metric.split_once(':') {
                labels.extend(level.split('_').map(str::to_owned));
                continue;
            }
            let name = self.base(&selected.metric);
            let (Some(described), scraped) = (self.described.get(name), self.scraped.get(name)) else {
                problems.push(format!("there is no metric {name}"));
                continue;
            };
            if scraped.is_none() && !NOT_IN_A_SHORT_LOAD.split_whitespace().any(|other| other == name) {
                problems.push(format!(
                    "{name} is not in a scrape, nor in the list of those that are not"
                ));
            }
            let of_metric: BTreeSet<_> = described.iter().chain(scraped.into_iter().flatten()).collect();
            labels.extend(of_metric.iter().map(|label| (*label).clone()));
            for label in &selected.labels {
                if !of_metric.contains(label) && !OF_PROMETHEUS.contains(&label.as_str()) {
                    problems.push(format!("{name} has no label {label}"));
                }
            }
        }
        for label in reads.grouped_by.iter().chain(shown) {
            if !labels.contains(label) {
                problems.push(format!("nothing here has the label {label}"));
            }
        }
        problems
    }
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(DEPLOY).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == ending))
        .collect();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

/// Every expression of every panel with the legend of what it draws.
fn queries() -> Vec<(String, String, String)> {
    let mut queries = Vec::new();
    for path in files("grafana/dashboards", "json") {
        let board: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            let place = format!("{}, {}", board["title"], panel["title"]);
            assert!(
                panel["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{place}"
            );
            for target in panel["targets"].as_array().unwrap() {
                let text = |field: &str| target[field].as_str().unwrap().to_owned();
                queries.push((place.clone(), text("expr"), text("legendFormat")));
            }
        }
    }
    queries
}

async fn short_load() -> String {
    let app = TestApp::start().await;
    app.store(json!({"text": "Mira moved to Lisbon", "session_id": "s"}))
        .await;
    app.store(json!({"text": "Mira likes the sea", "level": "short_term", "ttl_secs": 1}))
        .await;
    for _ in 0..2 {
        app.found(json!({"query": "where does Mira live?"})).await;
    }
    app.call(
        "POST",
        "/api/v1/contexts/assemble",
        json!({"query": "Mira", "max_tokens": 100}),
    )
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    app.call("POST", "/api/v1/admin/gc", json!({})).await;
    app.memory.engine.measure().await.unwrap();
    app.get("/health?fresh=true").await;
    app.get("/metrics").await.text
}

#[tokio::test]
async fn everything_that_dashboards_query_exists_and_every_metric_is_on_a_panel() {
    let known = Known::read(&short_load().await);
    let mut problems = Vec::new();
    let mut on_panels = BTreeSet::new();
    for (place, expression, legend) in queries() {
        let reads = reads(&expression);
        on_panels.extend(reads.metrics.iter().map(|one| known.base(&one.metric).to_owned()));
        let found = known.problems(&reads, &shown_labels(&legend));
        problems.extend(found.into_iter().map(|problem| format!("{place}: {problem}")));
    }
    for rules in files("prometheus/rules", "yaml") {
        let text = fs::read_to_string(rules).unwrap();
        for name in metrics_in(&text) {
            if !known.described.contains_key(known.base(name)) {
                problems.push(format!("a rule reads {name}, which no metric is called"));
            }
            on_panels.insert(known.base(name).to_owned());
        }
    }
    for name in known.described.keys() {
        if on_panels.contains(name) == NOT_ON_A_PANEL.contains(&name.as_str()) {
            problems.push(format!(
                "{name}: on a panel or an alert, or in the list of those that are not"
            ));
        }
    }
    problems.sort();
    problems.dedup();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The metrics of this server in rules. Names of groups look like them.
fn metrics_in(rules: &str) -> impl Iterator<Item = &str> {
    let lines = rules.lines().filter(|line| !line.trim_start().starts_with("- name:"));
    let words = lines.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':'));
    words.filter(|word| word.starts_with("context_manager_"))
}

#[test]
fn a_metric_or_a_label_that_nobody_has_is_found() {
    let known = Known::read("context_manager_contexts{level=\"long_term\"} 1\n");
    let problems = |expression| known.problems(&reads(expression), &BTreeSet::new());
    assert_eq!(
        problems("sum by (level) (context_manager_contexts{job=\"x\"})"),
        [""; 0]
    );
    assert_eq!(
        problems("context_manager_contents"),
        ["there is no metric context_manager_contents"]
    );
    assert_eq!(
        problems("context_manager_contexts{tenant=\"x\"}"),
        ["context_manager_contexts has no label tenant"]
    );
    assert_eq!(
        problems("sum by (lvl) (context_manager_contexts)"),
        ["nothing here has the label lvl"]
    );
}
