//! Snapshots over HTTP, and the real binary killed while it makes and restores them and while it imports.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::TestApp;

async fn snapshot(app: &TestApp) -> String {
    let answer = app.post("/admin/snapshots", json!(null)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.body["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn going_back_keeps_what_was_erased_since_erased() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let context = json!({"text": format!("fact {n}"), "level": "immediate", "session_id": "s"});
        ids.push(app.store(context).await["id"].as_str().unwrap().to_owned());
    }
    app.call("DELETE", &format!("/api/v1/contexts/{}", ids[0]), json!(null))
        .await;
    let name = snapshot(&app).await;
    let listed = app.get("/api/v1/admin/snapshots").await.body;
    assert_eq!(listed["snapshots"][0]["name"], name.as_str());
    assert_eq!(listed["snapshots"][0]["tenants"], json!({"default": 4}));

    app.call("DELETE", &format!("/api/v1/contexts/{}", ids[1]), json!(null))
        .await;
    app.call(
        "PATCH",
        &format!("/api/v1/contexts/{}", ids[2]),
        json!({"text": "changed"}),
    )
    .await;
    app.store(json!({"text": "later", "level": "immediate", "session_id": "s"}))
        .await;
    assert_eq!(app.found(json!({"query": "fact", "session_id": "s"})).await.len(), 4);

    let restored = app.post(&format!("/admin/snapshots/{name}/restore"), json!({})).await;
    assert_eq!(restored.status, StatusCode::OK, "{}", restored.text);
    assert_eq!(restored.body["erased_again"], 1, "{}", restored.text);
    let in_memory = json!({"query": "fact", "session_id": "s", "levels": ["immediate"]});
    let mut found = app.found(in_memory.clone()).await;
    found.sort();
    assert_eq!(found, ["fact 2", "fact 3", "fact 4"]);
    app.store(json!({"text": "fact 5", "level": "immediate", "session_id": "s"}))
        .await;

    let app = app.restart().await;
    assert_eq!(app.found(in_memory).await.len(), 4);
    let verified = app.post(&format!("/admin/snapshots/{name}/verify"), json!(null)).await;
    assert_eq!(verified.status, StatusCode::OK, "{}", verified.text);
}

#[tokio::test]
async fn going_back_brings_back_what_was_garbage_collected_and_nothing_that_was_deleted() {
    let app = TestApp::with(|config| {
        config.hirag.l2_cache_ttl = 1;
        config.hirag.l2_on_expiry = context_manager_core::L2OnExpiry::Forget;
        config.gc.policies = vec![context_manager_core::lifecycle::Policy {
            name: "scratch".to_owned(),
            tags_any: vec!["scratch".to_owned()],
            below_importance: Some(1.0),
            ..context_manager_core::lifecycle::Policy::default()
        }];
    })
    .await;
    let store = async |body: Value| app.store(body).await["id"].as_str().unwrap().to_owned();
    let kept = store(json!({"text": "a fact"})).await;
    store(json!({"text": "a remark", "level": "short_term", "importance": 0.1})).await;
    let by_policy = store(json!({"text": "a draft", "tags": ["scratch"]})).await;
    let deleted = store(json!({"text": "a secret"})).await;
    let of_ann = store(json!({"text": "her draft", "user_id": "ann", "tags": ["scratch"]})).await;
    let name = snapshot(&app).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let collected = app.post("/admin/gc", json!({"dry_run": false})).await.body;
    assert_eq!(collected["deleted"], 3, "{collected}");
    app.call("DELETE", &format!("/api/v1/contexts/{deleted}"), json!(null))
        .await;
    // Nothing of hers is left to delete.
    app.call("DELETE", "/api/v1/users/ann", json!(null)).await;

    let restored = app.post(&format!("/admin/snapshots/{name}/restore"), json!({})).await;
    assert_eq!(restored.status, StatusCode::OK, "{}", restored.text);
    assert_eq!(restored.body["erased_again"], 2, "only what somebody deleted");
    for id in [&kept, &by_policy] {
        let answer = app.get(&format!("/api/v1/contexts/{id}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    for id in [&deleted, &of_ann] {
        let answer = app.get(&format!("/api/v1/contexts/{id}")).await;
        answer.problem(404, "not_found");
    }
    let collected = app.post("/admin/gc", json!({"dry_run": true})).await.body;
    assert_eq!(collected["deleted"], 2, "both are there again");
}

#[tokio::test]
async fn snapshots_that_are_not_there_or_not_whole_are_told() {
    let app = TestApp::start().await;
    app.store(json!({"text": "a fact"})).await;
    for name in ["unknown", "..", "a%2F..%2Fb", ".hidden"] {
        let answer = app.post(&format!("/admin/snapshots/{name}/restore"), json!({})).await;
        answer.problem(404, "not_found");
    }
    let name = snapshot(&app).await;
    let refused = app
        .post(&format!("/admin/snapshots/{name}/restore"), json!({"accept": 1}))
        .await;
    refused.problem(400, "invalid_request");
    let folder = app.config.vector_db.embedded.path.join("snapshots").join(&name);
    std::fs::write(folder.join("manifest.json"), "{}").unwrap();
    let answer = app.post(&format!("/admin/snapshots/{name}/restore"), json!({})).await;
    answer.problem(409, "conflict");
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 1, "nothing was changed");
}

#[tokio::test]
async fn damage_in_the_log_of_deletions_is_a_conflict_until_it_is_accepted() {
    let app = TestApp::start().await;
    let id = app.store(json!({"text": "a fact"})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let name = snapshot(&app).await;
    app.call("DELETE", &format!("/api/v1/contexts/{id}"), json!(null)).await;
    let log = app.config.vector_db.embedded.path.join("erasures.log");
    let mut bytes = std::fs::read(&log).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let path = format!("/admin/snapshots/{name}/restore");
    let refused = app.post(&path, json!({})).await;
    refused.problem(409, "conflict");
    assert!(
        refused.body["detail"].as_str().unwrap().contains("damaged"),
        "{}",
        refused.text
    );
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 0);
    let accepted = app.post(&path, json!({"accept_erased": true})).await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.text);
}

#[tokio::test]
async fn a_disk_that_is_too_small_is_told_and_nothing_is_left_behind() {
    let app = TestApp::start().await;
    app.store(json!({"text": "a fact"})).await;
    // Needs more than any disk has; the engine that is open does not look at it.
    let app = app
        .restart_with(|config| config.vector_db.embedded.min_free_bytes = 1 << 60)
        .await;
    app.post("/admin/snapshots", json!(null))
        .await
        .problem(507, "insufficient_storage");
    let left: Vec<_> = std::fs::read_dir(&app.config.vector_db.embedded.path)
        .unwrap()
        .collect();
    let names: Vec<String> = left
        .into_iter()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.iter().all(|name| !name.contains("new") && name != "snapshots"),
        "{names:?}"
    );
}

