//! Summaries of several texts.

use std::fmt;

use async_trait::async_trait;

use super::BoxError;

/// Writes a summary of several texts. Its failure costs the summary only.
#[async_trait]
pub trait Summarizer: fmt::Debug + Send + Sync + 'static {
    /// A text of some `max_tokens` tokens at most that says what `texts`, in the order of time, say.
    ///
    /// # Errors
    /// [`SummarizeError`] when there is none; nobody waits for another try.
    async fn summarize(&self, texts: &[String], max_tokens: usize) -> Result<String, SummarizeError>;
}

/// Why there is no summary. The message holds none of the texts.
#[derive(Debug, thiserror::Error)]
#[error("the texts were not summarised")]
pub struct SummarizeError(#[source] pub BoxError);
