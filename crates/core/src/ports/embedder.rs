//! Embedding of texts.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::BoxError;
use crate::TenantId;
use crate::rank::cosine;

/// Embedding model. Its vectors have one size and are comparable by cosine.
///
/// Cancelling a call has no effect on later ones.
#[async_trait]
pub trait Embedder: fmt::Debug + Send + Sync + 'static {
    /// Returns the fingerprint of the model.
    fn fingerprint(&self) -> &ModelFingerprint;

    /// Embeds texts to store, and returns one result for each in the same order. A text that cannot be embedded fails
    /// alone; vectors of a wrong size or with numbers that are not finite are errors too.
    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>>;

    /// Embeds a question, which some models embed in another way than stored texts.
    ///
    /// # Errors
    /// [`EmbedError`] if there is no vector of the right size with finite numbers.
    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError>;

    /// Embeds the texts of a tenant, as [`Embedder::embed_documents`]. Embedders with a cache keep one for each tenant, so
    /// that timing does not reveal texts of other tenants.
    async fn embed_documents_of(&self, _tenant: &TenantId, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.embed_documents(texts).await
    }

    /// Embeds the question of a tenant, as [`Embedder::embed_query`], with a cache as in [`Embedder::embed_documents_of`].
    ///
    /// # Errors
    /// As [`Embedder::embed_query`].
    async fn embed_query_of(&self, _tenant: &TenantId, text: &str) -> Result<QueryEmbedding, EmbedError> {
        self.embed_query(text).await
    }

    /// Returns when a written context gets its vector.
    fn on_write(&self) -> OnWrite {
        OnWrite::Wait
    }

    /// Returns the scale of the cosines between the model's vectors.
    fn scale(&self) -> CosineScale {
        CosineScale::default()
    }

    /// Returns the share of a text's words that the model knows, 0 to 1: vectors of unknown words say nothing.
    ///
    /// Called during ranking, so it must take microseconds. Services do not tell, and count as knowing everything.
    fn knows(&self, _text: &str) -> f32 {
        1.0
    }
}

/// Cosines that a model gives to texts that have nothing to do with each other: some are near 0, some near 0.8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineScale {
    /// Mean.
    pub mean: f32,
    /// Standard deviation.
    pub deviation: f32,
}

impl Default for CosineScale {
    /// Returns the scale of the built-in model, on which all others are put.
    fn default() -> Self {
        Self {
            mean: 0.0,
            deviation: 0.1,
        }
    }
}

impl CosineScale {
    /// Measures the scale on the vectors of questions and of texts that have nothing to do with them.
    #[expect(clippy::cast_precision_loss, reason = "there are few texts")]
    pub fn of_unrelated(questions: &[Vec<f32>], texts: &[Vec<f32>]) -> Self {
        let pairs = questions
            .iter()
            .flat_map(|question| texts.iter().map(|text| cosine(question, text)));
        let cosines: Vec<f32> = pairs.collect();
        let count = cosines.len().max(1) as f32;
        let mean = cosines.iter().sum::<f32>() / count;
        let variance = cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f32>() / count;
        Self {
            mean,
            // Vectors that are all alike say nothing, but must not become endless.
            deviation: variance.sqrt().max(1e-3),
        }
    }

    /// Puts a cosine of the model on the scale of the built-in one.
    pub fn apply(self, cosine: f32) -> f32 {
        let reference = Self::default();
        (cosine - self.mean) / self.deviation * reference.deviation + reference.mean
    }
}

/// Time at which a written context gets its vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnWrite {
    /// Before the write is acknowledged.
    #[default]
    Wait,
    /// Soon after: the context is pending until then. For models that share the processor with the server.
    Follow,
}

/// Vector of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryEmbedding {
    /// Vector with the model's dimensions.
    pub vector: Vec<f32>,
    /// Vectors of the question's tokens in order, from which ranking makes a vector that leans to rare words; empty if the
    /// model does not give them.
    pub pieces: Vec<Piece>,
    /// `true` if the vector came from a cache.
    pub cached: bool,
}

impl QueryEmbedding {
    /// Creates an embedding that came from no cache and has no pieces.
    pub fn new(vector: Vec<f32>) -> Self {
        Self {
            vector,
            pieces: Vec::new(),
            cached: false,
        }
    }
}

/// A token of a question in its sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Bytes of the question that it stands for; empty for special tokens.
    pub range: Range<usize>,
    /// Its vector, not normalised. The mean of all pieces, normalised, is the question's vector.
    pub vector: Vec<f32>,
}

/// Fingerprint of an embedding model. Stored with the data, as vectors of different models must never be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFingerprint {
    /// Name of the model.
    pub name: String,
    /// Size of its vectors.
    pub dimensions: usize,
    /// Hash of the vector of a fixed text, which reveals a changed model of the same name. Empty until the model first
    /// answers, before which none of its vectors can be stored.
    pub probe: String,
}

impl ModelFingerprint {
    /// Creates the fingerprint of a model that has not answered yet.
    pub fn unverified(name: impl Into<String>, dimensions: usize) -> Self {
        Self {
            name: name.into(),
            dimensions,
            probe: String::new(),
        }
    }

    /// Returns `true` if the model has answered.
    pub fn is_verified(&self) -> bool {
        !self.probe.is_empty()
    }

    /// Returns `true` if this fingerprint is unverified and `other` is a verified one of the same model.
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

/// Error of an embedding. Cheap to clone, as one failed call fails many texts.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot embed: {kind}")]
pub struct EmbedError {
    /// Kind of the error.
    pub kind: EmbedErrorKind,
    /// Cause, for logs.
    #[source]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl EmbedError {
    /// Creates an error with a cause.
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

/// Kind of an [`EmbedError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmbedErrorKind {
    /// The service is unavailable; a retry may succeed after this delay, if it is known.
    #[error("the embedding service is unavailable")]
    Unavailable(Option<Duration>),
    /// A vector has another size than the store's.
    #[error("the vector has {actual} dimensions instead of {expected}")]
    DimensionMismatch {
        /// Size of the model's vectors.
        expected: usize,
        /// Size of this vector.
        actual: usize,
    },
    /// The service refused the text; a retry is pointless.
    #[error("the embedding service refused the text")]
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_of_any_model_are_put_on_one_scale() {
        let scale = CosineScale::of_unrelated(&[vec![1.0, 0.0]], &[vec![0.8, 0.6], vec![0.6, 0.8]]);
        assert!((scale.mean - 0.7).abs() < 1e-6 && (scale.deviation - 0.1).abs() < 1e-6);
        assert!(scale.apply(0.7).abs() < 1e-6 && (scale.apply(0.8) - 0.1).abs() < 1e-6);
        let alike = CosineScale::of_unrelated(&[vec![1.0]], &[vec![1.0]]);
        assert!(alike.apply(1.0).is_finite());
    }
}
