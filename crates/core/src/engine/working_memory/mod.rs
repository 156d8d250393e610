//! The working memory of each session: its newest immediate contexts, oldest first.
//!
//! The rest of the engine knows it by what it reads and by five things that happen to it: contexts are
//! [added](WorkingMemory::added), [changed](WorkingMemory::changed), [deleted](WorkingMemory::deleted), written in an
//! unknown way ([`reload`](WorkingMemory::reload)), or a session [settles](WorkingMemory::settle). Only this module uses
//! the in-memory level 1, and only while no other process writes to the store.

mod offsets;
mod stored;

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::time::Duration;

use super::locks::{Key, KeyedLocks};
use crate::context::{Context, ContextId, Level};
use crate::l1::{L1, SessionKey};
use crate::ports::{Clock, Record, StoreError, VectorStore};
use crate::{Config, Filter, Scope};

use offsets::{CONCURRENT_SESSIONS, SessionOffsets};
use stored::StoredSessions;

/// Number of attempts to read a session that changes meanwhile, before it stays out of memory.
const FILL_ATTEMPTS: usize = 3;

/// Working memory of all sessions.
#[derive(Debug)]
pub(crate) struct WorkingMemory {
    /// The next offsets of sessions.
    pub(crate) offsets: SessionOffsets,
    stored: StoredSessions,
    l1: L1,
    locks: Arc<KeyedLocks>,
    max_contexts: usize,
}

/// The sessions that a write adds to, each with its state before the write if it is in memory.
#[derive(Debug)]
pub(crate) struct Expected(HashMap<SessionKey, Option<u64>>);

/// A session that may have become idle.
#[derive(Debug)]
pub(crate) struct IdleCheck {
    pub(crate) session: Option<String>,
    /// Time without use after which a session is idle.
    pub(crate) idle: Duration,
    /// Start of that time.
    pub(crate) since: Timestamp,
    /// Number of contexts that are written at once; nothing is written if there is none.
    pub(crate) batch: Option<usize>,
}

impl WorkingMemory {
    pub(crate) fn new(
        config: &Config,
        store: &Arc<dyn VectorStore>,
        clock: &Arc<dyn Clock>,
        locks: &Arc<KeyedLocks>,
    ) -> Self {
        Self {
            offsets: SessionOffsets::new(Arc::clone(store), Arc::clone(clock)),
            stored: StoredSessions {
                store: Arc::clone(store),
                clock: Arc::clone(clock),
                size: config.l1_cache_size,
                short_term_ttl_secs: config.short_term_ttl_secs(),
            },
            l1: L1::new(config.l1_cache_size, config.l1_max_contexts),
            locks: Arc::clone(locks),
            max_contexts: config.l1_max_contexts,
        }
    }

    /// Returns a session's working memory, oldest first. Contexts beyond its size are `short_term` when this returns.
    pub(crate) async fn read(&self, scope: &Scope, session: Option<&str>) -> Result<Vec<Arc<Record>>, StoreError> {
        let key = SessionKey {
            tenant: scope.tenant().clone(),
            session: session.map(str::to_owned),
        };
        let at_hand = if self.is_shared() {
            self.stored.whole(scope, &key).await?
        } else {
            self.l1.snapshot(&key)
        };
        if let Some(entries) = at_hand {
            return Ok(entries);
        }
        let _order = self.locks.lock(scope.tenant(), [Key::Session(session)]).await;
        self.fill(scope, &key).await
    }

    /// Reads a session from the store into memory. The caller holds the session's lock.
    async fn fill(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Arc<Record>>, StoreError> {
        let mut read = Vec::new();
        for _ in 0..FILL_ATTEMPTS {
            if let Some(entries) = self.l1.snapshot(key) {
                return Ok(entries);
            }
            let reading = self.l1.read(key);
            read = self.stored.read(scope, key).await?;
            if self.is_shared() || reading.fill(read.clone()) {
                break;
            }
        }
        // Under constant change the answer is that of the store, and the next use tries again.
        Ok(read.into_iter().map(Arc::new).collect())
    }

    /// Returns the state of the sessions that immediate contexts go to, for [`Self::added`]. Called before the write.
    pub(crate) fn expect<'a>(&self, scope: &Scope, contexts: impl Iterator<Item = &'a Context>) -> Expected {
        let immediate = contexts.filter(|context| context.level == Level::Immediate);
        let state = |context: &Context| {
            let key = key_of(scope, context);
            let generation = self.l1.generation(&key);
            (key, generation)
        };
        Expected(immediate.map(state).collect())
    }

    /// Adds the immediate ones of stored records, and demotes the overflow. The write is durable already: a failure costs
    /// a later read, not data. The caller holds the sessions' locks.
    #[tracing::instrument(level = "debug", name = "remember", skip_all)]
    pub(crate) async fn added(&self, scope: &Scope, records: &[Record], expected: Expected) {
        let mut sessions: HashMap<&Option<String>, Vec<&Record>> = HashMap::new();
        for record in records.iter().filter(|record| record.context.level == Level::Immediate) {
            sessions.entry(&record.context.session_id).or_default().push(record);
        }
        let add = |(key, generation): (SessionKey, Option<u64>)| {
            let new = sessions.get(&key.session).map_or(&[][..], Vec::as_slice);
            async move {
                if let Err(error) = self.add(scope, &key, new, generation).await {
                    tracing::warn!(%error, "a working memory was not read from the store, or exceeds its size");
                }
            }
        };
        let calls: Vec<_> = expected.0.into_iter().map(add).collect();
        stream::iter(calls)
            .for_each_concurrent(CONCURRENT_SESSIONS, |call| call)
            .await;
    }

