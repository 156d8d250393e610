//! Languages of texts.

/// Language of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLanguage {
    /// BCP 47 tag.
    pub tag: String,
    /// Set if nobody gave it: it is detected again with each new text, and by each new analyzer.
    pub detected: bool,
}
