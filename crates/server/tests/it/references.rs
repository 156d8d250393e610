//! The pages that are made from the code are what the code makes.

use std::collections::BTreeSet;

use context_manager::{config, metrics};
use context_manager_observability::described_metrics;
use serde_json::json;

use crate::support::TestApp;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

fn committed(name: &str) -> String {
    std::fs::read_to_string(format!("{DOCS}/{name}")).unwrap()
}

#[test]
fn the_committed_references_are_those_the_program_prints() {
    assert!(
        committed("metrics.md") == metrics::reference(),
        "docs/metrics.md is stale; write it with: cargo run --release -- metrics-reference > docs/metrics.md"
    );
    assert!(
        committed("configuration-reference.md") == config::reference(),
        "docs/configuration-reference.md is stale; write it with: cargo run --release -- config-reference > \
         docs/configuration-reference.md"
    );
}

#[tokio::test]
async fn every_metric_that_is_exported_is_described() {
    let app = TestApp::start().await;
    app.store(json!({"text": "measured"})).await;
    app.found(json!({"query": "measured"})).await;
    app.memory.engine.measure().await.unwrap();
    app.get("/health?fresh=true").await;
    let described: BTreeSet<String> = described_metrics(metrics::describe)
        .into_iter()
        .map(|metric| metric.name)
        .collect();
    let text = app.get("/metrics").await.text;
    let exported: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    assert!(exported.len() > 10, "{exported:?}");
    let unknown: Vec<_> = exported.iter().filter(|name| !described.contains(**name)).collect();
    assert!(unknown.is_empty(), "without a description: {unknown:?}");
}
