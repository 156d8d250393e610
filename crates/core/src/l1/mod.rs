//! Level 1: the working memory of each session.
//!
//! A [cache](cache) in memory, for stores that no other process writes to. Each session keeps its contexts in order;
//! overflowing ones stay until the store has them at level `short_term`, so that one of the two always has them.
//!
//! Reading a session and adding stored contexts to it race with deletes and changes. Both take the generation of the
//! session before they call the store ([`L1::read`], [`L1::generation`]). Every delete and change reports here after the
//! store call, which gives the affected sessions, and no others, a new generation; reads and stores with an older one are
//! refused and repeated.

mod cache;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;
use tokio::time::{Duration, Instant};

use crate::context::{Context, Level};
use crate::ports::{Record, SessionKey};
use crate::{Filter, TenantId};

#[derive(Debug)]
struct Session {
    /// Contexts, oldest first; `None` while they are read from the store.
    entries: Option<VecDeque<Arc<Record>>>,
    /// Changes with each delete or change that may affect the session. Unique over all sessions.
    generation: u64,
    last_used: Instant,
}

impl Session {
    fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, VecDeque::len)
    }
}

/// Sessions in memory.
#[derive(Debug)]
pub(crate) struct L1 {
    sessions: DashMap<SessionKey, Session>,
    total: AtomicUsize,
    generations: AtomicU64,
    max_total: usize,
}

impl L1 {
    pub(crate) fn new(max_total: usize) -> Self {
        Self {
            sessions: DashMap::new(),
            total: AtomicUsize::new(0),
            generations: AtomicU64::new(1),
            max_total,
        }
    }

