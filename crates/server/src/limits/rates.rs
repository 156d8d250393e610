//! Rate limits: by address before the caller is known, then by key and by tenant.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use context_manager_core::TenantId;
use context_manager_redis::{Limited, RedisRates};
use context_manager_resilience::{Allowance, RateLimited, RateLimiter};

use crate::config::{CallRatesConfig, RateConfig, RateLimitsConfig};

/// Counter of calls that a rate limit refused; label `limit`.
pub(super) const RATE_LIMITED: &str = "context_manager_rate_limited_total";

/// Kind of a call; each has limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    Read,
    Write,
    Admin,
}

/// Callers whose calls are counted together: those with one key, and those of its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CallerKey {
    tenant: TenantId,
    key: Arc<str>,
}

impl CallerKey {
    /// Creates the caller of this tenant with the key of this id.
    pub(crate) fn new(tenant: TenantId, key: Arc<str>) -> Self {
        Self { tenant, key }
    }
}

/// All rate limits. Those of keys and tenants are shared with other servers while Redis answers, and count the calls of this
/// server alone otherwise; those of addresses always do.
#[derive(Debug)]
pub(crate) struct Rates {
    shared: Option<RedisRates>,
    addresses: Option<Limit<IpAddr>>,
    keys: [Option<Limit<CallerKey>>; 3],
    tenants: [Option<Limit<TenantId>>; 3],
}

/// Remaining share of a caller under one limit: the limit's name, and its state.
pub(crate) type RateLimitShare = (&'static str, Allowance);

/// Refusal of a call that came too early.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) cause: RateLimited,
}

/// Usage of one limit since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitUse {
    pub(crate) name: &'static str,
    pub(crate) callers: usize,
    pub(crate) passed: u64,
    pub(crate) refused: u64,
}

#[derive(Debug)]
struct Limit<K: std::hash::Hash + Eq + Clone> {
    name: &'static str,
    limiter: RateLimiter<K>,
    passed: AtomicU64,
    refused: AtomicU64,
}

