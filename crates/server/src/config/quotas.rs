//! Quotas of tenants.

use serde::{Deserialize, Serialize};

use super::problems::zeros;

/// Quotas of each tenant; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotasConfig {
    /// Maximum number of contexts.
    pub max_contexts: u64,
    /// Maximum size of the text, tags and metadata of all contexts, in bytes as JSON.
    pub max_bytes: u64,
    /// Interval of counting what tenants have stored, in seconds.
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
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        zeros(&[("recount_interval_secs", self.recount_interval_secs)])
    }
}
