//! Quotas of tenants.
//!
//! A tenant's contexts are counted in the store when it first stores one, at intervals, and when its quota seems used up;
//! in between, writes are added. Only a caller who would be refused otherwise waits for a count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use context_manager_core::{Context, ContextEngine, ContextId, Error, NewContext, Patch, Scope, TenantId};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::config::QuotasConfig;

/// Counter of contexts that were not stored because a quota was used up.
pub(super) const QUOTA_EXCEEDED: &str = "context_manager_quota_exceeded_total";
/// Minimum interval of counting the contexts of a tenant at its limit, which never takes more than a twentieth of the time.
const SOONEST_RECOUNT: Duration = Duration::from_secs(1);
const RECOUNT_PAUSE: u32 = 20;
/// Maximum number of contexts of a tenant whose changes are measured at once.
const CHANGES_AT_ONCE: usize = 16;

/// Number of contexts, and of bytes of their text, tags and metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Amount {
    contexts: u64,
    bytes: u64,
}

impl Amount {
    /// Amount of contexts with these bytes in all.
    fn new(contexts: u64, bytes: usize) -> Self {
        Self {
            contexts,
            bytes: bytes as u64,
        }
    }

    fn plus(self, other: Self) -> Self {
        self.combine(other, u64::saturating_add)
    }

    fn minus(self, other: Self) -> Self {
        self.combine(other, u64::saturating_sub)
    }

    fn combine(self, other: Self, of: fn(u64, u64) -> u64) -> Self {
        Self {
            contexts: of(self.contexts, other.contexts),
            bytes: of(self.bytes, other.bytes),
        }
    }
}

/// Reason for reserving no room.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRoom {
    #[error("{0}")]
    QuotaExceeded(String),
    /// The contexts of the tenant could not be counted.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Quotas of all tenants that have stored something.
#[derive(Debug)]
pub(crate) struct Quotas {
    config: QuotasConfig,
    tenants: Mutex<HashMap<TenantId, Arc<TenantUsage>>>,
}

/// Usage of one tenant.
#[derive(Debug, Default)]
struct TenantUsage {
    amount: Mutex<Counted>,
    /// End and duration of the last count. Locked while counting.
    last_count: tokio::sync::Mutex<Option<(Instant, Duration)>>,
    /// Locks of contexts that are being changed, by their ids: a size is only true until the next change.
    changes: [Arc<tokio::sync::Mutex<()>>; CHANGES_AT_ONCE],
}

#[derive(Debug, Default)]
struct Counted {
    in_store: Amount,
    /// Stored since that count began.
    since: Amount,
    /// About to be stored.
    reserved: Amount,
}

/// Room reserved for a write; dropping it gives the room back.
#[derive(Debug, Default)]
#[must_use = "dropping it gives the room back"]
pub(crate) struct Reservation {
    of: Option<(Arc<TenantUsage>, Amount)>,
    /// Room that becomes free once it has been stored.
    freed: Amount,
    change: Option<OwnedMutexGuard<()>>,
}

impl Reservation {
    /// Counts it as stored.
    pub(crate) fn keep(self) {
        if let Some((usage, amount)) = &self.of {
            let mut counted = usage.lock();
            let since = counted.since.plus(*amount);
            counted.since = since.minus(self.freed);
            counted.in_store = counted.in_store.minus(self.freed.minus(since));
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some((usage, amount)) = &self.of {
            let mut counted = usage.lock();
            counted.reserved = counted.reserved.minus(*amount);
        }
        // The next change can be measured now.
        drop(self.change.take());
    }
}

impl TenantUsage {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        // Plain numbers: a panic leaves nothing half done.
        self.amount.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the contexts in the store, if that is due.
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
        counted.since = counted.since.minus(before);
        drop(counted);
        *last = Some((Instant::now(), start.elapsed()));
        Ok(())
    }
}

