//! Turning texts into vectors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::BoxError;
use crate::TenantId;

/// Turns texts into vectors of one size, comparable by cosine.
///
/// Cancelling a call has no effect on later ones.
#[async_trait]
pub trait Embedder: fmt::Debug + Send + Sync + 'static {
    /// Which model this is.
    fn fingerprint(&self) -> &ModelFingerprint;

    /// The vectors of `texts` that are to be stored: one result for each, in their order. A text that cannot be embedded
    /// fails alone; a result is an [`EmbedError`] when there is no vector of the right size with finite numbers.
    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>>;

    /// The vector of a question, which some models embed in another way than what is stored.
    ///
    /// # Errors
    /// [`EmbedError`] when there is no vector of the right size with finite numbers.
    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError>;

    /// [`Embedder::embed_documents`] for what a tenant stores. An embedder that remembers vectors remembers them for each
    /// tenant by itself, so that nobody can tell by the time it takes whether another one stored the same text.
    async fn embed_documents_of(&self, _tenant: &TenantId, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.embed_documents(texts).await
    }

    /// [`Embedder::embed_query`] for what a tenant asks; what is remembered, is remembered as in
    /// [`Embedder::embed_documents_of`].
    ///
    /// # Errors
    /// As [`Embedder::embed_query`].
    async fn embed_query_of(&self, _tenant: &TenantId, text: &str) -> Result<QueryEmbedding, EmbedError> {
        self.embed_query(text).await
    }

    /// The vector of a question whose words, given in their order, count by their weights; `None` when this embedder
    /// cannot weigh words, or knows none of them.
    ///
    /// Called while a search is ranked, so it must take microseconds: an embedder that asks a service has none.
    fn embed_weighted(&self, _words: &[(&str, f32)]) -> Option<Vec<f32>> {
        None
    }
}

/// A question's vector.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryEmbedding {
    /// As many numbers as the model's dimensions.
    pub vector: Vec<f32>,
    /// Whether it came from a cache.
    pub cached: bool,
}

/// What tells two embedding models apart. Stored with the data: vectors of different models must never be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFingerprint {
    /// The model's name.
    pub name: String,
    /// The size of its vectors.
    pub dimensions: usize,
    /// A hash of the vector of a fixed text, which changes when the model does though its name stays. Empty as long as
    /// the model was never asked, and so nothing embedded by it can have been stored.
    pub probe: String,
}

impl ModelFingerprint {
    /// The fingerprint of a model that was never asked for a vector.
    pub fn unverified(name: impl Into<String>, dimensions: usize) -> Self {
        Self {
            name: name.into(),
            dimensions,
            probe: String::new(),
        }
    }

    /// Returns whether the model was asked for a vector.
    pub fn is_verified(&self) -> bool {
        !self.probe.is_empty()
    }

    /// Returns whether `other` is what an unverified fingerprint may become once its model answers.
    pub fn is_completed_by(&self, other: &Self) -> bool {
        !self.is_verified() && other.is_verified() && self.name == other.name && self.dimensions == other.dimensions
    }
}

impl fmt::Display for ModelFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            dimensions,
            probe,
        } = self;
        if self.is_verified() {
            write!(f, "{name} ({dimensions} dimensions, probe {probe})")
        } else {
            write!(f, "{name} ({dimensions} dimensions, not asked yet)")
        }
    }
}

/// Why there is no vector. Cheap to clone, as one failed call fails many texts.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot embed: {kind}")]
pub struct EmbedError {
    /// What a caller can do about it.
    pub kind: EmbedErrorKind,
    /// The cause, for logs.
    #[source]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl EmbedError {
    /// An error with a cause.
    pub fn new(kind: EmbedErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(source.into().into()),
        }
    }
}

impl From<EmbedErrorKind> for EmbedError {
    fn from(kind: EmbedErrorKind) -> Self {
        Self { kind, source: None }
    }
}

/// What a caller can do about a failed embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmbedErrorKind {
    /// Try again later, if known after this long.
    #[error("the embedding service is unavailable")]
    Unavailable(Option<Duration>),
    /// A vector has another size than the store's.
    #[error("the vector has {actual} dimensions instead of {expected}")]
    DimensionMismatch {
        /// What the model is known to give.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// The service refused the text; trying again is of no use.
    #[error("the embedding service refused the text")]
    Refused,
}
