//! Snapshots with a real Qdrant server, made and restored by several servers of ours.

use std::path::PathBuf;

use context_manager::config::Config;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Breakable;
use super::node::Node;
use super::outages::server_on;
use crate::server::Server;
use crate::support::{TestApp, until};

const SESSION: &str = "s";

/// Two servers of ours on a Qdrant server.
async fn pair(node: &Node, change: impl FnOnce(&mut Config)) -> [TestApp; 2] {
    let one = TestApp::with(|config| {
        config.vector_db.qdrant.url = Some(node.url());
        config.vector_db.qdrant.rest_url = Some(node.rest_url());
        config.vector_db.qdrant.timeout_secs = 60;
        change(config);
    })
    .await;
    let two = one.beside().await;
    [one, two]
}

async fn stored(app: &TestApp, body: Value) -> String {
    app.store(body).await["id"].as_str().unwrap().to_owned()
}

async fn delete(app: &TestApp, path: &str) {
    let deleted = app.call("DELETE", &format!("/api/v1{path}"), Value::Null).await;
    assert!(deleted.status.is_success(), "{path}: {}", deleted.text);
}

async fn snapshot(app: &TestApp) -> Value {
    let made = app.post("/admin/snapshots", Value::Null).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.body
}

async fn restore(app: &TestApp, snapshot: &Value) -> Value {
    let path = format!("/admin/snapshots/{}/restore", snapshot["name"].as_str().unwrap());
    let restored = app.post(&path, json!({})).await;
    assert_eq!(restored.status, 200, "{}", restored.text);
    restored.body
}

/// Returns the texts of all contexts, in order.
async fn all(app: &TestApp) -> Vec<String> {
    let mut texts = crate::support::texts(&app.get("/api/v1/contexts?limit=100").await.body);
    texts.sort();
    texts
}

/// Returns the offsets of the session's contexts, in order.
async fn offsets(app: &TestApp) -> Vec<u64> {
    let exported = app.export("").await;
    let lines = exported
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut offsets: Vec<u64> = lines.filter_map(|line| line["context"]["position"].as_u64()).collect();
    offsets.sort_unstable();
    offsets
}

