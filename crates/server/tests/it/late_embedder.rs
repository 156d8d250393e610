//! The real binary started before the embedding service, or the Qdrant server, that it is configured with.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::server::{Server, command};
use crate::support::{PATIENCE, until};

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A service whose vectors depend on the text and on the `model`, which callers are told nothing of.
async fn serve(port: u16, model: &'static str, dimensions: usize) -> AbortHandle {
    serve_on(listener(port).await, model, dimensions)
}

async fn listener(port: u16) -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap()
}

fn serve_on(listener: tokio::net::TcpListener, model: &'static str, dimensions: usize) -> AbortHandle {
    let embed = move |Json(request): Json<Value>| async move {
        let vector = |text: &Value| {
            let numbers = (0..dimensions).map(|n| {
                let hash = Sha256::digest(format!("{model} {n} {text}"));
                f32::from(hash[0]) - 127.5
            });
            numbers.collect::<Vec<f32>>()
        };
        let texts = request["input"].as_array().cloned().unwrap_or_default();
        let data = texts
            .iter()
            .enumerate()
            .map(|(index, text)| json!({"index": index, "embedding": vector(text)}));
        Json(json!({"data": data.collect::<Vec<_>>()}))
    };
    let router = Router::new().route("/v1/embeddings", post(embed));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle()
}

struct Bench {
    folder: tempfile::TempDir,
    port: u16,
    environment: Vec<(&'static str, String)>,
}

impl Bench {
    /// A server on an empty folder and a service that is not there yet; without dimensions they are not configured.
    fn new(dimensions: Option<usize>) -> Self {
        let port = free_port();
        let mut environment = vec![
            ("CONTEXT_MANAGER_EMBEDDING__API_URL", format!("http://127.0.0.1:{port}")),
            ("CONTEXT_MANAGER_EMBEDDING__MODEL", "small".to_owned()),
            ("CONTEXT_MANAGER_EMBEDDING__MAX_RETRIES", "0".to_owned()),
        ];
        if let Some(dimensions) = dimensions {
            environment.push(("CONTEXT_MANAGER_EMBEDDING__DIMENSIONS", dimensions.to_string()));
        }
        Self {
            folder: tempfile::tempdir().unwrap(),
            port,
            environment,
        }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        let environment = self.environment.iter();
        environment.map(|(key, value)| (*key, value.as_str())).collect()
    }

