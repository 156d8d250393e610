//! How texts become vectors.

use context_manager_core::OnEmbeddingFailure;
use context_manager_embedding::{ApiConfig, BatchConfig, CacheConfig};
use context_manager_resilience::CircuitBreakerConfig;
use serde::{Deserialize, Serialize};

/// How texts become vectors. Without `api_url` the built-in model makes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmbeddingConfig {
    /// What happens to a context whose text cannot be embedded now.
    pub on_failure: OnEmbeddingFailure,
    /// How many texts a second are embedded at most in the background: what is pending, and what another model is given.
    pub background_texts_per_sec: u32,
    /// The service that embeds, if it is not the built-in model.
    #[serde(flatten)]
    pub api: ApiConfig,
    /// Gathering texts for the service.
    #[serde(flatten)]
    pub batching: BatchConfig,
    /// Remembering vectors.
    #[serde(flatten)]
    pub cache: CacheConfig,
    /// Not asking the service while it fails.
    pub circuit_breaker: CircuitBreakerConfig,
    /// Another model, to change to or to go back to; without `api_url` it is the built-in one. The server uses the one
    /// whose vectors are stored.
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
    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.api.problems();
        problems.extend(self.batching.problems());
        let circuit = self.circuit_breaker.problems();
        problems.extend(circuit.into_iter().map(|problem| format!("circuit_breaker.{problem}")));
        let next = self.next.iter().flat_map(ApiConfig::problems);
        problems.extend(next.map(|problem| format!("next.{problem}")));
        if self.background_texts_per_sec == 0 {
            problems.push("background_texts_per_sec: must be at least 1".to_owned());
        }
        problems
    }
}
