//! Rate limits.

use std::num::NonZeroU32;

use context_manager_resilience::Rate;
use serde::{Deserialize, Serialize};

use super::problems::zeros;

/// Rate limits. By default there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitsConfig {
    /// Maximum number of keys, of tenants and of addresses that are counted apart; further ones share one limit.
    pub max_callers: usize,
    /// Requests of a client address (a /64 network for IPv6) except for health and metrics, before authentication.
    pub per_address: RateConfig,
    /// Calls with a key.
    pub per_key: CallRatesConfig,
    /// Calls of a tenant with all its keys.
    pub per_tenant: CallRatesConfig,
}

impl Default for RateLimitsConfig {
    fn default() -> Self {
        Self {
            max_callers: 100_000,
            per_address: RateConfig::default(),
            per_key: CallRatesConfig::default(),
            per_tenant: CallRatesConfig::default(),
        }
    }
}

/// Rates by kind of call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallRatesConfig {
    /// Reads, searches and assembled prompts.
    pub read: RateConfig,
    /// Writes and deletions; a batch counts as the number of its contexts.
    pub write: RateConfig,
    /// Administrative calls.
    pub admin: RateConfig,
}

/// A rate and its burst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// Calls per second; 0 is no limit.
    pub per_sec: u32,
    /// Maximum number of calls at once; 0 is `per_sec`.
    pub burst: u32,
}

impl RateConfig {
    /// Returns the rate, if there is a limit.
    pub fn rate(self) -> Option<Rate> {
        let per_sec = NonZeroU32::new(self.per_sec)?;
        let burst = NonZeroU32::new(self.burst).unwrap_or(per_sec);
        Some(Rate { per_sec, burst })
    }
}

impl RateLimitsConfig {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = zeros(&[("max_callers", self.max_callers as u64)]);
        let rates = [
            ("per_address", self.per_address),
            ("per_key.read", self.per_key.read),
            ("per_key.write", self.per_key.write),
            ("per_key.admin", self.per_key.admin),
            ("per_tenant.read", self.per_tenant.read),
            ("per_tenant.write", self.per_tenant.write),
            ("per_tenant.admin", self.per_tenant.admin),
        ];
        for (key, rate) in rates {
            if rate.per_sec == 0 && rate.burst > 0 {
                problems.push(format!("{key}.per_sec: is needed beside burst"));
            }
        }
        problems
    }
}