fn batch(kind: &str, number: usize) -> Value {
    let contexts: Vec<Value> = (0..200)
        .map(|n| json!({"text": format!("{kind} batch {number} context {n}"), "level": "long_term"}))
        .collect();
    json!({ "contexts": contexts })
}

async fn fill(server: &Server, kind: &str, batches: usize) {
    for number in 0..batches {
        server.post("/contexts/batch", &batch(kind, number)).await.unwrap();
    }
}

async fn total(server: &Server) -> u64 {
    server.get("/stats").await["total"].as_u64().unwrap()
}

#[tokio::test]
async fn a_snapshot_made_during_writes_has_everything_acknowledged_before() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    let acknowledged = std::sync::Mutex::new(Vec::<String>::new());
    let snapshots = async {
        let mut made = Vec::new();
        for round in 1..=4 {
            while acknowledged.lock().unwrap().len() < 400 * round {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let before = acknowledged.lock().unwrap().clone();
            let snapshot = server.post("/admin/snapshots", &json!(null)).await.unwrap();
            made.push((snapshot, before));
        }
        server.signal("-KILL");
        made
    };
    let writes = async {
        let mut number = 0;
        while let Ok(answer) = server.post("/contexts/batch", &batch("context", number)).await {
            let results = answer["results"].as_array().unwrap();
            let ids = results
                .iter()
                .map(|result| result["context"]["id"].as_str().unwrap().to_owned());
            acknowledged.lock().unwrap().extend(ids);
            number += 1;
        }
    };
    let (made, ()) = tokio::join!(snapshots, writes);
    let server = Server::start(&data).await;
    for (snapshot, before) in made {
        let name = snapshot["name"].as_str().unwrap();
        assert!(snapshot["paused_ms"].as_u64().unwrap() < 10_000, "{snapshot}");
        let restored = server
            .post(&format!("/admin/snapshots/{name}/restore"), &json!({}))
            .await
            .unwrap();
        assert_eq!(restored["snapshot"]["name"], name, "{restored}");
        assert_eq!(total(&server).await, snapshot["contexts"].as_u64().unwrap());
        let mut missing = before.len();
        for chunk in before.chunks(1000) {
            let request = json!({"query": "context", "limit": 1000, "mode": "lexical", "filter": {"ids": chunk}});
            let found = server.post("/contexts/search", &request).await.unwrap();
            missing -= found["contexts"].as_array().unwrap().len();
        }
        assert_eq!(missing, 0, "of {}", before.len());
    }
}

