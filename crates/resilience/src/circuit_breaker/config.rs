//! Settings of a circuit breaker.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Maximum length of the window, as each circuit keeps it in memory.
const MAX_WINDOW: u32 = 10_000;
/// Maximum time that a circuit stays open: a year, which every clock can add.
const MAX_OPEN_MS: u64 = 365 * 24 * 3_600 * 1_000;

/// Settings of a circuit breaker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreakerConfig {
    /// Number of consecutive failures that open the circuit, at least 1.
    pub consecutive_failures: u32,
    /// Share of failures among the last `window` calls that opens the circuit, above 0 to 1; above 1 switches it off.
    pub failure_rate: f32,
    /// Number of calls the rate is taken over, 1 to 10000; before that many, only consecutive failures count.
    pub window: u32,
    /// Milliseconds after which a call counts as failed; 0 sets no limit.
    pub slow_call_ms: u64,
    /// Milliseconds the circuit stays open at first; doubled after each probe that fails.
    pub open_ms: u64,
    /// Maximum milliseconds the circuit stays open.
    pub max_open_ms: u64,
    /// Number of concurrent calls a half-open circuit admits, at least 1; as many successes close it.
    pub half_open_probes: u32,
}

impl Default for CircuitBreakerConfig {
    /// Five failures in a row, or half of twenty; open for one second at first and half a minute at most; two probes.
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failure_rate: 0.5,
            window: 20,
            slow_call_ms: 0,
            open_ms: 1_000,
            max_open_ms: 30_000,
            half_open_probes: 2,
        }
    }
}

impl CircuitBreakerConfig {
    /// Returns every problem, each as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let checks = [
            (
                self.consecutive_failures == 0,
                "consecutive_failures: must be at least 1",
            ),
            (
                !(1..=MAX_WINDOW).contains(&self.window),
                "window: must be from 1 to 10000",
            ),
            (self.half_open_probes == 0, "half_open_probes: must be at least 1"),
            (
                self.failure_rate.is_nan() || self.failure_rate <= 0.0,
                "failure_rate: must be above 0",
            ),
            (
                self.open_ms == 0 || self.max_open_ms < self.open_ms,
                "open_ms: must be at least 1, and max_open_ms not less",
            ),
        ];
        let failed = checks.into_iter().filter(|(failed, _)| *failed);
        failed.map(|(_, problem)| problem.to_owned()).collect()
    }

    /// Returns the time that a circuit stays open, without jitter, after opening `times` times in a row.
    pub(super) fn open_for(&self, times: u32) -> Duration {
        let factor = 2_u64.saturating_pow(times.saturating_sub(1));
        let most = self.max_open_ms.min(MAX_OPEN_MS);
        Duration::from_millis(self.open_ms.saturating_mul(factor).min(most))
    }

    /// Tells whether a call of this duration counts as failed.
    pub(super) fn is_slow(&self, took: Duration) -> bool {
        self.slow_call_ms > 0 && took > Duration::from_millis(self.slow_call_ms)
    }
}
