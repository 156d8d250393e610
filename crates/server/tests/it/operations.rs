//! Operating the server: health, the log filter, the service manager.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use context_manager_observability::Supervisor;
use futures::future::join_all;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::server::Server;
use crate::support::{TestApp, texts, until};

/// The value of a line of metrics that begins like this.
fn metric(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn health_tells_of_every_part() {
    let app = TestApp::start().await;
    let health = app.get("/health?fresh=true").await.body;
    assert_eq!(health["status"], "healthy", "{health}");
    let parts = health["components"].as_array().unwrap();
    let names: Vec<_> = parts.iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["vector_store", "embedder", "l1", "pending", "gc", "disk"]);
    for part in parts {
        assert_eq!(part["status"], "healthy", "{part}");
        assert!(part["latency_ms"].is_f64() && part["since"].is_string() && part["last_error"].is_null());
    }
    assert_eq!(
        (&parts[0]["essential"], &parts[1]["essential"]),
        (&json!(true), &json!(false))
    );
    let metrics = app.get("/metrics").await.text;
    assert_eq!(metric(&metrics, "context_manager_health_status{component=\"disk\"}"), 0);
    assert!(metric(&metrics, "context_manager_disk_free_bytes") > 0);
}

#[tokio::test]
async fn a_disk_that_fills_up_is_told_before_writes_end() {
    let app = TestApp::with(|config| config.health.disk_low_bytes = u64::MAX).await;
    let health = app.get("/health?fresh=true").await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (StatusCode::OK, &json!("degraded"))
    );
    let parts = health.body["components"].as_array().unwrap();
    let disk = parts.iter().find(|part| part["name"] == "disk").unwrap();
    assert!(
        disk["last_error"].as_str().unwrap().contains("bytes are free"),
        "{disk}"
    );
}

#[tokio::test]
async fn a_disk_that_is_full_is_named_and_deletions_go_on() {
    let app = TestApp::start().await;
    let kept = app.store(json!({"text": "stored while there was room"})).await;
    let id = kept["id"].as_str().unwrap();
    let app = app
        .restart_with(|config| config.vector_db.embedded.min_free_bytes = 1 << 60)
        .await;
    let refused = app.post("/contexts", json!({"text": "one too many"})).await;
    refused.problem(503, "service_unavailable");
    assert!(refused.text.contains("the disk is full"), "{}", refused.text);
    let deleted = app.call("DELETE", &format!("/api/v1/contexts/{id}"), json!(null)).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 0);
}

/// Changes one letter of a text where the engine keeps it.
fn damage(data: &Path, text: &str) {
    let mut folders = vec![data.join("shard/segments")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut content = std::fs::read(&path).unwrap();
            let place = content.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(place) = place {
                content[place] ^= 1;
                return std::fs::write(path, content).unwrap();
            }
        }
    }
    panic!("`{text}` is not there");
}

#[tokio::test]
async fn a_damaged_context_is_told_of_and_hides_no_other() {
    let app = TestApp::start().await;
    for text in [
        "the ferry leaves at nine",
        "the harbour is closed on Sundays",
        "the captain likes tea",
    ] {
        app.store(json!({"text": text})).await;
    }
    let app = app
        .restart_with(|config| damage(&config.vector_db.embedded.path, "harbour is closed"))
        .await;
    let listed = app.get("/api/v1/contexts").await;
    assert_eq!(
        texts(&listed.body),
        ["the captain likes tea", "the ferry leaves at nine"]
    );
    assert_eq!(
        app.export("")
            .await
            .lines()
            .filter(|line| line.contains("\"text\""))
            .count(),
        2
    );
    assert_eq!(
        app.found(json!({"query": "when does the ferry leave?"})).await[0],
        "the ferry leaves at nine"
    );

    let health = app.get("/health?fresh=true").await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (StatusCode::OK, &json!("degraded"))
    );
    let store = &health.body["components"][0];
    assert_eq!(store["name"], "vector_store");
    let told = store["last_error"].as_str().unwrap();
    assert!(told.contains("1 stored contexts are damaged"), "{told}");
    let metrics = app.get("/metrics").await.text;
    assert!(metric(&metrics, "context_manager_vector_db_unreadable_total") > 0);
}

