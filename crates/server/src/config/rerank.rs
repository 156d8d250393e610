//! Reranking of search results.

use context_manager_embedding::RerankConfig as ServiceConfig;
use context_manager_resilience::CircuitBreakerConfig;
use serde::{Deserialize, Serialize};

use super::problems::below;

/// Reranking of search results; without `api_url` and `model_path` there is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RerankConfig {
    /// The service, or the model in this process.
    #[serde(flatten)]
    pub service: ServiceConfig,
    /// Its circuit breaker.
    pub circuit_breaker: CircuitBreakerConfig,
}

impl RerankConfig {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.service.problems();
        problems.extend(below("circuit_breaker", self.circuit_breaker.problems()));
        problems
    }
}
