//! The store.

use context_manager_resilience::CircuitBreakerConfig;
use context_manager_vector_store::{embedded, qdrant};
use serde::{Deserialize, Serialize};

use super::problems::below;

/// The store: the embedded engine, unless `url` names a Qdrant server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VectorDbConfig {
    /// Embedded engine.
    #[serde(flatten)]
    pub embedded: embedded::Config,
    /// Qdrant server.
    #[serde(flatten)]
    pub qdrant: qdrant::Config,
    /// Circuit breaker of the Qdrant server.
    pub circuit_breaker: CircuitBreakerConfig,
}

impl Default for VectorDbConfig {
    /// Calls a server that failed again after at most five seconds: until then nothing can be written.
    fn default() -> Self {
        Self {
            embedded: embedded::Config::default(),
            qdrant: qdrant::Config::default(),
            circuit_breaker: CircuitBreakerConfig {
                max_open_ms: 5_000,
                ..CircuitBreakerConfig::default()
            },
        }
    }
}

impl VectorDbConfig {
    /// Returns the settings of the Qdrant server, with the keys that both stores share.
    pub fn server(&self) -> qdrant::Config {
        qdrant::Config {
            hnsw_m: self.embedded.hnsw_m,
            hnsw_ef_construct: self.embedded.hnsw_ef_construct,
            ..self.qdrant.clone()
        }
    }

    /// Returns a name for the store in use.
    pub fn place(&self) -> String {
        match &self.qdrant.url {
            Some(url) => format!("the collection `{}` at `{url}`", self.qdrant.collection()),
            None => format!("data folder `{}`", self.embedded.path.display()),
        }
    }

    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.embedded.problems();
        problems.extend(self.qdrant.problems());
        problems.extend(below("circuit_breaker", self.circuit_breaker.problems()));
        problems
    }
}
