//! A server with a reranking service that prefers gold, and fails on demand; and requests that are in a hurry.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::{TestApp, texts, until};

/// State of the services.
#[derive(Debug, Default)]
struct Script {
    fails: AtomicBool,
    hangs: AtomicBool,
    /// Number of texts of the last request.
    texts: AtomicUsize,
    calls: AtomicUsize,
}

/// Reranks as TEI does.
async fn rerank(State(script): State<Arc<Script>>, Json(request): Json<Value>) -> Result<Json<Value>, StatusCode> {
    let asked = request["texts"].as_array().unwrap();
    script.texts.store(asked.len(), Ordering::Relaxed);
    script.calls.fetch_add(1, Ordering::Relaxed);
    if script.fails.load(Ordering::Relaxed) {
        return Err(StatusCode::BAD_GATEWAY);
    }
    let score = |(index, text): (usize, &Value)| {
        let score = if text.as_str().unwrap().contains("gold") {
            0.9
        } else {
            0.1
        };
        json!({"index": index, "score": score})
    };
    Ok(Json(asked.iter().enumerate().rev().map(score).collect()))
}

/// Embeds everything alike, as `OpenAI` does.
async fn embed(State(script): State<Arc<Script>>, Json(request): Json<Value>) -> Json<Value> {
    while script.hangs.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(20)).await;
    }
    let texts = request["input"].as_array().unwrap().iter().enumerate();
    let data = texts.map(|(index, _)| json!({"index": index, "embedding": [1.0, 0.5]}));
    Json(json!({"data": data.collect::<Vec<_>>()}))
}

/// The services on a port of their own.
async fn services() -> (Arc<Script>, String) {
    let script = Arc::new(Script::default());
    let router = Router::new()
        .route("/rerank", post(rerank))
        .route("/v1/embeddings", post(embed));
    let router = router.with_state(Arc::clone(&script));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (script, url)
}

#[tokio::test]
async fn the_best_are_reordered_and_a_failing_service_changes_nothing() {
    let (script, url) = services().await;
    let app = TestApp::with(|config| {
        config.rerank.service.api_url = Some(url);
        config.rerank.service.candidates = 3;
        config.rerank.circuit_breaker.consecutive_failures = 2;
        config.rerank.circuit_breaker.open_ms = 60_000;
        config.rerank.circuit_breaker.max_open_ms = 60_000;
    })
    .await;
    for text in [
        "the red lamp",
        "a lamp of gold",
        "lamps",
        "an old lamp of mine, next to the door",
    ] {
        app.store(json!({"text": text})).await;
    }
    let search = async |explain: bool| {
        let request = json!({"query": "the red lamp", "explain": explain});
        app.post("/contexts/search", request).await.body
    };
    let found = search(true).await;
    let first = &found["contexts"][0];
    assert_eq!(
        (&first["text"], &first["scores"]["rerank"]),
        (&json!("a lamp of gold"), &json!(0.9))
    );
    assert!(
        first["score"].as_f64() < found["contexts"][1]["score"].as_f64(),
        "{found}"
    );
    assert_eq!(
        found["contexts"][3]["scores"]["rerank"],
        Value::Null,
        "it is not one of the best three"
    );
    assert_eq!(
        (found["degraded"].clone(), script.texts.load(Ordering::Relaxed)),
        (json!([]), 3)
    );
    assert!(search(false).await["contexts"][0].get("scores").is_none());
    let prompt = json!({"query": "the red lamp", "max_tokens": 200});
    let prompt = app.post("/contexts/assemble", prompt).await.body["prompt"].to_string();
    assert!(prompt.find("gold") < prompt.find("red lamp"), "{prompt}");

    script.fails.store(true, Ordering::Relaxed);
    let reranker = async || {
        let health = app.get("/health?fresh=true").await.body;
        let components = health["components"].as_array().unwrap();
        let reranker = components.iter().find(|component| component["name"] == "reranker");
        reranker.unwrap()["status"].clone()
    };
    assert_eq!(reranker().await, "healthy");
    for _ in 0..2 {
        let found = search(true).await;
        assert_eq!(texts(&found)[0], "the red lamp");
        assert_eq!(
            (&found["degraded"], &found["contexts"][0]["scores"]["rerank"]),
            (&json!(["rerank"]), &Value::Null)
        );
    }
    let calls = script.calls.load(Ordering::Relaxed);
    assert_eq!(search(false).await["degraded"], json!(["rerank"]));
    assert_eq!(script.calls.load(Ordering::Relaxed), calls, "the circuit is open");
    until("the health is checked", async || reranker().await == "degraded").await;
}

#[tokio::test]
async fn who_is_in_a_hurry_gets_what_there_is() {
    let (script, url) = services().await;
    let app = TestApp::with(|config| {
        config.embedding.model.api.api_url = Some(url);
        config.server.request_timeout_ms = 20_000;
        config.hirag.embed_timeout_ms = 20_000;
    })
    .await;
    app.store(json!({"text": "the red lamp"})).await;
    let asked = json!({"query": "the red lamp", "deadline_ms": 20_000});
    assert_eq!(app.post("/contexts/search", asked).await.body["degraded"], json!([]));
    script.hangs.store(true, Ordering::Relaxed);
    let start = Instant::now();
    let late = json!(["embedding", "deadline"]);
    let asked = json!({"query": "which lamp is red?", "deadline_ms": 400, "max_tokens": 100});
    for path in ["/contexts/search", "/contexts/assemble"] {
        let found = app.post(path, asked.clone()).await;
        assert_eq!(
            (found.status.as_u16(), &found.body["degraded"]),
            (200, &late),
            "{}",
            found.text
        );
        assert!(found.text.contains("the red lamp"));
    }
    let request = Request::post("/api/v1/contexts/search")
        .header("x-request-timeout-ms", "400")
        .header(header::CONTENT_TYPE, "application/json");
    let found = app
        .send(
            request
                .body(Body::from(json!({"query": "red lamp"}).to_string()))
                .unwrap(),
        )
        .await;
    assert_eq!(
        (found.status.as_u16(), &found.body["degraded"]),
        (200, &late),
        "{}",
        found.text
    );
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());

    for wrong in [json!(0), json!(20_001)] {
        for path in ["/contexts/search", "/contexts/assemble"] {
            let asked = json!({"query": "lamp", "max_tokens": 100, "deadline_ms": wrong});
            let pointers = app.post(path, asked).await.problem(400, "invalid_request");
            assert_eq!(pointers, ["/deadline_ms"]);
        }
    }
}
