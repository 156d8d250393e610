//! How often contexts were served: counted in memory, written in batches off the path of searches.
//!
//! A crash loses the counts that were not written yet, which nobody was promised; a shutdown writes what it has time for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::ContextEngine;
use super::locks::Key;
use crate::context::{ContextId, to_millis};
use crate::ports::StoreError;
use crate::{Scope, TenantId};

/// How many contexts wait to be written at most. Beyond that accesses are lost, and counted as such.
const MAX_WAITING: usize = 100_000;
/// How many contexts one writing takes, the longest waiting first. Replacing a payload keeps readers out for most of a
/// millisecond, so more at once would be noticed; what is asked often is counted in memory and written once.
const BATCH: usize = 100;

/// Accesses that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Accesses(Mutex<HashMap<TenantId, Waiting>>);

/// Of one tenant.
#[derive(Debug)]
struct Waiting {
    scope: Scope,
    contexts: HashMap<ContextId, Served>,
}

/// How often a context was served since it was last written, and when.
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
    /// Counts one access to each.
    pub(super) fn record(&self, scope: &Scope, ids: impl IntoIterator<Item = ContextId>, now: Timestamp) {
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

    /// Takes up to [`BATCH`] contexts of one tenant, those waiting longest first; `None` when nothing waits.
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
}

impl Accesses {
    /// Forgets accesses to contexts that are gone.
    pub(super) fn forget(&self, scope: &Scope, ids: &[ContextId]) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tenant) = waiting.get_mut(scope.tenant()) {
            tenant.contexts.retain(|id, _| !ids.contains(id));
        }
    }

    /// Puts back what could not be written.
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

impl ContextEngine {
    /// Writes one batch of access counts, and returns how many contexts it was about; 0 when nothing waits.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed; the counts of the batch wait for the next call.
    pub async fn flush_accesses(&self) -> Result<usize, StoreError> {
        let Some((scope, served)) = self.accesses.take() else {
            return Ok(0);
        };
        let count = served.len();
        if let Err(error) = self.write_accesses(&scope, &served).await {
            self.accesses.put_back(&scope, served);
            return Err(error);
        }
        Ok(count)
    }

    async fn write_accesses(&self, scope: &Scope, served: &HashMap<ContextId, Served>) -> Result<(), StoreError> {
        let ids: Vec<ContextId> = served.keys().copied().collect();
        // Sessions first: what a change locks is known only when the contexts are.
        let sessions: Vec<Option<String>> = self
            .store
            .get(scope, &ids)
            .await?
            .into_iter()
            .map(|context| context.session_id)
            .collect();
        let sessions = sessions.iter().map(|session| Key::Session(session.as_deref()));
        let keys = ids.iter().map(|id| Key::Id(*id)).chain(sessions);
        let _locks = self.locks.lock(scope.tenant(), keys).await;
        let current = self.store.get(scope, &ids).await?;
        let mut contexts = current.clone();
        for context in &mut contexts {
            if let Some(served) = served.get(&context.id) {
                context.access_count = context.access_count.saturating_add(u64::from(served.times));
                context.last_accessed_at = context.last_accessed_at.max(Some(served.last));
            }
        }
        // What another process changed meanwhile is worth more than a count.
        let counted = current.into_iter().zip(contexts.iter().cloned()).collect();
        self.store.update_unchanged(scope, counted).await?;
        for context in &contexts {
            self.l1.changed(scope.tenant(), context, None);
        }
        Ok(())
    }
}