fn turn(text: &str) -> Value {
    json!({"text": text, "level": "immediate", "session_id": SESSION})
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn a_restore_through_one_server_is_seen_by_all_and_keeps_the_erased_erased() {
    let node = Node::start().await;
    let [one, two] = pair(&node, |config| {
        config.gc.policies = vec![context_manager_core::lifecycle::Policy {
            name: "scratch".to_owned(),
            tags_any: vec!["scratch".to_owned()],
            below_importance: Some(1.0),
            ..context_manager_core::lifecycle::Policy::default()
        }];
    })
    .await;
    let early = stored(&one, json!({"text": "deleted early"})).await;
    let secret = stored(&one, json!({"text": "a secret"})).await;
    let changed = stored(&two, json!({"text": "a fact"})).await;
    one.store(json!({"text": "of ann", "user_id": "ann"})).await;
    one.store(json!({"text": "her draft", "user_id": "ann", "tags": ["scratch"]}))
        .await;
    one.store(json!({"text": "a draft", "tags": ["scratch"]})).await;
    one.store(json!({"text": "of bob", "user_id": "bob"})).await;
    for n in 0..3 {
        [&one, &two][n % 2].store(turn(&format!("turn {n}"))).await;
    }
    delete(&two, &format!("/contexts/{early}")).await;

    let made = snapshot(&one).await;
    assert_eq!(made["tenants"], json!({"default": 9}));
    assert!(made["bytes"].as_u64().unwrap() > 0, "{made}");
    let listed = two.get("/api/v1/admin/snapshots").await.body;
    assert_eq!(listed["snapshots"], json!([made]));
    let verify = format!("/admin/snapshots/{}/verify", made["name"].as_str().unwrap());
    let verified = two.post(&verify, Value::Null).await;
    assert_eq!(verified.status, 200, "{}", verified.text);
    assert_eq!(verified.body["files"], 1);

    let collected = two.post("/admin/gc", json!({"dry_run": false})).await.body;
    assert_eq!(collected["deleted"], 2, "{collected}");
    delete(&two, &format!("/contexts/{secret}")).await;
    delete(&two, "/users/ann").await;
    let patch = json!({"text": "another fact"});
    assert_eq!(
        one.call("PATCH", &format!("/api/v1/contexts/{changed}"), patch)
            .await
            .status,
        200
    );
    for n in 3..6 {
        [&one, &two][n % 2].store(turn(&format!("turn {n}"))).await;
    }
    let later = stored(&one, json!({"text": "stored later"})).await;
    assert_eq!(offsets(&two).await, [0, 1, 2, 3, 4, 5]);

    let restored = restore(&one, &made).await;
    assert_eq!(
        restored["erased_again"], 3,
        "her draft, too, which garbage collection had discarded: {restored}"
    );
    let expected = ["a draft", "a fact", "of bob", "turn 0", "turn 1", "turn 2"];
    for app in [&two, &one] {
        assert_eq!(all(app).await, expected);
        for id in [&early, &secret, &later] {
            app.get(&format!("/api/v1/contexts/{id}"))
                .await
                .problem(404, "not_found");
        }
    }
    for (n, app) in [&one, &two, &one].into_iter().enumerate() {
        app.store(turn(&format!("turn {n} after the restore"))).await;
    }
    assert_eq!(offsets(&two).await, [0, 1, 2, 6, 7, 8], "no offset is assigned twice");

    // What is deleted after a restore stays deleted by the next one.
    delete(&two, &format!("/contexts/{changed}")).await;
    restore(&two, &made).await;
    assert_eq!(all(&one).await, ["a draft", "of bob", "turn 0", "turn 1", "turn 2"]);
    // Nothing is left of the copies.
    assert_eq!(
        collections(&node).await,
        [
            "context_manager_contexts",
            "context_manager_contexts_deletions",
            "context_manager_contexts_leases",
            "context_manager_contexts_snapshots"
        ]
    );
    if let Some(folder) = node.snapshots() {
        assert_eq!(files(&folder).len(), 1, "{:?}", files(&folder));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn only_the_newest_snapshots_are_kept_and_older_deletions_are_forgotten() {
    let node = Node::start().await;
    let [one, two] = pair(&node, |config| config.snapshots.max_kept = 2).await;
    let id = stored(&one, json!({"text": "a fact"})).await;
    let first = snapshot(&one).await;
    delete(&two, &format!("/contexts/{id}")).await;
    let (second, third) = (snapshot(&two).await, snapshot(&one).await);
    let listed = two.get("/api/v1/admin/snapshots").await.body;
    assert_eq!(listed["snapshots"], json!([third, second]));
    let path = format!("/admin/snapshots/{}/restore", first["name"].as_str().unwrap());
    one.post(&path, json!({})).await.problem(404, "not_found");
    if let Some(folder) = node.snapshots() {
        assert_eq!(files(&folder).len(), 2);
    }
    // The marks of the two snapshots.
    assert_eq!(
        super::points_of(&node.url(), "context_manager_contexts_deletions").await,
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn a_damaged_or_missing_file_is_named_and_nothing_changes() {
    let node = Node::start().await;
    let Some(folder) = node.snapshots() else { return };
    let [one, two] = pair(&node, |_| {}).await;
    for n in 0..50 {
        one.store(json!({"text": format!("fact {n}")})).await;
    }
    let made = snapshot(&one).await;
    one.store(json!({"text": "stored later"})).await;
    let [file] = files(&folder).try_into().unwrap();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let refused = async |problem: &str| {
        for call in ["verify", "restore"] {
            let path = format!("/admin/snapshots/{}/{call}", made["name"].as_str().unwrap());
            let answer = two.post(&path, json!({})).await;
            answer.problem(409, "conflict");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains(&name) && detail.contains(problem), "{call}: {detail}");
        }
        assert_eq!(all(&one).await.len(), 51);
        assert_eq!(collections(&node).await.len(), 4);
    };
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&file, &bytes).unwrap();
    refused("is not what it was").await;
    std::fs::write(&file, &bytes[..middle]).unwrap();
    refused("is not what it was").await;
    std::fs::remove_file(&file).unwrap();
    refused("is missing").await;
    delete(&two, "/users/nobody").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs two Qdrant servers: cargo xtask integration"]
async fn a_cluster_is_refused_with_what_to_use_instead() {
    let first = Node::start().await;
    let _second = Node::join(&first).await;
    let [one, _two] = pair(&first, |_| {}).await;
    let answer = one.post("/admin/snapshots", Value::Null).await;
    answer.problem(501, "not_implemented");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("2 nodes") && detail.contains("context-manager export"),
        "{detail}"
    );
    assert_eq!(one.get("/api/v1/admin/snapshots").await.body["snapshots"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn deletions_during_snapshots_and_restores_stay_deletions() {
    let node = Node::start().await;
    let [one, two] = pair(&node, |_| {}).await;
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(stored(&one, json!({"text": format!("fact {n}")})).await);
    }
    let made = snapshot(&one).await;
    let deletions = async {
        for id in &ids[..50] {
            delete(&two, &format!("/contexts/{id}")).await;
            two.get(&format!("/api/v1/contexts/{id}"))
                .await
                .problem(404, "not_found");
        }
    };
    let restores = async {
        let newer = snapshot(&one).await;
        restore(&one, &made).await;
        restore(&one, &newer).await;
    };
    tokio::join!(deletions, restores);
    let expected: Vec<String> = (50..60).map(|n| format!("fact {n}")).collect();
    assert_eq!(all(&one).await, expected);
    restore(&two, &made).await;
    assert_eq!(all(&one).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn a_restore_whose_server_is_killed_is_completed_or_undone_by_another() {
    let node = Node::start().await;
    let rest_url = node.rest_url();
    let settings = [
        ("CONTEXT_MANAGER_VECTOR_DB__REST_URL", rest_url.as_str()),
        ("CONTEXT_MANAGER_VECTOR_DB__TIMEOUT_SECS", "60"),
    ];
    let (other, _folder) = server_on(&node.url(), &settings).await;
    fill(&other, "old", 2).await;
    let gone = other.post("/contexts", &json!({"text": "a secret"})).await.unwrap();
    let made = other.post("/admin/snapshots", &Value::Null).await.unwrap();
    let path = format!("/admin/snapshots/{}/restore", made["name"].as_str().unwrap());
    let verify = format!("/admin/snapshots/{}/verify", made["name"].as_str().unwrap());
    erase(&other, gone["id"].as_str().unwrap()).await;
    let began = Instant::now();
    other.post(&path, &json!({})).await.unwrap();
    let (whole, parts) = (began.elapsed(), 8);
    fill(&other, "new", 1).await;
    let (mut undone, mut completed) = (0, 0);
    for part in 1..parts {
        let wait = whole * part / parts;
        let (restorer, _folder) = server_on(&node.url(), &settings).await;
        let verified = async || {
            other
                .post(&verify, &json!({}))
                .await
                .is_ok_and(|answer| answer["files"] == 1)
        };
        until("the lease of the killed server is over", verified).await;
        let before = total(&other).await;
        assert_eq!(before, 300);
        let kill = async {
            tokio::time::sleep(wait).await;
            restorer.signal("-KILL");
        };
        let body = json!({});
        let (answer, ()) = tokio::join!(restorer.post(&path, &body), kill);
        // Deletions wait for the restore, and complete it once its lease is over.
        let probe = other.post("/contexts", &json!({"text": "a probe"})).await.unwrap();
        let began = Instant::now();
        erase(&other, probe["id"].as_str().unwrap()).await;
        let waited = began.elapsed();
        let after = total(&other).await;
        println!("killed after {wait:?}: {before} contexts became {after}, a deletion waited {waited:?}");
        assert!(after == before || after == 200, "{before} became {after}");
        assert!(answer.is_err() || after == 200, "an acknowledged restore happened");
        let found = other.client.get(format!(
            "{}/api/v1/contexts/{}",
            other.url,
            gone["id"].as_str().unwrap()
        ));
        assert_eq!(found.send().await.unwrap().status(), 404);
        if after == 200 {
            completed += 1;
            fill(&other, "new", 1).await;
        } else {
            undone += 1;
        }
    }
    println!("{undone} undone, {completed} completed");
    assert!(undone > 0, "it was never killed early enough");
    // Whatever the killed ones left is no obstacle.
    let restored = async || {
        other
            .post(&path, &json!({}))
            .await
            .is_ok_and(|answer| answer["snapshot"].is_object())
    };
    until("a restore is possible again", restored).await;
    assert_eq!(total(&other).await, 200);
}

/// Deletes a context, again until it is acknowledged.
async fn erase(server: &Server, id: &str) {
    let deleted = async || {
        let request = server.client.delete(format!("{}/api/v1/contexts/{id}", server.url));
        request
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 204 || answer.status() == 404)
    };
    until("the deletion is acknowledged", deleted).await;
}

async fn fill(server: &Server, name: &str, batches: usize) {
    for batch in 0..batches {
        let contexts: Vec<Value> = (0..100)
            .map(|n| json!({"text": format!("{name} context {batch} {n}")}))
            .collect();
        let stored = server
            .post("/contexts/batch", &json!({"contexts": contexts}))
            .await
            .unwrap();
        assert_eq!(stored["results"].as_array().map(Vec::len), Some(100), "{stored}");
    }
}

async fn total(server: &Server) -> u64 {
    server.get("/stats").await["total"].as_u64().unwrap()
}

async fn collections(node: &Node) -> Vec<String> {
    let client = qdrant_client::Qdrant::from_url(&node.url())
        .skip_compatibility_check()
        .build()
        .unwrap();
    let listed = client.list_collections().await.unwrap().collections;
    let mut names: Vec<String> = listed.into_iter().map(|collection| collection.name).collect();
    names.sort();
    names
}

/// Returns the files of snapshots below a folder.
fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "snapshot") {
            found.push(path);
        }
    }
    found
}
