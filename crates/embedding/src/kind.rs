//! What a text is embedded for.

/// What a text is embedded for: many models embed a question in another way than what answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// To be stored and found.
    Document,
    /// To find.
    Query,
}
