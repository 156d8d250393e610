//! When a circuit opens, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The longest window there is room for.
pub(super) const MAX_WINDOW: u8 = 32;
/// The most probes there is room for.
const MAX_PROBES: u32 = 255;

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreakerConfig {
    /// It opens after so many failures in a row, 1 to 32.
    pub consecutive_failures: u32,
    /// It opens when this part of the last `window` calls failed, above 0 to 1; above 1 switches it off.
    pub failure_rate: f32,
    /// How many calls count for the rate, 1 to 32; before there were as many, only failures in a row count.
    pub window: u32,
    /// A call that takes longer than this many milliseconds counts as failed; 0 lets it take as long as it likes.
    pub slow_call_ms: u64,
    /// How many milliseconds it stays open at first. Twice as long after each probe that fails.
    pub open_ms: u64,
    /// How many milliseconds it stays open at most.
    pub max_open_ms: u64,
    /// How many calls are let through at once to try, 1 to 255. As many successes close it.
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
    /// Everything that is wrong, each as `key: what is expected`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, value, most) in [
            ("consecutive_failures", self.consecutive_failures, u32::from(MAX_WINDOW)),
            ("window", self.window, u32::from(MAX_WINDOW)),
            ("half_open_probes", self.half_open_probes, MAX_PROBES),
        ] {
            if !(1..=most).contains(&value) {
                problems.push(format!("{key}: must be from 1 to {most}"));
            }
        }
        if self.failure_rate.is_nan() || self.failure_rate <= 0.0 {
            problems.push("failure_rate: must be above 0".to_owned());
        }
        if self.open_ms == 0 || self.max_open_ms < self.open_ms {
            problems.push("open_ms: must be at least 1, and max_open_ms not less".to_owned());
        }
        problems
    }

    /// How long a circuit stays open that has opened `streak` times since it was last closed, before jitter.
    pub(super) fn open_for(&self, streak: u8) -> Duration {
        let times = 2_u64.saturating_pow(u32::from(streak.saturating_sub(1)));
        Duration::from_millis(self.open_ms.saturating_mul(times).min(self.max_open_ms))
    }

    /// Whether a call that took so long counts as failed.
    pub(super) fn is_slow(&self, took: Duration) -> bool {
        self.slow_call_ms > 0 && took > Duration::from_millis(self.slow_call_ms)
    }
}