    async fn start(&self) -> Server {
        Server::with(&self.data(), &self.environment()).await
    }
}

/// The embedder's part of `/health`, checked now.
async fn embedder(server: &Server) -> Value {
    let answer = server.client.get(format!("{}/health?fresh=true", server.url)).send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    let health: Value = answer.json().await.unwrap();
    let parts = health["components"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == "embedder").unwrap().clone()
}

async fn pending(server: &Server) -> u64 {
    server.get("/stats").await["pending_embeddings"].as_u64().unwrap()
}

fn stop(mut server: Server) {
    server.signal("-TERM");
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_first_start_with_known_dimensions_serves_at_once_and_embeds_when_the_service_comes() {
    let bench = Bench::new(Some(8));
    let server = bench.start().await;
    until("health tells of it", async || {
        embedder(&server).await["status"] == "degraded"
    })
    .await;
    let stored = server
        .post("/contexts", &json!({"text": "The heron stood still"}))
        .await
        .unwrap();
    assert_eq!(stored["embedding_status"], "pending", "{stored}");
    let question = json!({"query": "heron"});
    let found = server.post("/contexts/search", &question).await.unwrap();
    assert_eq!(
        (&found["contexts"][0]["text"], &found["degraded"]),
        (&json!("The heron stood still"), &json!(["embedding"]))
    );
    // Before it ever answered, too.
    stop(server);
    let server = bench.start().await;
    assert_eq!(pending(&server).await, 1);

    let service = serve(bench.port, "a", 8).await;
    until("what waited is embedded", async || pending(&server).await == 0).await;
    assert_eq!(embedder(&server).await["status"], "healthy");
    let stored = server
        .post("/contexts", &json!({"text": "Rain is likely"}))
        .await
        .unwrap();
    assert_eq!(stored["embedding_status"], "ready");
    let found = server.post("/contexts/search", &question).await.unwrap();
    assert_eq!(found["degraded"], json!([]));
    stop(server);

    // Its model is known from then on: with the service down it is taken on trust, and another one is refused.
    service.abort();
    until("the port is free", async || {
        TcpListener::bind((Ipv4Addr::LOCALHOST, bench.port)).is_ok()
    })
    .await;
    let server = bench.start().await;
    assert_eq!(pending(&server).await, 0);
    stop(server);
    let _another = serve(bench.port, "b", 8).await;
    let mut start = command(&bench.data());
    start.envs(bench.environment()).arg("serve");
    let output = tokio::task::spawn_blocking(move || start.output());
    let output = timeout(PATIENCE, output)
        .await
        .expect("it refuses to start")
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("holds vectors of the model small"),
        "{said}"
    );
}

#[tokio::test]
async fn a_service_whose_vectors_have_another_size_is_refused_and_health_says_so() {
    let bench = Bench::new(Some(8));
    let server = bench.start().await;
    let _service = serve(bench.port, "a", 4).await;
    until("health tells why", async || {
        let reason = embedder(&server).await["last_error"].to_string();
        reason.contains("another size")
    })
    .await;
    let stored = server.post("/contexts", &json!({"text": "The heron"})).await.unwrap();
    assert_eq!(stored["embedding_status"], "pending");
    assert!(
        server.output().contains("gives vectors of 4 dimensions"),
        "{}",
        server.output()
    );
}

/// Checks what a server that is starting answers, and that it names the part it waits for.
async fn assert_waits(server: &Server, part: &str) {
    let get = async |path: &str| server.client.get(format!("{}{path}", server.url)).send().await.unwrap();
    until("it says what it waits for", async || {
        let answer = get("/health/ready").await;
        assert_eq!(answer.status(), 503);
        let problem: Value = answer.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        detail.contains(&format!("waits for {part}: it does not answer"))
    })
    .await;
    let health = get("/health").await;
    assert_eq!(health.status(), 503);
    let health = health.text().await.unwrap();
    assert!(health.contains(&format!("waits for {part}")), "{health}");
    assert!(!health.contains("127.0.0.1"), "it names no address: {health}");
    assert_eq!(get("/health/live").await.status(), 200);
    for path in ["/stats", "/contexts", "/sessions", "/admin/snapshots"] {
        let answer = get(&format!("/api/v1{path}")).await;
        assert_eq!(answer.status(), 503, "{path}");
        assert!(answer.headers().contains_key("retry-after"), "{path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "service_unavailable");
    }
    let stored = server.post("/contexts", &json!({"text": "too early"})).await.unwrap();
    assert_eq!(stored["status"], 503, "{stored}");
}

#[tokio::test]
async fn a_start_that_has_to_wait_says_for_what() {
    let bench = Bench::new(None);
    let server = Server::starting(&bench.data(), &bench.environment());
    assert_waits(&server, "embedder").await;
    let _service = serve(bench.port, "a", 8).await;
    server.ready().await;
    let stored = server.post("/contexts", &json!({"text": "first"})).await.unwrap();
    assert_eq!(stored["embedding_status"], "ready");
    stop(server);
}

#[tokio::test]
async fn a_request_that_comes_while_the_store_is_opened_is_answered_then() {
    let bench = Bench::new(None);
    // Connections are accepted, and answered later: the start takes its time, but nothing is down.
    let slow = listener(bench.port).await;
    let server = Server::starting(&bench.data(), &bench.environment());
    let early = async {
        let stored = server.post("/contexts", &json!({"text": "early"})).await.unwrap();
        assert_eq!(stored["text"], "early", "{stored}");
    };
    let later = async {
        until("the request is there, beside the one for the metrics", async || {
            server.metric("context_manager_requests_in_flight").await == 2
        })
        .await;
        serve_on(slow, "a", 8)
    };
    tokio::join!(early, later);
    stop(server);
}

#[tokio::test]
async fn a_start_waits_for_qdrant_and_can_be_stopped_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}", free_port());
    let data: &Path = &folder.path().join("data");
    let server = Server::starting(data, &[("CONTEXT_MANAGER_VECTOR_DB__URL", &url)]);
    assert_waits(&server, "vector_store").await;
    stop(server);
}