impl<K: std::hash::Hash + Eq + Clone> Limit<K> {
    fn new(name: &'static str, config: RateConfig, max_callers: usize) -> Option<Self> {
        let rate = config.rate()?;
        Some(Self {
            name,
            limiter: RateLimiter::new(rate, max_callers),
            passed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    fn check(&self, caller: &K, cost: NonZeroU32) -> Result<RateLimitShare, Refusal> {
        match self.limiter.check(caller, cost) {
            Ok(allowance) => Ok(self.pass(allowance)),
            Err(cause) => Err(self.refuse(cause)),
        }
    }

    fn pass(&self, allowance: Allowance) -> RateLimitShare {
        self.passed.fetch_add(1, Ordering::Relaxed);
        (self.name, allowance)
    }

    fn refuse(&self, cause: RateLimited) -> Refusal {
        self.refused.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(RATE_LIMITED, "limit" => self.name).increment(1);
        Refusal { name: self.name, cause }
    }

    fn used(&self) -> LimitUse {
        LimitUse {
            name: self.name,
            callers: self.limiter.callers(),
            passed: self.passed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

impl Rates {
    pub(super) fn new(config: &RateLimitsConfig) -> Self {
        let most = config.max_callers;
        let CallRatesConfig { read, write, admin } = config.per_key;
        let keys = [
            Limit::new("key-read", read, most),
            Limit::new("key-write", write, most),
            Limit::new("key-admin", admin, most),
        ];
        let CallRatesConfig { read, write, admin } = config.per_tenant;
        let tenants = [
            Limit::new("tenant-read", read, most),
            Limit::new("tenant-write", write, most),
            Limit::new("tenant-admin", admin, most),
        ];
        Self {
            shared: None,
            addresses: Limit::new("address", config.per_address, most),
            keys,
            tenants,
        }
    }

    /// Counts the calls to all servers together.
    pub(crate) fn share(&mut self, shared: RedisRates) {
        self.shared = Some(shared);
    }

    /// Counts a call, `cost` times. The key comes first: a key that is refused takes nothing from its tenant's others.
    ///
    /// # Errors
    /// [`Refusal`] by the limit that is exceeded.
    pub(crate) async fn charge(
        &self,
        caller: &CallerKey,
        kind: CallKind,
        cost: NonZeroU32,
    ) -> Result<Vec<RateLimitShare>, Refusal> {
        let key = self.keys[kind as usize].as_ref();
        let tenant = self.tenants[kind as usize].as_ref();
        if let Some(shared) = &self.shared
            && let Some(charged) = charge_shared(shared, caller, key, tenant, cost).await
        {
            return charged;
        }
        let key = key.map(|limit| limit.check(caller, cost)).transpose()?;
        let tenant = tenant.map(|limit| limit.check(&caller.tenant, cost)).transpose()?;
        Ok(key.into_iter().chain(tenant).collect())
    }

    /// Counts a call of an address.
    ///
    /// # Errors
    /// [`Refusal`] when the limit of addresses is exceeded.
    pub(crate) fn charge_address(&self, address: IpAddr) -> Result<(), Refusal> {
        match &self.addresses {
            Some(limit) => limit.check(&address, NonZeroU32::MIN).map(drop),
            None => Ok(()),
        }
    }

    /// Forgets callers that have been idle.
    pub(crate) fn forget_idle(&self) {
        if let Some(limit) = &self.addresses {
            limit.limiter.forget_idle();
        }
        for limit in self.keys.iter().flatten() {
            limit.limiter.forget_idle();
        }
        for limit in self.tenants.iter().flatten() {
            limit.limiter.forget_idle();
        }
    }

    /// Returns the usage of every configured limit.
    pub(crate) fn used(&self) -> Vec<LimitUse> {
        let addresses = self.addresses.iter().map(Limit::used);
        let keys = self.keys.iter().flatten().map(Limit::used);
        let tenants = self.tenants.iter().flatten().map(Limit::used);
        addresses.chain(keys).chain(tenants).collect()
    }
}

/// Counts a call among those of all servers; `None` if there is nothing to count, or Redis does not answer.
async fn charge_shared(
    shared: &RedisRates,
    caller: &CallerKey,
    key: Option<&Limit<CallerKey>>,
    tenant: Option<&Limit<TenantId>>,
    cost: NonZeroU32,
) -> Option<Result<Vec<RateLimitShare>, Refusal>> {
    let of_key = key.map(|limit| Limited {
        limit: limit.name,
        caller: &caller.key,
        rate: limit.limiter.rate(),
    });
    let of_tenant = tenant.map(|limit| Limited {
        limit: limit.name,
        caller: "",
        rate: limit.limiter.rate(),
    });
    let limits: Vec<Limited<'_>> = of_key.into_iter().chain(of_tenant).collect();
    if limits.is_empty() {
        return None;
    }
    let charged = match shared.charge(&caller.tenant, &limits, cost).await {
        Ok(charged) => charged,
        Err(error) => {
            tracing::debug!(%error, "limiting the calls of this server alone");
            return None;
        }
    };
    Some(match charged {
        Ok(allowances) => {
            let mut allowances = allowances.into_iter();
            let key = key.and_then(|limit| Some(limit.pass(allowances.next()?)));
            let tenant = tenant.and_then(|limit| Some(limit.pass(allowances.next()?)));
            Ok(key.into_iter().chain(tenant).collect())
        }
        Err((0, cause)) if key.is_some() => Err(key?.refuse(cause)),
        Err((_, cause)) => Err(tenant?.refuse(cause)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(tenant: &str, key: &str) -> CallerKey {
        CallerKey::new(TenantId::try_new(tenant).unwrap(), key.into())
    }

    fn rates(per_key: u32, per_tenant: u32) -> Rates {
        let write = |burst| CallRatesConfig {
            write: RateConfig { per_sec: 1, burst },
            ..CallRatesConfig::default()
        };
        let config = RateLimitsConfig {
            per_key: write(per_key),
            per_tenant: write(per_tenant),
            ..RateLimitsConfig::default()
        };
        Rates::new(&config)
    }

    async fn passes(rates: &Rates, caller: &CallerKey, cost: u32) -> Result<(), &'static str> {
        let charged = rates.charge(caller, CallKind::Write, NonZeroU32::new(cost).unwrap());
        charged.await.map(drop).map_err(|refusal| refusal.name)
    }

    #[tokio::test]
    async fn keys_share_what_their_tenant_has_and_tenants_share_nothing() {
        let rates = rates(3, 5);
        let (one, two, other) = (caller("a", "1"), caller("a", "2"), caller("b", "1"));
        assert_eq!(passes(&rates, &one, 3).await, Ok(()));
        assert_eq!(passes(&rates, &one, 1).await, Err("key-write"));
        assert_eq!(
            passes(&rates, &two, 2).await,
            Ok(()),
            "what was refused took nothing from the tenant"
        );
        assert_eq!(passes(&rates, &two, 1).await, Err("tenant-write"));
        assert_eq!(passes(&rates, &other, 3).await, Ok(()));
    }

    #[tokio::test]
    async fn kinds_of_calls_are_counted_apart_and_what_has_no_limit_not_at_all() {
        let rates = rates(1, 1);
        assert_eq!(passes(&rates, &caller("a", "1"), 1).await, Ok(()));
        for _ in 0..100 {
            let read = rates.charge(&caller("a", "1"), CallKind::Read, NonZeroU32::MIN).await;
            assert!(read.unwrap().is_empty());
        }
        let used = rates.used();
        assert_eq!(
            used.iter().map(|limit| limit.name).collect::<Vec<_>>(),
            ["key-write", "tenant-write"]
        );
        assert_eq!((used[0].callers, used[0].passed, used[0].refused), (1, 1, 0));
    }
}
