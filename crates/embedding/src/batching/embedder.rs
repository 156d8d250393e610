//! The embedders that batching is worth its wait for.

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, Embedder};

/// An embedder for which one call with many texts is cheaper than many calls with one.
#[async_trait]
pub trait BatchEmbedder: Embedder {
    /// How many texts are best for one call; at least 1.
    fn batch_size(&self) -> usize;

    /// The vectors of questions: one result for each, in their order. A question that cannot be embedded fails alone.
    async fn embed_queries(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>>;
}
