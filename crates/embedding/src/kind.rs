//! The purpose of an embedding.

/// Purpose of an embedding: many models embed questions and documents differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A text to store.
    Document,
    /// A question.
    Query,
}