/// Reason for counting.
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

    /// Reserves room for a context. An invalid one needs none, as it will be refused.
    ///
    /// # Errors
    /// [`NoRoom`] when the tenant's quota is used up, or its contexts cannot be counted.
    pub(crate) async fn reserve(
        &self,
        engine: &ContextEngine,
        scope: &Scope,
        context: &NewContext,
    ) -> Result<Reservation, NoRoom> {
        if !self.are_set() || !context.validate("").is_empty() {
            return Ok(Reservation::default());
        }
        let wanted = Amount::new(1, context.content_bytes());
        self.reserve_amount(engine, scope, wanted).await
    }

    /// Reserves room for an imported context.
    ///
    /// # Errors
    /// As [`Quotas::reserve`].
    pub(crate) async fn reserve_import(
        &self,
        engine: &ContextEngine,
        scope: &Scope,
        context: &Context,
    ) -> Result<Reservation, NoRoom> {
        if !self.are_set() {
            return Ok(Reservation::default());
        }
        let wanted = Amount::new(1, context.content_bytes());
        self.reserve_amount(engine, scope, wanted).await
    }

    /// Reserves the room that a change adds to a context, or frees the room that it gives up. An invalid change, or one of an
    /// unknown context, needs none, as it will be refused.
    ///
    /// # Errors
    /// As [`Quotas::reserve`].
    pub(crate) async fn reserve_change(
        &self,
        engine: &ContextEngine,
        scope: &Scope,
        id: ContextId,
        patch: &Patch,
    ) -> Result<Reservation, NoRoom> {
        let changes_size = patch.text.is_some() || patch.tags.is_some() || patch.metadata.is_some();
        if self.config.max_bytes == 0 || !changes_size || !patch.validate().is_empty() {
            return Ok(Reservation::default());
        }
        let stripe = id.0.as_u128() % CHANGES_AT_ONCE as u128;
        let change = Arc::clone(&self.usage_of(scope).changes[usize::try_from(stripe).unwrap_or_default()]);
        let change = change.lock_owned().await;
        let context = match engine.get(scope, id).await {
            Ok(context) => context,
            Err(Error::NotFound(_)) => return Ok(Reservation::default()),
            Err(error) => return Err(error.into()),
        };
        let (before, after) = (context.content_bytes(), patch.content_bytes_of(&context));
        let grown = Amount::new(0, after.saturating_sub(before));
        let mut room = self.reserve_amount(engine, scope, grown).await?;
        room.freed = Amount::new(0, before.saturating_sub(after));
        room.change = Some(change);
        Ok(room)
    }

    async fn reserve_amount(
        &self,
        engine: &ContextEngine,
        scope: &Scope,
        wanted: Amount,
    ) -> Result<Reservation, NoRoom> {
        let usage = self.usage_of(scope);
        let bytes = self.config.max_bytes > 0;
        usage.count(engine, scope, bytes, Due::FirstTime).await?;
        if let Ok(reservation) = self.take(&usage, wanted) {
            return Ok(reservation);
        }
        usage.count(engine, scope, bytes, Due::AtLimit).await?;
        self.take(&usage, wanted).map_err(|exceeded| {
            metrics::counter!(QUOTA_EXCEEDED).increment(1);
            NoRoom::QuotaExceeded(exceeded)
        })
    }

    /// Counts the contexts of every tenant that has stored something.
    pub(crate) async fn recount(&self, engine: &ContextEngine) {
        let known: Vec<_> = self
            .tenants()
            .iter()
            .map(|(id, usage)| (id.clone(), Arc::clone(usage)))
            .collect();
        for (tenant, usage) in known {
            let scope = Scope::maintenance(tenant);
            if let Err(error) = usage
                .count(engine, &scope, self.config.max_bytes > 0, Due::Regularly)
                .await
            {
                tracing::warn!(%error, "the contexts of a tenant could not be counted");
            }
        }
    }

    /// Returns whether there is any quota.
    pub(crate) fn are_set(&self) -> bool {
        self.config.max_contexts > 0 || self.config.max_bytes > 0
    }

    fn take(&self, usage: &Arc<TenantUsage>, wanted: Amount) -> Result<Reservation, String> {
        let mut counted = usage.lock();
        let after = counted.in_store.plus(counted.since).plus(counted.reserved).plus(wanted);
        let QuotasConfig {
            max_contexts,
            max_bytes,
            ..
        } = self.config;
        // A write that takes no more room is never refused, not even beyond a quota that was lowered.
        if max_contexts > 0 && wanted.contexts > 0 && after.contexts > max_contexts {
            return Err(format!(
                "the tenant may keep {max_contexts} contexts; delete some to store others"
            ));
        }
        if max_bytes > 0 && wanted.bytes > 0 && after.bytes > max_bytes {
            return Err(format!(
                "the tenant may keep {max_bytes} bytes of text, tags and metadata, and this would make {}; delete \
                 contexts to store others",
                after.bytes
            ));
        }
        counted.reserved = counted.reserved.plus(wanted);
        Ok(Reservation {
            of: Some((Arc::clone(usage), wanted)),
            freed: Amount::default(),
            change: None,
        })
    }

    fn usage_of(&self, scope: &Scope) -> Arc<TenantUsage> {
        Arc::clone(self.tenants().entry(scope.tenant().clone()).or_default())
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<TenantUsage>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
