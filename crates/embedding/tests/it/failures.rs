//! Failing, busy and silent services.

use std::time::Duration;

use context_manager_core::ports::{EmbedErrorKind, Embedder};
use context_manager_embedding::{ApiConfig, OpenAiCompatible};
use serde_json::json;
use tokio::time::Instant;

use crate::peer::{Asked, Peer, Reply, answer, vector};
use crate::{config, connected, texts};

/// A peer that answers the probe, and then as `script` says.
async fn peer_then(script: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Peer {
    Peer::start(move |number, asked| match number {
        0 => asked.answer(),
        _ => script(number, asked),
    })
    .await
}

/// An embedder without retries.
async fn impatient(peer: &Peer) -> OpenAiCompatible {
    connected(ApiConfig {
        max_retries: 0,
        timeout_secs: 1,
        ..config(peer)
    })
    .await
}

/// Returns the message of an error and of all its causes.
fn said(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

#[tokio::test]
async fn an_untrustworthy_answer_is_not_used() {
    let nan = r#"{"data": [{"index": 0, "embedding": [NaN, 0, 0, 0, 0, 0, 0, 0]}]}"#;
    let good = answer([vector("a"), vector("b")].into_iter());
    let repeated = json!([{"index": 0, "embedding": vector("a")}, {"index": 0, "embedding": vector("b")}]);
    for reply in [
        Reply::ok(nan),
        Reply::ok("<html>gateway</html>"),
        Reply::ok(""),
        Reply::json(&answer([vector("a")].into_iter())),
        Reply::json(&answer([vector("a"), vector("b"), vector("c")].into_iter())),
        Reply::json(&json!({"data": repeated})),
        Reply::ok(&format!("{good}{}", " ".repeat(1 << 20))),
    ] {
        let peer = peer_then(move |_, _| reply.clone()).await;
        let embedder = impatient(&peer).await;
        for found in embedder.embed_documents(&texts(["secret a", "secret b"])).await {
            let error = found.unwrap_err();
            assert_eq!(error.kind, EmbedErrorKind::Unavailable(None));
            assert!(said(&error).contains("garbled answer: the answer"), "{}", said(&error));
            assert!(!said(&error).contains("secret"));
        }
    }
}

#[tokio::test]
async fn a_silent_service_times_out() {
    let peer = peer_then(|_, asked| asked.answer().late(Duration::from_secs(30))).await;
    let embedder = impatient(&peer).await;
    let start = Instant::now();
    let error = embedder.embed_query("anyone?").await.unwrap_err();
    assert!(said(&error).contains("did not answer in time"), "{}", said(&error));
    assert!((1.0..3.0).contains(&start.elapsed().as_secs_f32()));
}

#[tokio::test]
async fn half_an_answer_is_an_error() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"data\": [";
    let peer = peer_then(|_, _| Reply::SendAndClose(half.to_owned())).await;
    let error = impatient(&peer).await.embed_query("hello").await.unwrap_err();
    assert!(said(&error).contains("no connection"), "{}", said(&error));
}

#[tokio::test]
async fn a_refused_credential_is_not_retried_and_never_shown() {
    for status in [401, 403, 404] {
        let peer = peer_then(move |_, _| Reply::status(status, "")).await;
        let embedder = connected(ApiConfig {
            api_url: Some(format!("{}?key=qu3ry", peer.url())),
            api_token: Some("t0ken".to_owned().into()),
            ..config(&peer)
        })
        .await;
        let found = embedder.embed_documents(&texts(["one", "two"])).await;
        for error in found.into_iter().map(Result::unwrap_err) {
            assert_eq!(error.kind, EmbedErrorKind::Unavailable(None));
            let shown = format!("{} {error:?}", said(&error));
            assert!(shown.contains(&status.to_string()), "{shown}");
            assert!(!shown.contains("t0ken") && !shown.contains("qu3ry"), "{shown}");
        }
        assert_eq!(peer.asked().len(), 2, "the probe and one request");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Peer::good().await;
    let location = format!("location: {}/v1/embeddings\r\n", elsewhere.url());
    let peer = peer_then(move |_, _| Reply::status(307, &location)).await;
    let embedder = connected(ApiConfig {
        api_token: Some("t0ken".to_owned().into()),
        ..config(&peer)
    })
    .await;
    let error = embedder.embed_query("hello").await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Unavailable(None));
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_outage_fails_all_parts_at_once() {
    let peer = peer_then(|_, _| Reply::status(503, "retry-after: 7\r\n")).await;
    let embedder = connected(ApiConfig {
        batch_size: 1,
        max_retries: 0,
        ..config(&peer)
    })
    .await;
    let found = embedder.embed_documents(&texts(["one", "two", "three"])).await;
    for error in found.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.kind, EmbedErrorKind::Unavailable(Some(Duration::from_secs(7))));
    }
    assert_eq!(peer.asked().len(), 2);
}