#[tokio::test]
async fn killed_while_restoring_it_is_what_it_was_before_or_after() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    fill(&server, "old", 20).await;
    let snapshot = server.post("/admin/snapshots", &json!(null)).await.unwrap();
    let path = format!("/admin/snapshots/{}/restore", snapshot["name"].as_str().unwrap());
    fill(&server, "new", 5).await;
    drop(server);
    let mut seen = Vec::new();
    for wait in [5, 40, 80, 120, 160, 200, 250, 300, 400, 600] {
        let server = Server::start(&data).await;
        let before = total(&server).await;
        let kill = async {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            server.signal("-KILL");
        };
        let body = json!({});
        let (answer, ()) = tokio::join!(server.post(&path, &body), kill);
        drop(server);
        let server = Server::start(&data).await;
        let after = total(&server).await;
        assert!(after == before || after == 4000, "{before} became {after}");
        assert!(answer.is_err() || after == 4000, "what was acknowledged happened");
        seen.push(after == before);
        for left in ["restore", "restore.new", "shard.old"] {
            assert!(!data.join(left).exists(), "{left} is left");
        }
        if after == 4000 {
            fill(&server, "new", 5).await;
            assert_eq!(total(&server).await, 5000);
        }
    }
    assert!(seen.contains(&true), "it was never killed early enough");
    let server = Server::start(&data).await;
    server.post(&path, &json!({})).await.unwrap();
    assert_eq!(total(&server).await, 4000);
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_again_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start(&data).await;
    let snapshot = server.post("/admin/snapshots", &json!(null)).await.unwrap();
    // In the way of the snapshot: the next one to open the folder reads it, and finds an unknown version.
    std::fs::create_dir(data.join("restore")).unwrap();
    std::fs::write(data.join("restore/manifest.json"), r#"{"format": 99}"#).unwrap();
    let path = format!("/admin/snapshots/{}/restore", snapshot["name"].as_str().unwrap());
    let answer = server.post(&path, &json!({})).await.unwrap();
    assert_eq!(answer["code"], "internal", "{answer}");
    let ended = tokio::task::spawn_blocking(move || (server.process.wait().unwrap(), server.output()));
    let (status, output) = tokio::time::timeout(Duration::from_secs(30), ended)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("cannot be opened again"), "{output}");
}

async fn export(server: &Server) -> String {
    let answer = server
        .client
        .get(format!("{}/api/v1/admin/export", server.url))
        .send()
        .await
        .unwrap();
    answer.text().await.unwrap()
}

async fn import(server: &Server, lines: &str) -> reqwest::Result<Value> {
    let request = server.client.post(format!("{}/api/v1/admin/import", server.url));
    request.body(lines.to_owned()).send().await?.json().await
}

