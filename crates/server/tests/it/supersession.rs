//! Contexts that replace others.

use serde_json::{Value, json};

use crate::support::TestApp;

/// Texts that a list shows, oldest first.
async fn current(app: &TestApp) -> Vec<String> {
    let mut texts = crate::support::texts(&app.get("/api/v1/contexts?limit=1000").await.body);
    texts.reverse();
    texts
}

fn of(context: &Value) -> &str {
    context["id"].as_str().unwrap()
}

#[tokio::test]
async fn of_contexts_that_replace_each_other_the_one_named_last_is_current() {
    let app = TestApp::start().await;
    let a = app.store(json!({"text": "the office is in Berlin"})).await;
    let b = app
        .store(json!({"text": "the office is in Lisbon", "supersedes": [of(&a)]}))
        .await;
    let c = app
        .store(json!({"text": "the office is in Porto", "supersedes": [of(&b)]}))
        .await;
    assert_eq!(current(&app).await, ["the office is in Porto"]);

    let again = json!({"id": of(&a), "text": "the office is in Berlin", "supersedes": [of(&c)]});
    let answer = app.post("/contexts", again).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["superseded_by"], json!(null));
    assert_eq!(current(&app).await, ["the office is in Berlin"]);
    assert_eq!(app.found(json!({"query": "office"})).await, ["the office is in Berlin"]);
}

#[tokio::test]
async fn within_a_batch_a_circle_leaves_one_and_a_chain_its_end() {
    let app = TestApp::start().await;
    let id = |n: u8| format!("0193b2c0-0000-7000-8000-0000000000{n:02}");
    let context = |n: u8, replaces: u8| json!({"id": id(n), "text": format!("fact {n}"), "supersedes": [id(replaces)]});
    app.post("/contexts/batch", json!({"contexts": [context(1, 2), context(2, 1)]}))
        .await;
    assert_eq!(current(&app).await, ["fact 2"]);
    // The newest first, as lists give them.
    let chain = json!({"contexts": [context(13, 12), context(12, 11), {"id": id(11), "text": "fact 11"}]});
    app.post("/contexts/batch", chain).await;
    assert_eq!(current(&app).await, ["fact 2", "fact 13"]);
}

#[tokio::test]
async fn a_large_batch_replaces_what_stands_in_another_part_of_it() {
    let app = TestApp::start().await;
    let id = |n: usize| format!("0193b2c0-0000-7000-8000-{n:012}");
    let mut contexts: Vec<Value> = (0..300)
        .map(|n| json!({"id": id(n), "text": format!("fact {n}")}))
        .collect();
    contexts[0]["supersedes"] = json!([id(299)]);
    contexts[250]["supersedes"] = json!([id(1)]);
    let answer = app.post("/contexts/batch", json!({ "contexts": contexts })).await;
    assert_eq!(answer.status, 200);
    let listed = current(&app).await;
    assert_eq!(listed.len(), 298);
    assert!(!listed.contains(&"fact 299".to_owned()) && !listed.contains(&"fact 1".to_owned()));
}

#[tokio::test]
async fn a_replaced_context_is_kept_for_as_long_as_nobody_says_otherwise() {
    let app = TestApp::start().await;
    let old = app.store(json!({"text": "the office is in Berlin"})).await;
    app.store(json!({"text": "the office is in Lisbon", "supersedes": [of(&old)]}))
        .await;
    let old = app.get(&format!("/api/v1/contexts/{}", of(&old))).await.body;
    assert_eq!(old["expires_at"], json!(null));
    assert!(old["superseded_by"].is_string());
}