    /// Returns the number of contexts in memory.
    pub(crate) fn len(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Returns the contexts of a session, oldest first; `None` if it is not in memory.
    pub(crate) fn snapshot(&self, key: &SessionKey) -> Option<Vec<Arc<Record>>> {
        let mut session = self.sessions.get_mut(key)?;
        session.last_used = Instant::now();
        Some(session.entries.as_ref()?.iter().cloned().collect())
    }

    /// Returns the generation of a session for [`L1::push`], before a write to the store; `None` if it is not in memory.
    pub(crate) fn generation(&self, key: &SessionKey) -> Option<u64> {
        let session = self.sessions.get(key)?;
        session.entries.is_some().then_some(session.generation)
    }

    /// Begins to read a session that is not in memory from the store, and returns its generation. Of two concurrent reads the
    /// first to end fills the session.
    pub(crate) fn read(&self, key: &SessionKey) -> u64 {
        let begun = |session: &mut Session| session.last_used = Instant::now();
        let session = self.sessions.entry(key.clone()).and_modify(begun);
        let session = session.or_insert_with(|| Session {
            entries: None,
            generation: self.next_generation(),
            last_used: Instant::now(),
        });
        session.generation
    }

    /// Fills a session with the records read, oldest first. Returns `false` if it has another generation by now, and they
    /// must be read again.
    pub(crate) fn fill(&self, key: &SessionKey, generation: u64, records: &[Arc<Record>]) -> bool {
        {
            let Some(mut session) = self.sessions.get_mut(key) else {
                return false;
            };
            // Compared under the entry's lock: a later change finds the entries and changes them.
            if session.generation != generation || session.entries.is_some() {
                return false;
            }
            session.entries = Some(records.iter().cloned().collect());
            session.last_used = Instant::now();
        }
        self.total.fetch_add(records.len(), Ordering::Relaxed);
        self.evict_down_to(self.max_total);
        true
    }

    /// Adds stored contexts, oldest first, to a session of this generation. Returns `false` if the session has changed and
    /// must be read again.
    pub(crate) fn push(&self, key: &SessionKey, records: Vec<Arc<Record>>, generation: u64) -> bool {
        let added = records.len();
        {
            let Some(mut session) = self.sessions.get_mut(key) else {
                return false;
            };
            // Compared under the entry's lock: a later change finds the entries and changes them.
            let is_unchanged = session.generation == generation;
            let Some(entries) = session.entries.as_mut().filter(|_| is_unchanged) else {
                return false;
            };
            entries.extend(records);
            session.last_used = Instant::now();
        }
        self.total.fetch_add(added, Ordering::Relaxed);
        self.evict_down_to(self.max_total);
        true
    }

    /// Evicts a session; its next use reads it back.
    pub(crate) fn forget(&self, key: &SessionKey) {
        if let Some((_, session)) = self.sessions.remove(key) {
            self.total.fetch_sub(session.len(), Ordering::Relaxed);
        }
    }

    /// Evicts the sessions of a tenant. Concurrent reads become stale.
    fn forget_tenant(&self, tenant: &TenantId) {
        self.retain(|key, _| key.tenant != *tenant);
    }

    /// Evicts all sessions. Concurrent reads become stale.
    pub(crate) fn forget_all(&self) {
        self.retain(|_, _| false);
    }

    /// Applies a change in the store: replaces the entry, or removes it if its level changed.
    pub(crate) fn changed(&self, tenant: &TenantId, context: &Context, record: Option<&Record>) {
        self.replace(tenant, context, |old| {
            let context = context.clone();
            record.cloned().unwrap_or_else(|| Record { context, ..old.clone() })
        });
    }

    /// Applies a vector that was stored after its context.
    pub(crate) fn embedded(&self, tenant: &TenantId, context: &Context, vector: &[f32]) {
        self.replace(tenant, context, |old| Record {
            context: context.clone(),
            dense: Some(vector.to_vec()),
            terms: old.terms.clone(),
        });
    }

    fn replace(&self, tenant: &TenantId, context: &Context, new: impl FnOnce(&Record) -> Record) {
        let key = SessionKey {
            tenant: tenant.clone(),
            session: context.session_id.clone(),
        };
        let is_immediate = context.level == Level::Immediate;
        let is_followed = self.sessions.get_mut(&key).is_none_or(|mut session| {
            session.generation = self.next_generation();
            let Some(entries) = &mut session.entries else {
                // The concurrent read becomes stale.
                return false;
            };
            let Some(at) = entries.iter().position(|entry| entry.context.id == context.id) else {
                // A context promoted to this level: the next use reads the session in order.
                return !is_immediate;
            };
            if is_immediate {
                let new = new(&entries[at]);
                entries[at] = Arc::new(new);
            } else {
                entries.remove(at);
                self.total.fetch_sub(1, Ordering::Relaxed);
            }
            true
        });
        if !is_followed {
            self.forget(&key);
        }
    }

    /// Applies a deletion in the store.
    pub(crate) fn deleted(&self, tenant: &TenantId, filter: &Filter) {
        self.retain(|key, session| {
            let other_session = filter.session_id.is_some() && filter.session_id != key.session;
            if key.tenant != *tenant || other_session {
                return true;
            }
            session.generation = self.next_generation();
            // The concurrent read becomes stale.
            let Some(entries) = &session.entries else {
                return false;
            };
            // A deleted context may have been stored again: the session is read again.
            !entries.iter().any(|entry| filter.matches(&entry.context))
        });
    }

    /// Returns the time since a session's last use; `None` if it is not in memory.
    pub(crate) fn unused_for(&self, key: &SessionKey) -> Option<Duration> {
        self.sessions.get(key).map(|session| session.last_used.elapsed())
    }

    /// Evicts sessions not used for `idle`, and returns their number.
    pub(crate) fn evict_idle(&self, idle: Duration) -> usize {
        let mut evicted = 0;
        self.retain(|_, session| {
            let keep = session.last_used.elapsed() < idle;
            evicted += usize::from(!keep && session.entries.is_some());
            keep
        });
        evicted
    }

    /// Evicts the sessions idle longest until at most `max` contexts are in memory.
    fn evict_down_to(&self, max: usize) {
        if self.len() <= max {
            return;
        }
        // Evicts a tenth more than needed, so that sorting is rare.
        let max = max - max / 10;
        let mut by_use: Vec<_> = self
            .sessions
            .iter()
            .filter(|session| session.entries.is_some())
            .map(|session| (session.last_used, session.key().clone()))
            .collect();
        by_use.sort_unstable_by_key(|(last_used, _)| *last_used);
        // The newest stays at any size, as it is in use.
        by_use.pop();
        for (_, key) in by_use {
            if self.len() <= max {
                return;
            }
            self.forget(&key);
        }
    }

    fn retain(&self, mut keep: impl FnMut(&SessionKey, &mut Session) -> bool) {
        self.sessions.retain(|key, session| {
            let kept = keep(key, session);
            if !kept {
                self.total.fetch_sub(session.len(), Ordering::Relaxed);
            }
            kept
        });
    }

    fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
