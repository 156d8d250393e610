//! Counting tokens as the model that reads the answer does.

use std::fmt;

/// Counts the tokens of a text. Deterministic, and never fails.
pub trait TokenCounter: fmt::Debug + Send + Sync + 'static {
    /// How many tokens `text` has; special tokens count as plain text.
    fn count(&self, text: &str) -> usize;
}
