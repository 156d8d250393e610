//! Reranking services in their three forms, and their failures.

use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::Reranker;
use context_manager_embedding::{HttpReranker, RerankConfig};
use context_manager_resilience::{CircuitBreaker, CircuitBreakerConfig};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::peer::{Peer, Reply};

const TEXTS: [&str; 3] = ["secret goats", "secret \"bees\"", "secret cows"];

/// A client of the service at `url`, whose circuit opens after two failures.
fn client(url: String, timeout_ms: u64) -> HttpReranker {
    let config = RerankConfig {
        api_url: Some(url),
        api_token: Some("t0ken".to_owned().into()),
        model: "cross".to_owned(),
        timeout_ms,
        ..RerankConfig::default()
    };
    let circuit = CircuitBreakerConfig {
        consecutive_failures: 2,
        ..CircuitBreakerConfig::default()
    };
    HttpReranker::new(&config, Arc::new(CircuitBreaker::new("test_rerank", circuit))).unwrap()
}

/// Returns the message of a failure and of its cause, which must hold no secret.
async fn failure(reranker: &HttpReranker) -> String {
    let error = reranker.rerank("secret question", &TEXTS).await.unwrap_err();
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    let shown = format!("{said} {error:?} {reranker:?}");
    assert!(!shown.contains("secret") && !shown.contains("t0ken"), "{shown}");
    said
}

fn good() -> Value {
    json!([{"index": 2, "score": 0.9}, {"index": 0, "score": 0.5}, {"index": 1, "score": 0.001}])
}

#[tokio::test]
async fn each_form_is_asked_as_its_service_expects() {
    let documents = json!({"model": "cross", "query": "secret question", "documents": TEXTS, "top_n": 3});
    let mut of_jina = documents.clone();
    of_jina["return_documents"] = json!(false);
    let results = json!({"id": "x", "results": [
        {"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.5}, {"index": 1, "relevance_score": 0.001},
    ]});
    let tei = json!({"query": "secret question", "texts": TEXTS, "raw_scores": false, "truncate": true});
    for (base, path, request, answer) in [
        ("", "/rerank", tei, good()),
        ("/v2", "/v2/rerank", documents, results.clone()),
        ("/v1", "/v1/rerank", of_jina, results),
    ] {
        let peer = Peer::start(move |_, _| Reply::json(&answer)).await;
        let reranker = client(format!("{}{base}", peer.url()), 1000);
        let scores = reranker.rerank("secret question", &TEXTS).await.unwrap();
        assert_eq!(scores, [0.5, 0.001, 0.9]);
        let asked = &peer.asked()[0];
        assert_eq!(asked.line, format!("POST {path} HTTP/1.1"));
        assert_eq!(asked.headers["authorization"], "Bearer t0ken");
        assert_eq!(asked.body, request);
    }
}

#[tokio::test]
async fn an_untrustworthy_answer_is_a_failure() {
    let one = json!([{"index": 0, "score": 0.5}]);
    let twice = json!([{"index": 0, "score": 0.5}, {"index": 0, "score": 0.5}, {"index": 1, "score": 0.5}]);
    let large = json!([{"index": 0, "score": 0.5}, {"index": 1, "score": 1e39}, {"index": 2, "score": 0.5}]);
    for (reply, problem, calls) in [
        (Reply::ok("<html>gateway</html>"), "not the JSON that was expected", 1),
        (
            Reply::ok("[{\"index\": 0, \"score\": NaN}]"),
            "not the JSON that was expected",
            1,
        ),
        (Reply::json(&one), "1 results instead of 3", 1),
        (Reply::json(&twice), "no or two results of index 1", 1),
        (Reply::json(&large), "not the JSON that was expected", 1),
        (
            Reply::ok(&format!("{}{}", good(), " ".repeat(1 << 20))),
            "the answer is longer than",
            1,
        ),
        (Reply::status(401, ""), "answered 401", 1),
        (Reply::status(424, ""), "answered 424", 1),
        (Reply::status(500, ""), "answered 500", 2),
        (Reply::status(429, "retry-after: 7\r\n"), "answered 429", 1),
    ] {
        let peer = Peer::start(move |_, _| reply.clone()).await;
        let said = failure(&client(peer.url(), 1000)).await;
        assert!(said.contains(problem), "{said}");
        assert_eq!(peer.asked().len(), calls, "{problem}");
    }
}

#[tokio::test]
async fn a_silent_or_missing_service_is_not_waited_for() {
    let peer = Peer::start(|_, _| Reply::json(&good()).late(Duration::from_secs(30))).await;
    let start = Instant::now();
    let said = failure(&client(peer.url(), 200)).await;
    assert!(said.contains("did not answer in time"), "{said}");
    assert!((0.2..2.0).contains(&start.elapsed().as_secs_f32()));

    let nobody = peer.url();
    drop(peer);
    let said = failure(&client(nobody, 5000)).await;
    assert!(said.contains("no connection"), "{said}");
}

#[tokio::test]
async fn one_retry_may_succeed_and_failures_open_the_circuit() {
    let peer = Peer::start(|number, _| match number {
        0 => Reply::status(503, ""),
        1 => Reply::json(&good()),
        _ => Reply::ok("nonsense"),
    })
    .await;
    let reranker = client(peer.url(), 5000);
    assert_eq!(reranker.rerank("question", &TEXTS).await.unwrap().len(), 3);
    for _ in 0..2 {
        assert!(failure(&reranker).await.contains("garbled"));
    }
    let said = failure(&reranker).await;
    assert!(said.contains("left alone"), "{said}");
    assert_eq!(peer.asked().len(), 4, "the open circuit made no call");
}
