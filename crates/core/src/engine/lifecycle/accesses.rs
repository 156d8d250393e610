//! Access counts: kept in memory, written in batches off the path of searches.
//!
//! For stores without a log of accesses. Counts are best effort: a crash loses those not written yet, and a shutdown writes them
//! only while it has time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::context::{Context, ContextId, to_millis};
use crate::engine::contexts::Contexts;
use crate::ports::StoreError;
use crate::{Scope, TenantId};

/// Maximum number of contexts whose counts wait; beyond that accesses are lost, and counted as such.
const MAX_WAITING: usize = 100_000;
/// Number of contexts in one batch, those waiting longest first. Each payload write blocks readers for most of a
/// millisecond, so a larger batch would be noticed.
const BATCH: usize = 100;

/// Accesses that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct Accesses(Mutex<HashMap<TenantId, Waiting>>);

/// Accesses to the contexts of one tenant.
#[derive(Debug)]
struct Waiting {
    scope: Scope,
    contexts: HashMap<ContextId, Served>,
}

/// Accesses to one context since they were last written.
#[derive(Debug, Clone, Copy)]
struct Served {
    times: u32,
    first: Timestamp,
    last: Timestamp,
}

fn of_tenant<'a>(waiting: &'a mut HashMap<TenantId, Waiting>, scope: &Scope) -> &'a mut Waiting {
    waiting.entry(scope.tenant().clone()).or_insert_with(|| Waiting {
        scope: scope.clone(),
        contexts: HashMap::new(),
    })
}

impl Accesses {
    /// Counts one access to each context.
    pub(crate) fn record(&self, scope: &Scope, ids: impl IntoIterator<Item = ContextId>, now: Timestamp) {
        let now = to_millis(now);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total: usize = waiting.values().map(|tenant| tenant.contexts.len()).sum();
        let mut lost = 0;
        let tenant = of_tenant(&mut waiting, scope);
        for id in ids {
            if let Some(served) = tenant.contexts.get_mut(&id) {
                served.times = served.times.saturating_add(1);
                served.last = now;
            } else if total < MAX_WAITING {
                total += 1;
                let served = Served {
                    times: 1,
                    first: now,
                    last: now,
                };
                tenant.contexts.insert(id, served);
            } else {
                lost += 1;
            }
        }
        if lost > 0 {
            metrics::counter!(crate::metrics::ACCESSES_LOST).increment(lost);
        }
    }

    /// Takes up to [`BATCH`] contexts of the tenant that has waited longest; `None` when nothing waits.
    fn take(&self) -> Option<(Scope, HashMap<ContextId, Served>)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = |tenant: &Waiting| tenant.contexts.values().map(|served| served.first).min();
        let next = waiting
            .iter()
            .filter_map(|(tenant, contexts)| Some((oldest(contexts)?, tenant)))
            .min()
            .map(|(_, tenant)| tenant.clone())?;
        let mut tenant = waiting.remove(&next)?;
        let scope = tenant.scope.clone();
        if tenant.contexts.len() <= BATCH {
            return Some((scope, tenant.contexts));
        }
        let mut by_age: Vec<(Timestamp, ContextId)> =
            tenant.contexts.iter().map(|(id, served)| (served.first, *id)).collect();
        by_age.sort_unstable();
        let batch = by_age
            .into_iter()
            .take(BATCH)
            .filter_map(|(_, id)| tenant.contexts.remove_entry(&id))
            .collect();
        waiting.insert(next, tenant);
        Some((scope, batch))
    }

    /// Forgets accesses to deleted contexts.
    pub(crate) fn forget(&self, scope: &Scope, contexts: &[Context]) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tenant) = waiting.get_mut(scope.tenant()) {
            for context in contexts {
                tenant.contexts.remove(&context.id);
            }
        }
    }

    /// Puts back a batch that was not written.
    fn put_back(&self, scope: &Scope, served: HashMap<ContextId, Served>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tenant = of_tenant(&mut waiting, scope);
        for (id, old) in served {
            let served = tenant.contexts.entry(id).or_insert(Served { times: 0, ..old });
            served.times = served.times.saturating_add(old.times);
            served.first = served.first.min(old.first);
            served.last = served.last.max(old.last);
        }
    }
}

/// Writes one batch and returns its number of contexts; 0 when nothing waits. After an error, the batch waits for the
/// next call.
pub(crate) async fn flush(contexts: Contexts<'_>, accesses: &Accesses) -> Result<usize, StoreError> {
    let Some((scope, served)) = accesses.take() else {
        return Ok(0);
    };
    let count = served.len();
    if let Err(error) = write(contexts, &scope, &served).await {
        accesses.put_back(&scope, served);
        return Err(error);
    }
    Ok(count)
}

async fn write(at: Contexts<'_>, scope: &Scope, served: &HashMap<ContextId, Served>) -> Result<(), StoreError> {
    let ids: Vec<ContextId> = served.keys().copied().collect();
    // Read for their sessions, which are locked, too.
    let contexts = at.store.get(scope, &ids).await?;
    let _locks = at.locks.lock_contexts(scope.tenant(), &contexts).await;
    let current = at.store.get(scope, &ids).await?;
    let mut counted = current.clone();
    for context in &mut counted {
        if let Some(served) = served.get(&context.id) {
            context.access_count = context.access_count.saturating_add(u64::from(served.times));
            context.last_accessed_at = context.last_accessed_at.max(Some(served.last));
        }
    }
    // A change that another process makes meanwhile costs the count.
    let changes = current.into_iter().zip(counted).collect();
    at.store.update_unchanged(scope, changes).await.map(drop)
}
