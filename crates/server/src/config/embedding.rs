//! Embedding models.

use context_manager_core::OnEmbeddingFailure;
use context_manager_embedding::{ApiConfig, BatchConfig, CacheConfig};
use context_manager_resilience::CircuitBreakerConfig;
use serde::{Deserialize, Serialize};

use super::problems::{below, zeros};

/// Embedding models. Without `api_url` it is the built-in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmbeddingConfig {
    /// Treatment of contexts that cannot be embedded at the moment.
    pub on_failure: OnEmbeddingFailure,
    /// Maximum number of texts per second embedded in the background: pending contexts, and those for another model.
    pub background_texts_per_sec: u32,
    /// Embedding service.
    #[serde(flatten)]
    pub api: ApiConfig,
    /// Batching of texts for the service.
    #[serde(flatten)]
    pub batching: BatchConfig,
    /// Cache of vectors.
    #[serde(flatten)]
    pub cache: CacheConfig,
    /// Circuit breaker of the service.
    pub circuit_breaker: CircuitBreakerConfig,
    /// Another model to change to, or back to; without `api_url` it is the built-in one. The server uses the model whose
    /// vectors are stored.
    pub next: Option<ApiConfig>,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self {
            on_failure: OnEmbeddingFailure::default(),
            background_texts_per_sec: 500,
            api: ApiConfig::default(),
            batching: BatchConfig::default(),
            cache: CacheConfig::default(),
            circuit_breaker: CircuitBreakerConfig::default(),
            next: None,
        }
    }
}

impl EmbeddingConfig {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.api.problems();
        problems.extend(self.batching.problems());
        problems.extend(below("circuit_breaker", self.circuit_breaker.problems()));
        problems.extend(self.next.iter().flat_map(|next| below("next", next.problems())));
        problems.extend(zeros(&[(
            "background_texts_per_sec",
            u64::from(self.background_texts_per_sec),
        )]));
        problems
    }
}
