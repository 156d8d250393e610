//! Retries and the circuit breaker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use context_manager_core::ports::{EmbedErrorKind, Embedder};
use context_manager_embedding::{ApiConfig, OpenAiCompatible};
use context_manager_resilience::{CircuitBreaker, CircuitBreakerConfig, CircuitState};
use tokio::time::{Instant, sleep};

use crate::peer::{Peer, Reply, vector};
use crate::{config, connected, texts};

/// A breaker that opens briefly after three consecutive failures.
fn breaker() -> Arc<CircuitBreaker> {
    let config = CircuitBreakerConfig {
        consecutive_failures: 3,
        open_ms: 200,
        half_open_probes: 1,
        ..CircuitBreakerConfig::default()
    };
    Arc::new(CircuitBreaker::new("embedding_test", config))
}

async fn guarded(config: ApiConfig, breaker: &Arc<CircuitBreaker>) -> OpenAiCompatible {
    let builder = OpenAiCompatible::builder(config).with_circuit_breaker(Arc::clone(breaker));
    builder.connect(None).await.unwrap()
}

#[tokio::test]
async fn a_busy_service_is_retried_after_retry_after() {
    let now_and_then = "date: Wed, 21 Oct 2015 07:28:00 GMT\r\nretry-after: Wed, 21 Oct 2015 07:28:01 GMT\r\n";
    for headers in ["retry-after: 1\r\n", now_and_then] {
        let peer = Peer::start(move |number, asked| match number {
            1 => Reply::status(429, headers),
            _ => asked.answer(),
        })
        .await;
        let embedder = connected(config(&peer)).await;
        let start = Instant::now();
        assert_eq!(embedder.embed_query("hello").await.unwrap().vector, vector("hello"));
        assert!((1.0..3.0).contains(&start.elapsed().as_secs_f32()));
    }
}

#[tokio::test]
async fn a_retry_after_the_deadline_is_not_awaited() {
    let peer = Peer::start(|number, asked| match number {
        0 => asked.answer(),
        _ => Reply::status(429, "retry-after: 60\r\n"),
    })
    .await;
    let embedder = connected(config(&peer)).await;
    let start = Instant::now();
    let error = embedder.embed_query("hello").await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Unavailable(Some(Duration::from_mins(1))));
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(peer.asked().len(), 2);
}

#[tokio::test]
async fn only_transient_failures_are_retried() {
    let half = Reply::SendAndClose("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_owned());
    for (reply, attempts) in [
        (half, 3),
        (Reply::status(408, ""), 3),
        (Reply::status(500, ""), 3),
        (Reply::status(503, ""), 3),
        (Reply::status(400, ""), 1),
        (Reply::status(401, ""), 1),
        (Reply::status(409, ""), 1),
        (Reply::ok("garbled"), 1),
    ] {
        let script = reply.clone();
        let peer = Peer::start(move |number, asked| match number {
            0 => asked.answer(),
            _ => script.clone(),
        })
        .await;
        let embedder = connected(config(&peer)).await;
        embedder.embed_query("hello").await.unwrap_err();
        assert_eq!(peer.asked().len() - 1, attempts, "{reply:?}");
    }
}

#[tokio::test]
async fn an_open_circuit_makes_no_connection_and_closes_again() {
    let down = Arc::new(AtomicBool::new(false));
    let peer = Peer::start({
        let down = Arc::clone(&down);
        move |_, asked| {
            if down.load(Ordering::Relaxed) {
                // Closed each time, so that connections count.
                Reply::SendAndClose("HTTP/1.1 500 Down\r\ncontent-length: 0\r\n\r\n".to_owned())
            } else {
                asked.answer()
            }
        }
    })
    .await;
    let breaker = breaker();
    let embedder = guarded(config(&peer), &breaker).await;
    down.store(true, Ordering::Relaxed);
    embedder.embed_query("three attempts").await.unwrap_err();
    assert_eq!(breaker.state(), CircuitState::Open);

    let (connections, start) = (peer.connections(), Instant::now());
    for found in embedder.embed_documents(&texts(["one", "two"])).await {
        let kind = found.unwrap_err().kind;
        let EmbedErrorKind::Unavailable(Some(wait)) = kind else {
            panic!("{kind:?}")
        };
        assert!(wait <= Duration::from_millis(200));
    }
    assert!(start.elapsed() < Duration::from_millis(50));
    assert_eq!(peer.connections(), connections);

    down.store(false, Ordering::Relaxed);
    while breaker.check().is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(embedder.embed_query("back").await.unwrap().vector, vector("back"));
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test]
async fn timeouts_and_garbled_answers_open_the_circuit_but_refusals_do_not() {
    for (reply, state) in [
        (Reply::ok("").late(Duration::from_secs(30)), CircuitState::Open),
        (Reply::ok("garbled"), CircuitState::Open),
        (Reply::status(400, ""), CircuitState::Closed),
        (Reply::status(401, ""), CircuitState::Closed),
    ] {
        let script = reply.clone();
        let peer = Peer::start(move |number, asked| match number {
            0 => asked.answer(),
            _ => script.clone(),
        })
        .await;
        let config = ApiConfig {
            timeout_secs: 1,
            ..config(&peer)
        };
        let breaker = breaker();
        let embedder = guarded(config, &breaker).await;
        futures::future::join_all([(); 3].map(|()| embedder.embed_query("hello"))).await;
        assert_eq!(breaker.state(), state, "{reply:?}");
    }
}
