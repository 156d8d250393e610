//! Tools for agents over the Model Context Protocol.

use context_manager_core::context::MAX_ID_BYTES;
use context_manager_mcp::{MIN_REPLY_TOKENS, Owner};
use serde::{Deserialize, Serialize};

/// Tools for agents, at `/mcp` and over standard input and output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpConfig {
    /// Serve the tools at `/mcp`.
    pub enabled: bool,
    /// Maximum number of tokens of a reply, its structured content and its text together.
    pub max_reply_tokens: usize,
    /// Offer `search` and `fetch` as well, which ChatGPT asks of a source of knowledge.
    pub chatgpt_tools: bool,
    /// User that all calls are bound to.
    pub user_id: Option<String>,
    /// Agent that all calls are bound to.
    pub agent_id: Option<String>,
    /// Project that all calls are bound to: the value of `metadata.project`.
    pub project: Option<String>,
}

impl Default for McpConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_reply_tokens: 10_000,
            chatgpt_tools: false,
            user_id: None,
            agent_id: None,
            project: None,
        }
    }
}

impl McpConfig {
    /// Returns the owner that calls are bound to.
    pub(crate) fn owner(&self) -> Owner {
        Owner {
            user_id: self.user_id.clone(),
            agent_id: self.agent_id.clone(),
            project: self.project.clone(),
        }
    }

    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.max_reply_tokens < MIN_REPLY_TOKENS {
            problems.push(format!("max_reply_tokens: must be at least {MIN_REPLY_TOKENS}"));
        }
        for (key, value) in [
            ("user_id", &self.user_id),
            ("agent_id", &self.agent_id),
            ("project", &self.project),
        ] {
            let fits = value
                .as_ref()
                .is_none_or(|value| (1..=MAX_ID_BYTES).contains(&value.len()));
            if !fits {
                problems.push(format!("{key}: must have 1 to {MAX_ID_BYTES} bytes"));
            }
        }
        problems
    }
}
