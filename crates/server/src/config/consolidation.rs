//! How many contexts become one, and who writes the text.

use context_manager_core::lifecycle;
use context_manager_embedding::ChatConfig;
use context_manager_resilience::CircuitBreakerConfig;
use serde::{Deserialize, Serialize};

/// How expired short-term contexts become one long-term context.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsolidationConfig {
    /// Which contexts, and how much is made of them.
    #[serde(flatten)]
    pub rules: lifecycle::Consolidation,
    /// Who writes the text; without `api_url` it is an extract.
    pub llm: LlmConfig,
}

/// A chat model that writes the text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LlmConfig {
    /// The service.
    #[serde(flatten)]
    pub chat: ChatConfig,
    /// Not asking it while it fails.
    pub circuit_breaker: CircuitBreakerConfig,
}

impl ConsolidationConfig {
    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.rules.problems();
        let chat = self.llm.chat.problems().into_iter();
        problems.extend(chat.map(|problem| format!("llm.{problem}")));
        let circuit = self.llm.circuit_breaker.problems().into_iter();
        problems.extend(circuit.map(|problem| format!("llm.circuit_breaker.{problem}")));
        problems
    }
}