#[tokio::test]
async fn probes_cause_no_checks_and_a_hundred_fresh_ones_at_most_one() {
    let app = Arc::new(TestApp::start().await);
    let checks = async || {
        let metrics = app.get("/metrics").await.text;
        metric(
            &metrics,
            "context_manager_health_check_duration_seconds_count{component=\"vector_store\"}",
        )
    };
    let before = checks().await;
    join_all((0..100).map(|_| app.get("/health"))).await;
    join_all((0..100).map(|_| app.get("/health/ready"))).await;
    assert_eq!(checks().await, before);
    let answers = join_all((0..100).map(|_| app.get("/health?fresh=true"))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(checks().await, before + 1);
}

#[tokio::test]
async fn a_store_that_does_not_answer_ends_readiness_and_not_liveness() {
    let app = TestApp::start().await;
    app.memory.close().await.unwrap();
    app.get("/health?fresh=true").await.problem(503, "service_unavailable");
    let ready = app.get("/health/ready").await;
    ready.problem(503, "service_unavailable");
    assert!(ready.text.contains("vector_store is unhealthy"), "{}", ready.text);
    assert_eq!(app.get("/health/live").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_logged_can_be_changed_by_a_call() {
    let app = TestApp::start().await;
    let path = "/api/v1/admin/log-filter";
    let before = app.get(path).await.body["filter"].clone();
    let changed = app
        .call("PUT", path, json!({"filter": "warn,context_manager_core=debug"}))
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!(app.get(path).await.body["filter"], "warn,context_manager_core=debug");
    let refused = app.call("PUT", path, json!({"filter": "core=loud"})).await;
    assert_eq!(refused.problem(400, "invalid_request"), ["/filter"]);
    app.call("PUT", path, json!({ "filter": before })).await;
}

#[tokio::test]
async fn some_searches_are_repeated_exactly_to_know_what_the_index_misses() {
    let app = TestApp::with(|config| config.hirag.recall_sample_ratio = 1.0).await;
    let engine = Arc::clone(&app.memory.engine);
    let measuring = tokio::spawn(async move { engine.keep_measuring_recall().await });
    app.store(json!({"text": "Mira is allergic to peanuts", "level": "long_term"}))
        .await;
    app.found(json!({"query": "what must Mira not eat?"})).await;
    let compared = async {
        loop {
            let text = app.get("/metrics").await.text;
            if metric(&text, "context_manager_recall_samples_total{outcome=\"compared\"}") >= 1 {
                return text;
            }
            tokio::task::yield_now().await;
        }
    };
    let text = tokio::time::timeout(Duration::from_secs(20), compared).await.unwrap();
    assert_eq!(metric(&text, "context_manager_recall_at_k_sum{store=\"embedded\"}"), 1);
    measuring.abort();
}

#[tokio::test]
async fn the_healthcheck_command_asks_the_server_of_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let check = |port: &str| {
        let mut check = Command::new(env!("CARGO_BIN_EXE_context-manager"));
        check.current_dir(folder.path()).args(["--port", port, "healthcheck"]);
        let output = check.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(check(&port).0, Some(0));
    drop(server);
    let (code, message) = check(&port);
    assert_eq!(code, Some(1));
    assert!(message.contains("no server answers"), "{message}");
}

#[tokio::test]
async fn a_service_manager_is_told_of_the_servers_life() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let mut server = Server::with(&data, &environment).await;
    let told = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    assert_eq!(told(), "READY=1");
    assert_eq!(told(), "WATCHDOG=1");
    server.signal("-TERM");
    assert!((0..100).any(|_| told() == "STOPPING=1"));
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_loop_that_panics_is_counted_shown_and_started_again() {
    let app = TestApp::start().await;
    let stop = CancellationToken::new();
    let supervisor = Supervisor::new(app.service.health.clone(), stop.clone());
    let starts = Arc::new(AtomicUsize::new(0));
    supervisor.supervise("shaky", Arc::clone(&starts), |starts| async move {
        assert!(starts.fetch_add(1, Ordering::Relaxed) > 0, "the first time");
        std::future::pending::<()>().await;
    });
    until("it is started again", async || starts.load(Ordering::Relaxed) == 2).await;
    let health = app.get("/health?fresh=true").await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (StatusCode::OK, &json!("degraded"))
    );
    let parts = health.body["components"].as_array().unwrap();
    let loops = parts.iter().find(|part| part["name"] == "background").unwrap();
    assert!(loops["last_error"].as_str().unwrap().ends_with(": shaky"), "{loops}");
    let metrics = app.get("/metrics").await.text;
    assert_eq!(
        metric(&metrics, "context_manager_loop_restarts_total{loop=\"shaky\"}"),
        1
    );
    stop.cancel();
    supervisor.ended(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn garbage_collections_of_clients_that_went_away_do_not_queue_up() {
    let app = TestApp::start().await;
    let permit = app.memory.garbage_collector.permit().await;
    let request = || app.post("/admin/gc", json!({"dry_run": false}));
    let left = join_all((0..20).map(|_| tokio::time::timeout(Duration::from_millis(200), request()))).await;
    assert!(
        left.iter().filter(|answer| answer.is_err()).count() > 1,
        "they waited for the turn"
    );
    assert!(app.service.writes.is_empty(), "nothing is left to be done for them");
    let foreseen = app.post("/admin/gc", json!({"dry_run": true})).await;
    assert_eq!(foreseen.status, StatusCode::OK, "{}", foreseen.text);
    drop(permit);
    assert_eq!(request().await.status, StatusCode::OK);
}
