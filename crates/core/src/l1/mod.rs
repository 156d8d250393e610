//! Level 1: the working memory of each session, held in memory.
//!
//! A cache over durable contexts of level `immediate`: whatever is lost here is read back from the store. Each session
//! keeps its newest contexts in order; what overflows is returned to the caller, who moves it to `short_term`.
//!
//! Reading a session back races with deletes and changes. Each of those moves [`L1::epoch`] on after it has changed the
//! store, and whoever fills a session names the epoch in which it began to read: a stale read is refused.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;
use tokio::time::{Duration, Instant};

use crate::context::Context;
use crate::ports::Record;
use crate::{Filter, TenantId};

/// A tenant's session; contexts of level `immediate` without a session share one working memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub(crate) tenant: TenantId,
    pub(crate) session: Option<String>,
}

#[derive(Debug)]
struct Session {
    /// Oldest first.
    entries: VecDeque<Arc<Record>>,
    last_used: Instant,
}

/// All sessions in memory.
#[derive(Debug)]
pub(crate) struct L1 {
    sessions: DashMap<SessionKey, Session>,
    total: AtomicUsize,
    epoch: AtomicU64,
    per_session: usize,
    max_total: usize,
}

impl L1 {
    pub(crate) fn new(per_session: usize, max_total: usize) -> Self {
        Self {
            sessions: DashMap::new(),
            total: AtomicUsize::new(0),
            epoch: AtomicU64::new(0),
            per_session,
            max_total,
        }
    }

    /// How many contexts are in memory.
    pub(crate) fn len(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Names the state of the store that a read begun now will see.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The contexts of a session, oldest first; `None` when it is not in memory.
    pub(crate) fn snapshot(&self, key: &SessionKey) -> Option<Vec<Arc<Record>>> {
        let mut session = self.sessions.get_mut(key)?;
        session.last_used = Instant::now();
        Some(session.entries.iter().cloned().collect())
    }

    /// Fills a session with what was read from the store in `epoch`, oldest first; whether that was still current.
    pub(crate) fn fill(&self, key: &SessionKey, records: Vec<Record>, epoch: u64) -> bool {
        let entries: VecDeque<_> = records.into_iter().map(Arc::new).collect();
        let added = entries.len();
        let mut replaced = 0;
        {
            let mut session = self.sessions.entry(key.clone()).or_insert_with(|| Session {
                entries: VecDeque::new(),
                last_used: Instant::now(),
            });
            // Checked under the entry's lock: a change that comes later finds the entries and changes them.
            if self.epoch() != epoch {
                let empty = session.entries.is_empty();
                drop(session);
                if empty {
                    self.sessions.remove_if(key, |_, session| session.entries.is_empty());
                }
                return false;
            }
            replaced += std::mem::replace(&mut session.entries, entries).len();
        }
        self.total.fetch_add(added, Ordering::Relaxed);
        self.total.fetch_sub(replaced, Ordering::Relaxed);
        self.evict_down_to(self.max_total);
        true
    }

    /// Adds the newest context of a session that is in memory, and returns what overflows.
    pub(crate) fn push(&self, key: &SessionKey, record: Record) -> Vec<Arc<Record>> {
        let mut overflow = Vec::new();
        {
            let Some(mut session) = self.sessions.get_mut(key) else {
                return overflow;
            };
            session.last_used = Instant::now();
            session.entries.push_back(Arc::new(record));
            // Pinned ones are never moved down, even if all are.
            while session.entries.len() > self.per_session
                && let Some(oldest) = session.entries.iter().position(|entry| !entry.context.pinned)
            {
                overflow.extend(session.entries.remove(oldest));
            }
        }
        self.total.fetch_add(1, Ordering::Relaxed);
        self.total.fetch_sub(overflow.len(), Ordering::Relaxed);
        self.evict_down_to(self.max_total);
        overflow
    }

    /// Forgets a session, so that its next use reads it back.
    pub(crate) fn forget(&self, key: &SessionKey) {
        if let Some((_, session)) = self.sessions.remove(key) {
            self.total.fetch_sub(session.entries.len(), Ordering::Relaxed);
        }
    }

    /// Forgets everything, so that each session is read back at its next use. A read that runs meanwhile is stale.
    pub(crate) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.sessions.retain(|_, session| {
            self.total.fetch_sub(session.entries.len(), Ordering::Relaxed);
            false
        });
    }

    /// Follows a change in the store: the entry takes the new state, or leaves when its level is no longer this one.
    pub(crate) fn changed(&self, tenant: &TenantId, context: &Context, record: Option<&Record>) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        let key = SessionKey {
            tenant: tenant.clone(),
            session: context.session_id.clone(),
        };
        let Some(mut session) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some(at) = session.entries.iter().position(|entry| entry.context.id == context.id) else {
            // Moved to this level by a change: the next use reads the session in its right order.
            if context.level == crate::Level::Immediate {
                drop(session);
                self.forget(&key);
            }
            return;
        };
        if context.level == crate::Level::Immediate {
            let old = &session.entries[at];
            let new = record.cloned().unwrap_or_else(|| Record {
                context: context.clone(),
                ..(**old).clone()
            });
            session.entries[at] = Arc::new(new);
        } else {
            session.entries.remove(at);
            self.total.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Follows a deletion in the store, and returns how many left memory.
    pub(crate) fn deleted(&self, tenant: &TenantId, filter: &Filter) -> usize {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        let mut deleted = 0;
        for mut session in self
            .sessions
            .iter_mut()
            .filter(|session| session.key().tenant == *tenant)
        {
            let before = session.entries.len();
            session.entries.retain(|entry| !filter.matches(&entry.context));
            deleted += before - session.entries.len();
        }
        self.total.fetch_sub(deleted, Ordering::Relaxed);
        deleted
    }

    /// How long a session in memory was not used; `None` when it is not in memory.
    pub(crate) fn unused_for(&self, key: &SessionKey) -> Option<Duration> {
        self.sessions.get(key).map(|session| session.last_used.elapsed())
    }

    /// Forgets sessions not used for `idle`, and returns how many.
    pub(crate) fn evict_idle(&self, idle: Duration) -> usize {
        let mut evicted = 0;
        self.sessions.retain(|_, session| {
            let keep = session.last_used.elapsed() < idle;
            if !keep {
                evicted += 1;
                self.total.fetch_sub(session.entries.len(), Ordering::Relaxed);
            }
            keep
        });
        evicted
    }

    /// Forgets the sessions idle longest until at most `max` contexts are in memory.
    fn evict_down_to(&self, max: usize) {
        if self.len() <= max {
            return;
        }
        // A tenth more than needed, so that sorting is rare.
        let max = max - max / 10;
        let mut by_use: Vec<_> = self
            .sessions
            .iter()
            .map(|session| (session.last_used, session.key().clone()))
            .collect();
        by_use.sort_unstable_by_key(|(last_used, _)| *last_used);
        // The newest stays, however large: it is the one being used.
        by_use.pop();
        for (_, key) in by_use {
            if self.len() <= max {
                return;
            }
            self.forget(&key);
        }
    }
}

#[cfg(test)]
mod tests;
