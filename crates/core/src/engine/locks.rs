//! Mutual exclusion by key, for reads and writes that must not interleave.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::context::{ContentKey, Context};
use crate::{ContextId, Name, TenantId};

/// Number of locks. Keys that share one wait for each other without need, which this many make rare.
const STRIPES: usize = 1024;

/// A subject of a read-modify-write sequence.
#[derive(Debug, Hash)]
pub(super) enum Key<'a> {
    /// A context.
    Id(ContextId),
    /// A text in a scope.
    Content(&'a ContentKey),
    /// A key in a scope.
    Name(&'a Name),
    /// A document.
    Document(&'a str),
    /// The order and the working memory of a session.
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
    /// Acquires the locks of all `keys` of a tenant; dropping the result releases them.
    ///
    /// Stripes are acquired in ascending order, so that calls cannot deadlock. Never acquire locks while holding others.
    pub(super) async fn lock(&self, tenant: &TenantId, keys: impl IntoIterator<Item = Key<'_>>) -> Guards {
        let mut stripes: Vec<usize> = keys
            .into_iter()
            .map(|key| usize::try_from(self.hasher.hash_one((tenant, key)) % STRIPES as u64).unwrap_or(0))
            .collect();
        stripes.sort_unstable();
        stripes.dedup();
        self.acquire(stripes).await
    }

    /// Acquires the locks of contexts, of their names and of their sessions.
    pub(super) async fn lock_contexts(&self, tenant: &TenantId, contexts: &[Context]) -> Guards {
        let names: Vec<Name> = contexts.iter().filter_map(Name::of).collect();
        let keys = contexts.iter().flat_map(|context| {
            let session = Key::Session(context.session_id.as_deref());
            [Key::Id(context.id), session]
        });
        self.lock(tenant, keys.chain(names.iter().map(Key::Name))).await
    }

    /// Acquires every lock, excluding all other holders.
    pub(super) async fn lock_all(&self) -> Guards {
        self.acquire(0..STRIPES).await
    }

    async fn acquire(&self, stripes: impl IntoIterator<Item = usize>) -> Guards {
        let mut guards = Vec::new();
        for stripe in stripes {
            guards.push(Arc::clone(&self.stripes[stripe]).lock_owned().await);
        }
        Guards { _guards: guards }
    }
}

/// Held locks.
#[derive(Debug)]
pub(super) struct Guards {
    _guards: Vec<OwnedMutexGuard<()>>,
}
