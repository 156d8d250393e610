//! Token counts, as the model that reads the answer counts.

use std::fmt;

/// Counts the tokens of a text. Deterministic, and never fails.
pub trait TokenCounter: fmt::Debug + Send + Sync + 'static {
    /// Returns the number of tokens of `text`; special tokens count as plain text.
    fn count(&self, text: &str) -> usize;
}
