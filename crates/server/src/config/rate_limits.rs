//! How often callers may call.

use std::num::NonZeroU32;

use context_manager_resilience::Rate;
use serde::{Deserialize, Serialize};

/// How often callers may call. Nothing is limited unless it is given here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitsConfig {
    /// How many keys, tenants and addresses are told apart, each; newcomers beyond share one allowance.
    pub max_callers: usize,
    /// Requests of one client address (an IPv6 network of 64 bits counts as one) but for health and metrics, before it is
    /// known who it is.
    pub per_address: RateConfig,
    /// Calls with one key.
    pub per_key: CallRatesConfig,
    /// Calls of one tenant, with all its keys.
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

/// A rate for each kind of call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallRatesConfig {
    /// Reading, searching, assembling.
    pub read: RateConfig,
    /// Storing, changing, deleting; a batch counts as many as its contexts.
    pub write: RateConfig,
    /// Administrative calls.
    pub admin: RateConfig,
}

/// How much, and how much at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// Calls a second; 0 is no limit.
    pub per_sec: u32,
    /// Calls at once; 0 is as many as in a second.
    pub burst: u32,
}

impl RateConfig {
    /// The rate, if there is a limit.
    pub fn rate(self) -> Option<Rate> {
        let per_sec = NonZeroU32::new(self.per_sec)?;
        let burst = NonZeroU32::new(self.burst).unwrap_or(per_sec);
        Some(Rate { per_sec, burst })
    }
}

impl RateLimitsConfig {
    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = super::zeros(&[("max_callers", self.max_callers as u64)]);
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
