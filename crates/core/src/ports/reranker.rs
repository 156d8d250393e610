//! A second look at the best candidates of a search.

use std::fmt;

use async_trait::async_trait;

use super::BoxError;

/// Model that reads a question and a text together, which tells more than two vectors but costs a run per text.
///
/// It ends within a time of its own; a failure costs only the better order.
#[async_trait]
pub trait Reranker: fmt::Debug + Send + Sync + 'static {
    /// Scores each text as an answer to the question, in the order given. Scores are finite and on a scale of the model's
    /// own: only their order counts, a greater one is better.
    ///
    /// # Errors
    /// [`RerankError`] if not every text has a score; the caller does not retry.
    async fn rerank(&self, question: &str, texts: &[&str]) -> Result<Vec<f32>, RerankError>;
}

/// Error of scoring. The message holds none of the texts.
#[derive(Debug, thiserror::Error)]
#[error("the texts were not scored")]
pub struct RerankError(#[source] pub BoxError);
