//! The real binary, killed in the middle of a collection.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::Server;

/// Contexts of each kind. With batches of ten and a rest after each, a collection takes some seconds.
const EACH: usize = 300;
const SLOW: [(&str, &str); 4] = [
    ("CONTEXT_MANAGER_HIRAG__GC_BATCH_SIZE", "10"),
    ("CONTEXT_MANAGER_GC__BATCH_PAUSE_MS", "10"),
    ("CONTEXT_MANAGER_HIRAG__L2_CACHE_TTL", "1"),
    ("CONTEXT_MANAGER_HIRAG__L2_ON_EXPIRY", "forget"),
];

async fn store(server: &Server, kind: &str, context: impl Fn(usize) -> Value) -> Vec<String> {
    let contexts: Vec<Value> = (0..EACH)
        .map(|n| {
            let mut context = context(n);
            context["text"] = format!("{kind} statement number {n}").into();
            context
        })
        .collect();
    let answer = server
        .post("/contexts/batch", &json!({"contexts": contexts}))
        .await
        .unwrap();
    let results = answer["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| result["context"]["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn list(server: &Server) -> Vec<Value> {
    let mut all = Vec::new();
    let mut path = "/contexts?limit=1000&include_superseded=true".to_owned();
    loop {
        let page = server.get(&path).await;
        all.extend(page["contexts"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            return all;
        };
        path = format!("/contexts?limit=1000&include_superseded=true&cursor={cursor}");
    }
}

#[tokio::test]
async fn a_collection_that_is_killed_at_any_moment_leaves_everything_right_and_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::with(&data, &SLOW).await;
    let poor = store(&server, "poor", |_| json!({"level": "short_term", "importance": 0.1})).await;
    let good = store(&server, "good", |_| json!({"level": "short_term", "importance": 0.9})).await;
    let mortal = store(&server, "mortal", |_| json!({"ttl_secs": 1, "importance": 0.9})).await;
    let live = store(&server, "live", |_| json!({"level": "long_term"})).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut server = server;
    // Each time at another moment: among those that go and those that rise.
    for moment in [100, 300, 500, 700, 900] {
        let request = json!({"dry_run": false});
        let collect = server.post("/admin/gc", &request);
        let kill = async {
            tokio::time::sleep(Duration::from_millis(moment)).await;
            server.signal("-KILL");
        };
        let (_cut_off, ()) = tokio::join!(collect, kill);
        drop(server);
        server = Server::with(&data, &SLOW).await;
        let left = ids(&list(&server).await);
        assert!(live.iter().all(|id| left.contains(id)), "no living one is lost");
    }
    let mut rounds = 0;
    loop {
        let report = server.post("/admin/gc", &json!({"dry_run": false})).await.unwrap();
        assert_eq!(report["errors"], 0);
        rounds += 1;
        if report["counts"].as_array().unwrap().is_empty() {
            break;
        }
        assert!(rounds < 10, "{report}");
    }
    let left = list(&server).await;
    let there = ids(&left);
    assert!(
        poor.iter().chain(&mortal).all(|id| !there.contains(id)),
        "what was to go is gone"
    );
    assert!(live.iter().all(|id| there.contains(id)), "no living one is lost");
    let long_term = |id: &String| {
        left.iter()
            .any(|context| context["id"] == **id && context["level"] == "long_term")
    };
    assert!(good.iter().all(long_term), "what earned it stays");
}

fn ids(contexts: &[Value]) -> HashSet<String> {
    contexts
        .iter()
        .map(|context| context["id"].as_str().unwrap().to_owned())
        .collect()
}
