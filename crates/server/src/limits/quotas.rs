//! How much a tenant may keep.
//!
//! What is there is counted in the store when a tenant first stores something, now and then, and when the limit seems to
//! be reached; in between, what is stored is added. A count holds nobody up but the one who would be refused without it.

use std::collections::HashMap;
use std::ops::{Add, Sub};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use context_manager_core::{ContextEngine, Error, NewContext, Scope, TenantId};
use tokio::time::Instant;

use crate::config::QuotasConfig;
use crate::http::{Code, Problem};

/// Counter of contexts that were not stored because a quota was used up.
pub(super) const QUOTA_EXCEEDED: &str = "context_manager_quota_exceeded_total";
/// A tenant at its limit has its contexts counted this often at most, and never for more than a twentieth of the time.
const SOONEST_RECOUNT: Duration = Duration::from_secs(1);
const RECOUNT_PAUSE: u32 = 20;

/// How many contexts, and how many bytes of text, tags and metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Amount {
    contexts: u64,
    bytes: u64,
}

impl Amount {
    /// What storing this takes.
    fn of(context: &NewContext) -> Self {
        Self {
            contexts: 1,
            bytes: context.content_bytes() as u64,
        }
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            contexts: self.contexts.saturating_add(other.contexts),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            contexts: self.contexts.saturating_sub(other.contexts),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// What every tenant keeps, as far as it matters.
#[derive(Debug)]
pub(crate) struct Quotas {
    config: QuotasConfig,
    tenants: Mutex<HashMap<TenantId, Arc<Kept>>>,
}

/// What one tenant keeps.
#[derive(Debug, Default)]
struct Kept {
    amount: Mutex<Counted>,
    /// One count at a time: when the last one ended, and how long it took.
    last_count: tokio::sync::Mutex<Option<(Instant, Duration)>>,
}

#[derive(Debug, Default)]
struct Counted {
    in_store: Amount,
    /// Stored since that count began.
    since: Amount,
    /// About to be stored.
    reserved: Amount,
}

/// Room for what is about to be stored; dropping it gives the room back.
#[derive(Debug)]
#[must_use = "dropping it gives the room back"]
pub(crate) struct Reservation {
    of: Option<(Arc<Kept>, Amount)>,
}

impl Reservation {
    /// It has been stored.
    pub(crate) fn keep(self) {
        if let Some((kept, amount)) = &self.of {
            let mut counted = kept.lock();
            counted.since = counted.since + *amount;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some((kept, amount)) = &self.of {
            let mut counted = kept.lock();
            counted.reserved = counted.reserved - *amount;
        }
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        // Numbers that are replaced whole: a panic leaves nothing half done.
        self.amount.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what is in the store, if that is due.
    async fn count(&self, engine: &ContextEngine, scope: &Scope, bytes: bool, due: Due) -> Result<(), Error> {
        let mut last = self.last_count.lock().await;
        if let Some((ended, took)) = *last {
            let soonest = SOONEST_RECOUNT.max(took * RECOUNT_PAUSE);
            if due == Due::FirstTime || (due == Due::AtLimit && ended.elapsed() < soonest) {
                return Ok(());
            }
        }
        let start = Instant::now();
        let before = self.lock().since;
        let usage = engine.usage(scope, bytes).await?;
        let mut counted = self.lock();
        counted.in_store = Amount {
            contexts: usage.contexts,
            bytes: usage.bytes,
        };
        counted.since = counted.since - before;
        drop(counted);
        *last = Some((Instant::now(), start.elapsed()));
        Ok(())
    }
}

/// Why something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    FirstTime,
    AtLimit,
    Regularly,
}

impl Quotas {
    pub(super) fn new(config: QuotasConfig) -> Self {
        Self {
            config,
            tenants: Mutex::default(),
        }
    }

    /// Makes room for a context. One that is not valid needs none: whoever stores it will say so.
    ///
    /// # Errors
    /// 403 when the tenant's quota is used up; the store's problem when it cannot be counted.
    pub(crate) async fn reserve(
        &self,
        engine: &ContextEngine,
        scope: &Scope,
        context: &NewContext,
    ) -> Result<Reservation, Problem> {
        if !self.are_set() || !context.validate("").is_empty() {
            return Ok(Reservation { of: None });
        }
        let wanted = Amount::of(context);
        let kept = Arc::clone(self.tenants().entry(scope.tenant().clone()).or_default());
        let bytes = self.config.max_bytes > 0;
        kept.count(engine, scope, bytes, Due::FirstTime).await?;
        if let Ok(reservation) = self.take(&kept, wanted) {
            return Ok(reservation);
        }
        kept.count(engine, scope, bytes, Due::AtLimit).await?;
        self.take(&kept, wanted).map_err(|exceeded| {
            metrics::counter!(QUOTA_EXCEEDED).increment(1);
            Problem::new(Code::Forbidden).with_detail(exceeded)
        })
    }

    /// Counts anew what the tenants keep that have stored something.
    pub(crate) async fn recount(&self, engine: &ContextEngine) {
        let known: Vec<_> = self
            .tenants()
            .iter()
            .map(|(id, kept)| (id.clone(), Arc::clone(kept)))
            .collect();
        for (tenant, kept) in known {
            let scope = Scope::maintenance(tenant);
            if let Err(error) = kept
                .count(engine, &scope, self.config.max_bytes > 0, Due::Regularly)
                .await
            {
                tracing::warn!(%error, "what a tenant keeps could not be counted");
            }
        }
    }

    /// Whether there is any quota.
    pub(crate) fn are_set(&self) -> bool {
        self.config.max_contexts > 0 || self.config.max_bytes > 0
    }

    fn take(&self, kept: &Arc<Kept>, wanted: Amount) -> Result<Reservation, String> {
        let mut counted = kept.lock();
        let after = counted.in_store + counted.since + counted.reserved + wanted;
        let QuotasConfig {
            max_contexts,
            max_bytes,
            ..
        } = self.config;
        if max_contexts > 0 && after.contexts > max_contexts {
            return Err(format!(
                "the tenant may keep {max_contexts} contexts; delete some to store others"
            ));
        }
        if max_bytes > 0 && after.bytes > max_bytes {
            return Err(format!(
                "the tenant may keep {max_bytes} bytes of text, tags and metadata, and this would make {}; delete \
                 contexts to store others",
                after.bytes
            ));
        }
        counted.reserved = counted.reserved + wanted;
        Ok(Reservation {
            of: Some((Arc::clone(kept), wanted)),
        })
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Kept>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
