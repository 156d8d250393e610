//! Summaries of several texts.

use std::fmt;

use async_trait::async_trait;

use super::BoxError;

/// Summarizes several texts. A failure costs only the summary.
#[async_trait]
pub trait Summarizer: fmt::Debug + Send + Sync + 'static {
    /// Returns a summary of `texts`, which are in chronological order, of about `max_tokens` tokens at most.
    ///
    /// # Errors
    /// [`SummarizeError`] if there is no summary; the caller does not retry.
    async fn summarize(&self, texts: &[String], max_tokens: usize) -> Result<String, SummarizeError>;
}

/// Error of a summary. The message holds none of the texts.
#[derive(Debug, thiserror::Error)]
#[error("the texts were not summarised")]
pub struct SummarizeError(#[source] pub BoxError);
