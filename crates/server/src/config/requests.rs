//! Limits of concurrent requests.

use serde::{Deserialize, Serialize};

use super::problems::zeros;

/// Limits of concurrent and of waiting requests; further ones are answered 503 at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestsConfig {
    /// Maximum number of concurrent API requests.
    pub max_concurrent: usize,
    /// Maximum number of API requests that wait for a permit.
    pub max_waiting: usize,
    /// Maximum number of concurrent administrative requests; as many may wait.
    pub max_concurrent_admin: usize,
    /// Maximum number of concurrent requests for health and metrics; as many may wait.
    pub max_concurrent_operations: usize,
    /// Maximum time to wait for a permit, in milliseconds.
    pub max_wait_ms: u64,
    /// Maximum memory for the bodies of all requests together, in bytes.
    pub max_buffered_bytes: usize,
}

impl Default for RequestsConfig {
    fn default() -> Self {
        Self {
            max_concurrent: 512,
            max_waiting: 512,
            max_concurrent_admin: 16,
            max_concurrent_operations: 64,
            max_wait_ms: 1_000,
            max_buffered_bytes: 256 * 1024 * 1024,
        }
    }
}

impl RequestsConfig {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self, max_body_bytes: usize) -> Vec<String> {
        let mut problems = zeros(&[
            ("max_concurrent", self.max_concurrent as u64),
            ("max_concurrent_admin", self.max_concurrent_admin as u64),
            ("max_concurrent_operations", self.max_concurrent_operations as u64),
            ("max_wait_ms", self.max_wait_ms),
        ]);
        if self.max_buffered_bytes < max_body_bytes {
            problems.push("max_buffered_bytes: must be at least server.max_body_bytes".to_owned());
        }
        problems
    }
}
