//! Settings of batching.

use serde::{Deserialize, Serialize};

/// Settings of batching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchConfig {
    /// Milliseconds that a text waits for others to share its request; a full batch is sent at once.
    pub batch_wait_ms: u64,
    /// Maximum number of texts waiting for their request or its answer; more are refused.
    pub queue_size: usize,
    /// Maximum number of concurrent requests with gathered texts.
    pub concurrent_requests: usize,
}

impl Default for BatchConfig {
    /// Two milliseconds are short compared with any model behind a service.
    fn default() -> Self {
        Self {
            batch_wait_ms: 2,
            queue_size: 1024,
            concurrent_requests: 4,
        }
    }
}

impl BatchConfig {
    /// Returns every problem, each as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let at_least_one = [
            ("queue_size", self.queue_size),
            ("concurrent_requests", self.concurrent_requests),
        ];
        let zero = at_least_one.into_iter().filter(|(_, value)| *value == 0);
        zero.map(|(key, _)| format!("{key}: must be at least 1")).collect()
    }
}
