//! Summaries of promoted contexts, and the model that writes them.

use context_manager_core::lifecycle;
use context_manager_embedding::ChatConfig;
use context_manager_resilience::CircuitBreakerConfig;
use serde::{Deserialize, Serialize};

/// Summaries of promoted contexts; without `llm.api_url` none are made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsolidationConfig {
    /// Size and similarity of the groups that summaries are made of.
    #[serde(flatten)]
    pub rules: lifecycle::Consolidation,
    /// The model that writes them.
    pub llm: LlmConfig,
}

/// A chat model that writes summaries.
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
