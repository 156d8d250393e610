//! Copies of sessions in the memory of this server. Redis tells at each read whether they are current.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::context::Level;
use context_manager_core::ports::{Change, Record, SessionKey};
use moka::sync::Cache;

use super::entry::without_vector;

/// Copy of a session.
#[derive(Debug, Clone)]
pub(super) struct Near {
    pub(super) version: u64,
    pub(super) tenant: u64,
    /// Contexts, oldest first.
    pub(super) records: Vec<Arc<Record>>,
}

/// Copies of sessions, those used last.
pub(super) struct NearCopies(Cache<SessionKey, Near>);

impl fmt::Debug for NearCopies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NearCopies").field(&self.contexts()).finish()
    }
}

impl NearCopies {
    pub(super) fn new(max_contexts: usize, idle: Duration) -> Self {
        let weight = |_: &SessionKey, near: &Near| u32::try_from(near.records.len().max(1)).unwrap_or(u32::MAX);
        let cache = Cache::builder()
            .max_capacity(max_contexts as u64)
            .weigher(weight)
            .time_to_idle(idle);
        Self(cache.build())
    }

    pub(super) fn get(&self, key: &SessionKey) -> Option<Near> {
        self.0.get(key)
    }

    pub(super) fn insert(&self, key: &SessionKey, near: Near) {
        self.0.insert(key.clone(), near);
    }

    pub(super) fn remove(&self, key: &SessionKey) {
        self.0.invalidate(key);
    }

    pub(super) fn clear(&self) {
        self.0.invalidate_all();
    }

    pub(super) fn contexts(&self) -> usize {
        usize::try_from(self.0.weighted_size()).unwrap_or(usize::MAX)
    }

    /// Applies what Redis has applied to the version before, if the copy is of that version.
    pub(super) fn follow(&self, key: &SessionKey, before: (u64, u64), version: u64, changes: &[Change]) {
        let Some(mut near) = self.0.get(key).filter(|near| (near.version, near.tenant) == before) else {
            return self.remove(key);
        };
        for change in changes {
            if !apply(&mut near.records, change) {
                return self.remove(key);
            }
        }
        near.version = version;
        self.0.insert(key.clone(), near);
    }
}

/// Applies a change; `false` if the copy does not hold what it changes.
fn apply(records: &mut Vec<Arc<Record>>, change: &Change) -> bool {
    let (context, new) = match change {
        Change::Added(record) | Change::Replaced(record) => (&record.context, Some(Arc::new(record.clone()))),
        Change::Updated(context) | Change::Embedded(context, _) => (context, None),
        Change::Deleted(_) | Change::Unknown => return false,
    };
    let at = records.iter().position(|record| record.context.id == context.id);
    match (at, new) {
        (Some(at), _) if context.level != Level::Immediate => drop(records.remove(at)),
        (None, _) if context.level != Level::Immediate => {}
        (Some(at), Some(new)) => records[at] = new,
        (None, Some(new)) => {
            let at = records.partition_point(|record| record.context.sequence < context.sequence);
            records.insert(at, new);
        }
        (Some(at), None) => {
            let mut record = (*records[at]).clone();
            if let Change::Embedded(_, vector) = change {
                if record.context != without_vector(context) {
                    return false;
                }
                record.dense = Some(vector.clone());
            }
            record.context = context.clone();
            records[at] = Arc::new(record);
        }
        (None, None) => return false,
    }
    true
}