    async fn add(
        &self,
        scope: &Scope,
        key: &SessionKey,
        new: &[&Record],
        generation: Option<u64>,
    ) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        if self.is_shared() {
            let overflow = self.stored.overflow(scope, key).await?;
            return self.stored.demote(scope, overflow).await.map(drop);
        }
        if !generation.is_some_and(|generation| self.l1.push(key, new, generation)) {
            // The session changed meanwhile, or is not in memory: read it from the store, the new contexts included.
            self.l1.forget(key);
            return self.fill(scope, key).await.map(drop);
        }
        // Contexts leave memory once the store has them at the other level: until then, searches find them here.
        for context in self.stored.demote(scope, self.l1.overflow(key)).await? {
            self.l1.changed(&key.tenant, &context, None);
        }
        Ok(())
    }

    /// Follows a change in the store. `record` is given if the text changed, too.
    pub(crate) fn changed(&self, scope: &Scope, context: &Context, record: Option<&Record>) {
        self.l1.changed(scope.tenant(), context, record);
    }

    /// Follows the vector of a context that was stored without one.
    pub(crate) fn embedded(&self, scope: &Scope, context: &Context, vector: &[f32]) {
        if context.level == Level::Immediate {
            self.l1.embedded(scope.tenant(), context, vector);
        }
    }

    /// Follows a deletion in the store.
    pub(crate) fn deleted(&self, scope: &Scope, filter: &Filter) {
        self.l1.deleted(scope.tenant(), filter);
    }

    /// Follows the deletion of contexts that were read under their locks.
    pub(crate) fn removed<'a>(&self, scope: &Scope, contexts: impl Iterator<Item = &'a Context>) {
        let immediate = contexts.filter(|context| context.level == Level::Immediate);
        let ids: Vec<ContextId> = immediate.map(|context| context.id).collect();
        if !ids.is_empty() {
            self.l1.deleted(scope.tenant(), &Filter::by_ids(ids));
        }
    }

    /// Follows the purge of all data of a person, and returns the number of contexts that were in working memory.
    pub(crate) fn purged(&self, scope: &Scope, contexts: &[Context]) -> u64 {
        let ids = contexts.iter().map(|context| context.id).collect();
        let in_memory = self.l1.deleted(scope.tenant(), &Filter::by_ids(ids));
        self.offsets.forget(scope, contexts);
        let immediate = contexts.iter().filter(|context| context.level == Level::Immediate);
        let count = if self.is_shared() { immediate.count() } else { in_memory };
        count as u64
    }

    /// Makes the next use of the immediate contexts' sessions read the store.
    pub(crate) fn reload(&self, scope: &Scope, contexts: &[Context]) {
        for context in contexts.iter().filter(|context| context.level == Level::Immediate) {
            self.l1.forget(&key_of(scope, context));
        }
    }

    /// Makes the next use of every session read the store.
    pub(crate) fn reload_all(&self) {
        self.l1.forget_all();
    }

    /// Demotes all contexts of a session that is idle, and returns them as they were; pinned ones stay.
    pub(crate) async fn settle(&self, scope: &Scope, check: IdleCheck) -> Result<Vec<Context>, StoreError> {
        let key = SessionKey {
            tenant: scope.tenant().clone(),
            session: check.session,
        };
        if self.l1.unused_for(&key).is_some_and(|unused| unused < check.idle) {
            return Ok(Vec::new());
        }
        let _order = self
            .locks
            .lock(scope.tenant(), [Key::Session(key.session.as_deref())])
            .await;
        let mut contexts = self.stored.contexts(scope, &key).await?;
        if contexts.iter().any(|context| last_used(context) > check.since) {
            return Ok(Vec::new());
        }
        contexts.retain(|context| !context.pinned);
        if let Some(batch) = check.batch
            && !contexts.is_empty()
        {
            for batch in contexts.chunks(batch) {
                self.stored.demote(scope, batch.to_vec()).await?;
            }
            self.l1.forget(&key);
        }
        Ok(contexts)
    }

    /// Removes sessions not used for `idle` from memory, and returns their number. Their contexts stay in the store.
    pub(crate) fn evict_idle(&self, idle: Duration) -> usize {
        self.l1.evict_idle(idle)
    }

    /// Returns the number of contexts in memory, and its maximum.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.l1.len(), self.max_contexts)
    }

    fn is_shared(&self) -> bool {
        self.stored.store.is_shared()
    }
}

fn key_of(scope: &Scope, context: &Context) -> SessionKey {
    SessionKey {
        tenant: scope.tenant().clone(),
        session: context.session_id.clone(),
    }
}

fn last_used(context: &Context) -> Timestamp {
    let accessed = context.last_accessed_at.unwrap_or(context.updated_at);
    context.updated_at.max(accessed)
}
