//! Mutual exclusion by key, for sequences of reading and writing that must not interleave.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::context::ContentKey;
use crate::{ContextId, TenantId};

/// Two keys may share a stripe: they then wait for each other without need, which 1,024 stripes make rare.
const STRIPES: usize = 1024;

/// Something only one call at a time may read and then write.
#[derive(Debug, Hash)]
pub(super) enum Key<'a> {
    /// A context.
    Id(ContextId),
    /// A text in a scope.
    Content(&'a ContentKey),
    /// A session's order and working memory.
    Session(Option<&'a str>),
}

/// Locks for any number of keys in constant memory.
#[derive(Debug)]
pub(super) struct KeyedLocks {
    stripes: Vec<Arc<Mutex<()>>>,
    hasher: RandomState,
}

impl Default for KeyedLocks {
    fn default() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Arc::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl KeyedLocks {
    /// Waits for all of `keys` of a tenant; they are free again when the result is dropped.
    ///
    /// Stripes are taken in ascending order, so calls that want several cannot wait for each other in a circle. Never
    /// take locks while holding others.
    pub(super) async fn lock(&self, tenant: &TenantId, keys: impl IntoIterator<Item = Key<'_>>) -> Guards {
        let mut stripes: Vec<usize> = keys
            .into_iter()
            .map(|key| usize::try_from(self.hasher.hash_one((tenant, key)) % STRIPES as u64).unwrap_or(0))
            .collect();
        stripes.sort_unstable();
        stripes.dedup();
        let mut guards = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            guards.push(Arc::clone(&self.stripes[stripe]).lock_owned().await);
        }
        Guards { _guards: guards }
    }
}

impl KeyedLocks {
    /// Waits until nobody holds a lock, and has everybody wait who wants one.
    pub(super) async fn lock_all(&self) -> Guards {
        let mut guards = Vec::with_capacity(STRIPES);
        for stripe in &self.stripes {
            guards.push(Arc::clone(stripe).lock_owned().await);
        }
        Guards { _guards: guards }
    }
}

/// Held locks.
#[derive(Debug)]
pub(super) struct Guards {
    _guards: Vec<OwnedMutexGuard<()>>,
}
