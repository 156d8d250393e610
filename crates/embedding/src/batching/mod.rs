//! Gathering texts that come one by one into few calls.

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, Embedder};

/// An embedder for which one call with many questions is cheaper than many calls with one.
#[async_trait]
pub trait BatchEmbedder: Embedder {
    /// The vectors of questions: one result for each, in their order. A question that cannot be embedded fails alone.
    async fn embed_queries(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>>;
}
