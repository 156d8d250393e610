//! The first call, and its failure.

use context_manager_core::ports::{EmbedErrorKind, Embedder, ModelFingerprint};
use context_manager_embedding::{ApiConfig, Error, OpenAiCompatible};

use crate::peer::{Asked, Peer, Reply, answer, vector};
use crate::{config, connected};

/// The fingerprint of the model that all peers have.
async fn known() -> ModelFingerprint {
    let peer = Peer::good().await;
    connected(config(&peer)).await.fingerprint().clone()
}

/// A peer that is broken at first, and then answers as `script` says.
async fn peer_after_outage(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Peer {
    Peer::start(move |number, asked| match number {
        0 => Reply::status(500, ""),
        _ => script(asked),
    })
    .await
}

fn impatient(peer: &Peer) -> ApiConfig {
    ApiConfig {
        max_retries: 0,
        ..config(peer)
    }
}

#[tokio::test]
async fn small_deviations_keep_the_fingerprint() {
    let known = known().await;
    let peer = Peer::start(|_, asked| {
        let vectors = asked.texts().iter().map(|text| vector(text)).collect::<Vec<_>>();
        Reply::json(&answer(vectors.into_iter().map(|mut vector| {
            vector[0] += 0.001;
            vector
        })))
    })
    .await;
    let embedder = OpenAiCompatible::builder(config(&peer))
        .connect(Some(&known))
        .await
        .unwrap();
    assert_eq!(embedder.fingerprint(), &known);
}

#[tokio::test]
async fn another_model_gets_another_fingerprint() {
    let known = known().await;
    let peer = Peer::start(|_, asked| {
        let vectors = asked.texts().into_iter().map(|text| vector(&format!("another {text}")));
        Reply::json(&answer(vectors))
    })
    .await;
    let embedder = OpenAiCompatible::builder(config(&peer))
        .connect(Some(&known))
        .await
        .unwrap();
    assert_ne!(embedder.fingerprint(), &known);
    assert_eq!(embedder.fingerprint().name, known.name);
}

#[tokio::test]
async fn without_a_service_and_without_data_there_is_no_embedder() {
    let peer = Peer::good().await;
    let config = ApiConfig {
        api_url: Some(format!("{}?key=qu3ry", peer.url())),
        api_token: Some("t0ken".to_owned().into()),
        ..impatient(&peer)
    };
    drop(peer);
    let error = OpenAiCompatible::builder(config.clone())
        .connect(None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("t0ken") && !shown.contains("qu3ry"), "{shown}");

    let another_model = ModelFingerprint {
        name: "another-model".to_owned(),
        ..known().await
    };
    let error = OpenAiCompatible::builder(config)
        .connect(Some(&another_model))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn all_invalid_settings_are_listed() {
    let error = OpenAiCompatible::builder(ApiConfig {
        batch_size: 0,
        ..ApiConfig::default()
    })
    .connect(None)
    .await
    .unwrap_err();
    assert!(error.to_string().contains("batch_size"), "{error}");
}

#[tokio::test]
async fn a_size_other_than_configured_is_an_error() {
    let peer = Peer::good().await;
    let config = ApiConfig {
        dimensions: Some(3),
        ..config(&peer)
    };
    let error = OpenAiCompatible::builder(config).connect(None).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Dimensions {
                configured: 3,
                actual: 8
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_late_service_is_verified_once() {
    let known = known().await;
    let peer = peer_after_outage(Asked::answer).await;
    let embedder = OpenAiCompatible::builder(impatient(&peer))
        .connect(Some(&known))
        .await
        .unwrap();
    assert_eq!(embedder.fingerprint(), &known);
    for text in ["one", "two"] {
        assert_eq!(embedder.embed_query(text).await.unwrap().vector, vector(text));
    }
    assert_eq!(peer.asked().len(), 4, "two probes and two texts");
}

#[tokio::test]
async fn another_model_of_a_late_service_is_never_used() {
    let known = known().await;
    let other = peer_after_outage(|asked| {
        let vectors = asked.texts().into_iter().map(|text| vector(&format!("another {text}")));
        Reply::json(&answer(vectors))
    });
    let larger = peer_after_outage(|asked| Reply::json(&answer(asked.texts().into_iter().map(|_| vec![0.5; 16]))));
    let mismatch = EmbedErrorKind::DimensionMismatch {
        expected: 8,
        actual: 16,
    };
    for (peer, kind) in [
        (other.await, EmbedErrorKind::Unavailable(None)),
        (larger.await, mismatch),
    ] {
        let embedder = OpenAiCompatible::builder(impatient(&peer))
            .connect(Some(&known))
            .await
            .unwrap();
        for _ in 0..3 {
            assert_eq!(embedder.embed_query("hello").await.unwrap_err().kind, kind);
        }
        assert_eq!(peer.asked().len(), 2, "it is not asked again");
    }
}
