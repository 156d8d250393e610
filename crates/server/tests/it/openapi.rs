//! The OpenAPI document that is committed is the one the code makes.

use crate::support::TestApp;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[tokio::test]
async fn the_committed_document_is_the_one_that_is_served() {
    let app = TestApp::start().await;
    let served = app.get("/openapi.json").await.body;
    let committed: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(COMMITTED).unwrap()).unwrap();
    assert_eq!(served["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert!(
        served == committed,
        "docs/openapi.json is stale; write it with: cargo run --release -- openapi > docs/openapi.json"
    );
}