/// A model that has its vectors at once: an export says of each context whether it has one.
const TABLE: (&str, &str) = ("CONTEXT_MANAGER_EMBEDDING__MODEL", "tl-256-int8");

#[tokio::test]
async fn killed_while_importing_the_next_import_finishes_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(&folder.path().join("from"), &[TABLE]).await;
    fill(&server, "context", 20).await;
    let exported = export(&server).await;
    let data = folder.path().join("to");
    let mut partly = 0;
    for wait in [30, 60, 90, 120] {
        let server = Server::with(&data, &[TABLE]).await;
        let kill = async {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            server.signal("-KILL");
        };
        let (_cut_short, ()) = tokio::join!(import(&server, &exported), kill);
        drop(server);
        let server = Server::with(&data, &[TABLE]).await;
        let imported = total(&server).await;
        partly += u32::from(imported > 0 && imported < 4000);
    }
    assert!(partly > 0, "it was never killed in the middle");
    let server = Server::with(&data, &[TABLE]).await;
    let answer = import(&server, &exported).await.unwrap();
    assert_eq!(
        (&answer["complete"], &answer["failed_total"]),
        (&json!(true), &json!(0))
    );
    assert!(answer["skipped"].as_u64().unwrap() > 0);
    assert!(export(&server).await == exported);
}

fn run(data: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_context-manager"))
        .current_dir(data.parent().unwrap())
        .env("CONTEXT_MANAGER_VECTOR_DB__PATH", data)
        .envs([TABLE])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn commands_carry_data_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::with(&data, &[TABLE]).await;
    fill(&server, "context", 2).await;
    let exported = export(&server).await;

    let (good, _, refused) = run(&data, &["export", "--output", "offline.jsonl"]);
    assert!(
        !good && refused.contains("--server") && refused.contains("in use"),
        "{refused}"
    );
    let url = ["--url", server.url.as_str()];
    let (good, ..) = run(
        &data,
        &[&["export", "-o", "online.jsonl.gz", "--gzip"], &url[..]].concat(),
    );
    assert!(good);
    let (good, said, error) = run(&data, &[&["snapshot", "create"], &url[..]].concat());
    assert!(good, "{error}");
    let name = serde_json::from_str::<Value>(&said).unwrap()["name"]
        .as_str()
        .unwrap()
        .to_owned();
    drop(server);

    let (good, said, error) = run(&data, &["export", "-o", "offline.jsonl"]);
    assert!(good && said.contains("400 contexts"), "{said}{error}");
    assert!(std::fs::read_to_string(folder.path().join("offline.jsonl")).unwrap() == exported);
    let (good, said, error) = run(&data, &["snapshot", "verify", &name]);
    assert!(good && said.contains("\"contexts\": 400"), "{said}{error}");

    let other = folder.path().join("other");
    let (good, said, error) = run(&other, &["import", "online.jsonl.gz"]);
    assert!(good && said.contains("400 contexts were imported"), "{said}{error}");
    let (good, said, error) = run(&other, &["import", "offline.jsonl"]);
    assert!(good && said.contains("400 were there already"), "{said}{error}");
    let (good, _, error) = run(&other, &["export", "-o", "all", "--all-tenants"]);
    assert!(good, "{error}");
    assert!(std::fs::read_to_string(folder.path().join("all/default.jsonl")).unwrap() == exported);

    // A snapshot of another folder: what was deleted there since is not known here.
    let snapshots = data.join("snapshots");
    let environment = [("CONTEXT_MANAGER_SNAPSHOTS__PATH", snapshots.to_str().unwrap()), TABLE];
    let fresh = folder.path().join("fresh");
    let server = Server::with(&fresh, &environment).await;
    let path = format!("/admin/snapshots/{name}/restore");
    assert_eq!(server.post(&path, &json!({})).await.unwrap()["code"], "conflict");
    let restored = server.post(&path, &json!({"accept_erased": true})).await.unwrap();
    assert_eq!(restored["snapshot"]["contexts"], 400, "{restored}");
    assert!(export(&server).await == exported);
}
