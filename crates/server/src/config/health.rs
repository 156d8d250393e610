//! When the server counts as well.

use context_manager_observability::HealthConfig as ChecksConfig;
use serde::{Deserialize, Serialize};

/// When the server counts as well, and how often that is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthConfig {
    /// How often parts are checked.
    #[serde(flatten)]
    pub checks: ChecksConfig,
    /// The disk counts as degraded below this many free bytes.
    pub disk_low_bytes: u64,
    /// What waits for its vector counts as degraded when the first has waited for this many seconds.
    pub pending_age_secs: u64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            checks: ChecksConfig::default(),
            disk_low_bytes: 1 << 30,
            pending_age_secs: 300,
        }
    }
}
