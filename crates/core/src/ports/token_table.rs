//! Vectors of single words, for comparisons at search time.

use std::fmt;

use super::ModelFingerprint;

/// A table of token vectors, which embeds a text within microseconds, so that nothing of it need be stored.
pub trait TokenTable: fmt::Debug + Send + Sync + 'static {
    /// Returns the fingerprint of the table. Its vectors compare with those of an embedder of the same fingerprint.
    fn fingerprint(&self) -> &ModelFingerprint;

    /// Returns the vector of a text, of length 1; zeros if it holds no known token.
    fn embed(&self, text: &str) -> Vec<f32>;

    /// Returns the vector of a question given as weighted words in order; `None` if none of them is known, or they are too
    /// many.
    fn embed_weighted(&self, words: &[(&str, f32)]) -> Option<Vec<f32>>;

    /// Returns the share of a text's words that the table knows, 0 to 1.
    fn knows(&self, _text: &str) -> f32 {
        1.0
    }
}
