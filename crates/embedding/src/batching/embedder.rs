//! Embedders that profit from batching.

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, Embedder};

/// An embedder for which one call with many texts is cheaper than many calls with one.
#[async_trait]
pub trait BatchEmbedder: Embedder {
    /// Returns the best number of texts per call, at least 1.
    fn batch_size(&self) -> usize;

    /// Embeds questions, with one result for each in their order. A question that cannot be embedded fails alone.
    async fn embed_queries(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>>;
}
