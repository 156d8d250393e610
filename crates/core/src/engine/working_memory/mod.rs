//! The working memory of each session: its newest immediate contexts, oldest first.
//!
//! They are read from a [cache](SessionCache): the memory of this process, or one that the servers of a store share.
//! [`coherence`] keeps it in step with every write to the store. A session keeps its newest contexts; what a write
//! [adds](WorkingMemory::trim) beyond them, and what is left when it is [idle](WorkingMemory::settle), is demoted.

mod coherence;
mod offsets;
mod stored;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::time::Duration;

use super::locks::{Key, KeyedLocks};
use crate::context::{Context, Level};
use crate::ports::{Cached, Clock, Record, SessionCache, SessionKey, StoreError, VectorStore};
use crate::{Config, Scope};

pub(super) use coherence::Coherence;
use offsets::{CONCURRENT_SESSIONS, SessionOffsets};
use stored::StoredSessions;

/// Number of attempts to read a session that changes meanwhile, before it stays out of the cache.
const FILL_ATTEMPTS: usize = 3;

/// Working memory of all sessions.
#[derive(Debug)]
pub(crate) struct WorkingMemory {
    /// The next offsets of sessions.
    pub(crate) offsets: SessionOffsets,
    stored: StoredSessions,
    /// `None` if other processes write to the store, and no cache is shared with them.
    cache: Option<Arc<dyn SessionCache>>,
    locks: Arc<KeyedLocks>,
    max_contexts: usize,
}

/// Working memory of a session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// Contexts, oldest first.
    pub(crate) contexts: Vec<Arc<Record>>,
    /// Set if the cache could not be reached: the store answered.
    pub(crate) without_cache: bool,
}

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
        cache: Option<Arc<dyn SessionCache>>,
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
            cache,
            locks: Arc::clone(locks),
            max_contexts: config.l1_max_contexts,
        }
    }

    /// Returns a session's working memory. Contexts beyond its size are `short_term` when this returns.
    pub(crate) async fn read(&self, scope: &Scope, session: Option<&str>) -> Result<Session, StoreError> {
        let key = SessionKey {
            tenant: scope.tenant().clone(),
            session: session.map(str::to_owned),
        };
        let cached = match &self.cache {
            Some(cache) => cache.get(&key).await,
            None => Cached::Busy,
        };
        let without_cache = cached == Cached::Unavailable;
        let at_hand = match cached {
            Cached::Hit(entries) => Some(entries),
            Cached::Miss(_) => None,
            Cached::Busy | Cached::Unavailable => self.stored.whole(scope, &key).await?,
        };
        let contexts = if let Some(entries) = at_hand {
            entries
        } else {
            let _order = self.locks.lock(scope.tenant(), [Key::Session(session)]).await;
            self.fill(scope, &key).await?
        };
        Ok(Session {
            contexts,
            without_cache,
        })
    }

    /// Reads a session from the store into the cache, and demotes what exceeds its size. The caller holds the session's lock.
    async fn fill(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Arc<Record>>, StoreError> {
        let Some(cache) = &self.cache else {
            return self.stored.read(scope, key).await;
        };
        let mut read = Vec::new();
        for _ in 0..FILL_ATTEMPTS {
            match cache.get(key).await {
                Cached::Hit(entries) => return Ok(entries),
                Cached::Miss(ticket) => {
                    read = self.stored.read(scope, key).await?;
                    if cache.fill(key, ticket, &read).await {
                        return Ok(read);
                    }
                }
                Cached::Busy | Cached::Unavailable => return self.stored.read(scope, key).await,
            }
        }
        // Under constant change the answer is that of the store, and the next use tries again.
        Ok(read)
    }

    /// Demotes what stored records add to their sessions beyond their size. The records are durable already: a failure costs a
    /// later read, not data. The caller holds the sessions' locks.
    #[tracing::instrument(level = "debug", name = "remember", skip_all)]
    pub(crate) async fn trim(&self, scope: &Scope, records: &[Record]) {
        let immediate = records.iter().filter(|record| record.context.level == Level::Immediate);
        let sessions: BTreeSet<&Option<String>> = immediate.map(|record| &record.context.session_id).collect();
        let trim = |session: &Option<String>| {
            let key = SessionKey {
                tenant: scope.tenant().clone(),
                session: session.clone(),
            };
            async move {
                if let Err(error) = self.trim_session(scope, &key).await {
                    tracing::warn!(%error, "a working memory was not read from the store, or exceeds its size");
                }
            }
        };
        let calls: Vec<_> = sessions.into_iter().map(trim).collect();
        stream::iter(calls)
            .for_each_concurrent(CONCURRENT_SESSIONS, |call| call)
            .await;
    }

    async fn trim_session(&self, scope: &Scope, key: &SessionKey) -> Result<(), StoreError> {
        let cached = match &self.cache {
            Some(cache) => cache.get(key).await,
            None => Cached::Busy,
        };
        let overflow = match cached {
            Cached::Hit(entries) => self.overflow(&entries),
            Cached::Miss(_) => return self.fill(scope, key).await.map(drop),
            Cached::Busy | Cached::Unavailable => self.stored.overflow(scope, key).await?,
        };
        self.stored.demote(scope, overflow).await
    }

    /// Returns the oldest contexts of a session beyond its size, except for pinned ones.
    fn overflow(&self, entries: &[Arc<Record>]) -> Vec<Context> {
        let excess = entries.len().saturating_sub(self.stored.size);
        let movable = entries.iter().filter(|entry| !entry.context.pinned);
        movable.take(excess).map(|entry| entry.context.clone()).collect()
    }

    /// Makes the next use of every session read the store.
    pub(crate) async fn reload_all(&self) {
        if let Some(cache) = &self.cache {
            cache.clear().await;
        }
    }

    /// Demotes all contexts of a session that is idle, and returns them as they were; pinned ones stay.
    pub(crate) async fn settle(&self, scope: &Scope, check: IdleCheck) -> Result<Vec<Context>, StoreError> {
        let key = SessionKey {
            tenant: scope.tenant().clone(),
            session: check.session,
        };
        let unused = self.cache.as_ref().and_then(|cache| cache.unused_for(&key));
        if unused.is_some_and(|unused| unused < check.idle) {
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
        if let Some(batch) = check.batch {
            for batch in contexts.chunks(batch) {
                self.stored.demote(scope, batch.to_vec()).await?;
            }
        }
        Ok(contexts)
    }

    /// Removes sessions not used for `idle` from memory, and returns their number. Their contexts stay in the store.
    pub(crate) fn evict_idle(&self, idle: Duration) -> usize {
        self.cache.as_ref().map_or(0, |cache| cache.evict_idle(idle))
    }

    /// Returns the number of contexts in memory, and its maximum.
    pub(crate) fn len(&self) -> (usize, usize) {
        let contexts = self.cache.as_ref().map_or(0, |cache| cache.contexts());
        (contexts, self.max_contexts)
    }
}

fn last_used(context: &Context) -> Timestamp {
    let accessed = context.last_accessed_at.unwrap_or(context.updated_at);
    context.updated_at.max(accessed)
}
