//! Settings of batching.

use serde::{Deserialize, Serialize};

/// How texts are gathered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchConfig {
    /// How many milliseconds a text waits for others to share its request; a full batch goes at once.
    pub batch_wait_ms: u64,
    /// How many texts may wait for their request or its answer; more are turned away.
    pub queue_size: usize,
    /// How many requests with gathered texts run at once.
    pub concurrent_requests: usize,
}

impl Default for BatchConfig {
    /// Two milliseconds are little beside any model that is worth a service of its own.
    fn default() -> Self {
        Self {
            batch_wait_ms: 2,
            queue_size: 1024,
            concurrent_requests: 4,
        }
    }
}

impl BatchConfig {
    /// Everything that is wrong, each as `key: what is expected`.
    pub fn problems(&self) -> Vec<String> {
        let at_least_one = [
            ("queue_size", self.queue_size),
            ("concurrent_requests", self.concurrent_requests),
        ];
        let zero = at_least_one.into_iter().filter(|(_, value)| *value == 0);
        zero.map(|(key, _)| format!("{key}: must be at least 1")).collect()
    }
}
