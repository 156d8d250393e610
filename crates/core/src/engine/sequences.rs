//! Creation numbers: microseconds since the epoch, made unique.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use moka::sync::Cache;

use crate::ports::{ListRequest, StoreError, VectorStore};
use crate::{Scope, TenantId};

/// Maximum number of tenants whose newest number is known to be passed; another one costs a look-up in the store.
const REMEMBERED: u64 = 100_000;

/// Generator of [`Context::sequence`](crate::Context::sequence).
#[derive(Debug)]
pub(super) struct Sequences {
    store: Arc<dyn VectorStore>,
    last: AtomicU64,
    /// Tenants whose newest stored number `last` follows.
    seeded: Cache<TenantId, ()>,
}

impl Sequences {
    pub(super) fn new(store: Arc<dyn VectorStore>) -> Self {
        Self {
            store,
            last: AtomicU64::new(0),
            seeded: Cache::new(REMEMBERED),
        }
    }

    /// Makes the following numbers exceed all stored ones of the tenant, also those from a clock that was ahead.
    pub(super) async fn seed(&self, scope: &Scope) -> Result<(), StoreError> {
        if self.seeded.contains_key(scope.tenant()) {
            return Ok(());
        }
        let newest = ListRequest {
            limit: 1,
            ..ListRequest::default()
        };
        if let Some(newest) = self.store.list(scope, newest).await?.items.pop() {
            self.last.fetch_max(newest.context.sequence, Ordering::Relaxed);
        }
        self.seeded.insert(scope.tenant().clone(), ());
        Ok(())
    }

    /// Returns the next number, larger than all before it.
    pub(super) fn next(&self, now: Timestamp) -> u64 {
        let micros = sequence_at(now);
        let next = |last: u64| Some(micros.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        // The closure never returns `None`, so the update always succeeds with the previous value.
        micros.max(last.unwrap_or_default() + 1)
    }

    /// Looks the tenant's newest number up again before the next one is used.
    pub(super) fn forget(&self, tenant: &TenantId) {
        self.seeded.invalidate(tenant);
    }

    pub(super) fn forget_all(&self) {
        self.seeded.invalidate_all();
    }
}

/// Returns the number that belongs to a time.
pub(super) fn sequence_at(time: Timestamp) -> u64 {
    u64::try_from(time.as_microsecond()).unwrap_or(0)
}
