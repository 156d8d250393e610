//! Where contexts are kept.

use context_manager_resilience::CircuitBreakerConfig;
use context_manager_vector_store::{embedded, qdrant};
use serde::{Deserialize, Serialize};

/// Where contexts are kept: in this process, unless `url` names a Qdrant server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VectorDbConfig {
    /// The engine inside this process.
    #[serde(flatten)]
    pub embedded: embedded::Config,
    /// The Qdrant server.
    #[serde(flatten)]
    pub qdrant: qdrant::Config,
    /// Not asking the Qdrant server while it fails.
    pub circuit_breaker: CircuitBreakerConfig,
}

impl Default for VectorDbConfig {
    /// A server that comes back is asked again after five seconds at most: while it is not, nothing can be written.
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
    /// The settings of the Qdrant server, whether it is the one to be used or not, with the keys that both stores have.
    pub fn server(&self) -> qdrant::Config {
        qdrant::Config {
            hnsw_m: self.embedded.hnsw_m,
            hnsw_ef_construct: self.embedded.hnsw_ef_construct,
            ..self.qdrant.clone()
        }
    }

    /// What is used, to be named.
    pub fn place(&self) -> String {
        match &self.qdrant.url {
            Some(url) => format!("the collection `{}` at `{url}`", self.qdrant.collection()),
            None => format!("data folder `{}`", self.embedded.path.display()),
        }
    }

    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.embedded.problems();
        problems.extend(self.qdrant.problems());
        let circuit = self.circuit_breaker.problems();
        problems.extend(circuit.into_iter().map(|problem| format!("circuit_breaker.{problem}")));
        problems
    }
}
