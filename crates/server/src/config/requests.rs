//! How many requests are worked on at once, and how many wait.

use serde::{Deserialize, Serialize};

/// How many requests are worked on at once, and how many wait; all beyond are answered 503 at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestsConfig {
    /// Requests to the API at once.
    pub max_concurrent: usize,
    /// Requests to the API that may wait for their turn.
    pub max_waiting: usize,
    /// Administrative requests at once; as many may wait.
    pub max_concurrent_admin: usize,
    /// Requests for health and metrics at once; as many may wait.
    pub max_concurrent_operations: usize,
    /// The longest wait for a turn, in milliseconds.
    pub max_wait_ms: u64,
    /// Memory for the bodies of all requests together, in bytes.
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
    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self, max_body_bytes: usize) -> Vec<String> {
        let mut problems = super::zeros(&[
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
