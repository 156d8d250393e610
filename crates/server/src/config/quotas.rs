//! How much a tenant may keep.

use serde::{Deserialize, Serialize};

/// How much each tenant may keep; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotasConfig {
    /// Contexts.
    pub max_contexts: u64,
    /// Text, tags and metadata of all contexts together, in bytes as JSON.
    pub max_bytes: u64,
    /// How often what tenants keep is counted anew, in seconds.
    pub recount_interval_secs: u64,
}

impl Default for QuotasConfig {
    fn default() -> Self {
        Self {
            max_contexts: 0,
            max_bytes: 0,
            recount_interval_secs: 300,
        }
    }
}

impl QuotasConfig {
    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self) -> Vec<String> {
        super::zeros(&[("recount_interval_secs", self.recount_interval_secs)])
    }
}
