//! Why an embedder could not be made.

/// Why an embedder could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model that is compiled in does not load: the build is broken.
    #[error("cannot load the built-in embedding model")]
    BuiltIn(#[source] Box<dyn std::error::Error + Send + Sync>),
}
