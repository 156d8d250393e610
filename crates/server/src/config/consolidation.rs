//! Summaries of promoted contexts, and the model that writes them.

use context_manager_core::lifecycle;
use context_manager_embedding::ChatConfig;
use context_manager_resilience::CircuitBreakerConfig;
use serde::{Deserialize, Serialize};

use super::problems::below;

/// Summaries of promoted contexts; without `llm.api_url` none are made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsolidationConfig {
    /// Size and similarity of the groups that summaries are made of.
    #[serde(flatten)]
    pub rules: lifecycle::Consolidation,
    /// Model that writes summaries.
    pub llm: LlmConfig,
}

/// A chat model that writes summaries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LlmConfig {
    /// The service.
    #[serde(flatten)]
    pub chat: ChatConfig,
    /// Circuit breaker of the service.
    pub circuit_breaker: CircuitBreakerConfig,
}

impl ConsolidationConfig {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.rules.problems();
        problems.extend(below("llm", self.llm.chat.problems()));
        problems.extend(below("llm.circuit_breaker", self.llm.circuit_breaker.problems()));
        problems
    }
}
