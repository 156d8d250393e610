//! Forgetting a person.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use context_manager::app::default_tenant;
use context_manager_core::{ContextId, ExportRecord, Scope};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::TestApp;

/// Stores contexts of `user` at all levels, and returns their ids.
async fn fill(app: &TestApp, user: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for level in ["immediate", "short_term", "long_term"] {
        for n in 0..3 {
            let context = json!({
                "text": format!("{user} likes {level} {n}"), "level": level, "user_id": user, "session_id": "shared",
            });
            ids.push(app.store(context).await["id"].as_str().unwrap().to_owned());
        }
    }
    ids
}

/// Stores a context that was made from others, as consolidation does.
async fn derive(app: &TestApp, from: &[&str], user: Option<&str>) -> String {
    let made = app
        .store(json!({"text": format!("a summary of {from:?}"), "level": "long_term", "user_id": user}))
        .await;
    let id: ContextId = ContextId(made["id"].as_str().unwrap().parse().unwrap());
    let scope = Scope::maintenance(default_tenant().unwrap());
    let engine = &app.memory.engine;
    let mut context = engine.get(&scope, id).await.unwrap();
    engine
        .delete(&scope, &context_manager_core::Filter::by_ids(vec![id]))
        .await
        .unwrap();
    context.derived_from = from.iter().map(|id| ContextId(id.parse().unwrap())).collect();
    let imported = engine
        .import(&scope, vec![ExportRecord { context, vector: None }])
        .await;
    assert!(imported[0].is_ok());
    id.to_string()
}

async fn forget(app: &TestApp, user: &str) -> Value {
    let answer = app.call("DELETE", &format!("/api/v1/users/{user}"), json!(null)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

async fn is_there(app: &TestApp, id: &str) -> bool {
    app.get(&format!("/api/v1/contexts/{id}")).await.status == 200
}

#[tokio::test]
async fn everything_of_a_person_goes_with_what_was_made_from_it() {
    let app = TestApp::start().await;
    let ann = fill(&app, "ann").await;
    let bob = fill(&app, "bob").await;
    let own = derive(&app, &[&ann[4]], Some("ann")).await;
    let mixed = derive(&app, &[&ann[5], &bob[5]], None).await;
    let of_mixed = derive(&app, &[&mixed], Some("bob")).await;
    let of_bob = derive(&app, &[&bob[6]], Some("bob")).await;
    // Working memory is in use.
    app.found(json!({"query": "likes", "session_id": "shared"})).await;

    let forgotten = forget(&app, "ann").await;
    assert_eq!(forgotten["deleted"], 12, "{forgotten}");
    assert_eq!(
        forgotten["levels"],
        json!({"immediate": 3, "short_term": 3, "long_term": 4})
    );
    assert_eq!(
        (&forgotten["derived"], &forgotten["working_memory"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(forgotten["receipt"]["hash"].as_str().unwrap().len(), 64);
    for gone in ann.iter().chain([&own, &mixed, &of_mixed]) {
        assert!(!is_there(&app, gone).await);
    }
    for kept in bob.iter().chain([&of_bob]) {
        assert!(is_there(&app, kept).await);
    }
    let found = app
        .found(json!({"query": "ann likes", "session_id": "shared", "limit": 100}))
        .await;
    assert!(found.iter().all(|text| !text.contains("ann")), "{found:?}");
    assert_eq!(forget(&app, "ann").await["deleted"], 0);
    let too_long = "x".repeat(257);
    let refused = app
        .call("DELETE", &format!("/api/v1/users/{too_long}"), json!(null))
        .await;
    assert_eq!(refused.problem(400, "invalid_request"), ["/user_id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_person_is_forgotten_while_clients_store_for_them() {
    let app = Arc::new(TestApp::start().await);
    fill(&app, "ann").await;
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let mut clients = JoinSet::new();
    for client in 0..4 {
        let (app, stop, acknowledged) = (Arc::clone(&app), Arc::clone(&stop), Arc::clone(&acknowledged));
        clients.spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let level = ["immediate", "long_term"][n % 2];
                let text = format!("ann {client} {n}");
                let context = json!({"text": text, "user_id": "ann", "session_id": "s", "level": level});
                let stored = app.store(context).await;
                let id = stored["id"].as_str().unwrap().to_owned();
                // Changing a text while it is being deleted must not bring it back.
                let path = format!("/api/v1/contexts/{id}");
                acknowledged.lock().unwrap().push(id);
                app.call("PATCH", &path, json!({"text": format!("ann {client} {n} changed")}))
                    .await;
            }
        });
    }
    for _ in 0..5 {
        while acknowledged.lock().unwrap().len() < 20 {
            tokio::task::yield_now().await;
        }
        let before: Vec<String> = acknowledged.lock().unwrap().drain(..).collect();
        forget(&app, "ann").await;
        for id in &before {
            assert!(!is_there(&app, id).await, "acknowledged before, and still there");
        }
    }
    stop.store(true, Ordering::Relaxed);
    while clients.join_next().await.is_some() {}
    forget(&app, "ann").await;
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 0);
    assert_eq!(app.found(json!({"query": "ann", "session_id": "s"})).await, [""; 0]);
}

#[tokio::test]
async fn a_context_from_a_clock_that_was_ahead_is_exported_and_forgotten_like_all_others() {
    let app = TestApp::start().await;
    let scope = Scope::maintenance(default_tenant().unwrap());
    let engine = &app.memory.engine;
    let now = app.store(json!({"text": "ann likes tea", "user_id": "ann"})).await;
    let id = ContextId(now["id"].as_str().unwrap().parse().unwrap());
    let ahead = engine.get(&scope, id).await.unwrap();
    let mut imported = Vec::new();
    // Within a minute, an hour ahead, and as far ahead as there are numbers.
    for sequence in [
        ahead.sequence + 30_000_000,
        ahead.sequence + 3_600_000_000,
        (1 << 53) - 1,
    ] {
        let context = context_manager_core::Context {
            id: ContextId::generate(),
            text: format!("ann likes tea, number {sequence}"),
            sequence,
            ..ahead.clone()
        };
        imported.push(context.id.to_string());
        let results = engine
            .import(&scope, vec![ExportRecord { context, vector: None }])
            .await;
        assert!(results[0].is_ok());
    }
    let app = app.restart().await;
    let later = app.store(json!({"text": "ann likes cake", "user_id": "ann"})).await;
    let newest = app.get("/api/v1/contexts?limit=1").await.body;
    assert_eq!(
        newest["contexts"][0]["id"], later["id"],
        "whatever is stored next comes after them"
    );
    let exported = app.export("").await;
    for id in &imported {
        assert!(exported.contains(id.as_str()), "{id} is not exported");
    }
    assert_eq!(forget(&app, "ann").await["deleted"], 5);
    for id in &imported {
        assert!(!is_there(&app, id).await);
    }
    assert!(app.found(json!({"query": "tea cake"})).await.is_empty());
}
