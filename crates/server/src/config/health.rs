//! Health checks.

use context_manager_observability::HealthConfig as ChecksConfig;
use serde::{Deserialize, Serialize};

/// Health checks, and their thresholds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthConfig {
    /// Schedule of the checks.
    #[serde(flatten)]
    pub checks: ChecksConfig,
    /// Number of free bytes below which the disk is degraded.
    pub disk_low_bytes: u64,
    /// Age in seconds of the oldest context without a vector above which embedding is degraded.
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
