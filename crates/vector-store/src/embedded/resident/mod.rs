//! The contexts of active tenants in memory, so that a search asks the engine for nothing.
//!
//! The engine keeps contexts as JSON on disk, evaluates filters point by point, and scans what was written lately: of a search
//! among 100,000 contexts, 95 % was spent in it (docs/reference/benchmarks.md). Here a tenant's contexts are some hundred bytes
//! each, by user, with their signs, their terms and the columns that filters test.
//!
//! A tenant is loaded in the background when it is first read or written, and evicted when it was idle and memory is short.
//! Until it is loaded the engine answers, as it does for a tenant that is larger than all memory for contexts: only then does
//! it index vectors.
//!
//! Invariant: what is loaded equals what the engine holds, as of the last acknowledged write. The writer applies a write
//! here after the engine has, and before it is acknowledged; while a tenant is being loaded, it notes the points, and these are
//! read again. A write with an unknown outcome drops the tenant.

mod change;
mod compact;
mod loader;
mod partition;
mod plan;
mod postings;
mod tenant;
mod vectors;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{BoxError, Candidate, MemoryUse, Record, StoreQuery};
use context_manager_core::{Filter, TenantId};
use qdrant_edge::PointId;
use uuid::Uuid;

use super::accesses::Accesses;
pub(super) use change::Change;
pub(super) use loader::load_requested;
use tenant::TenantIndex;

/// Approximate size of a tenant without contexts, in bytes.
const TENANT_BYTES: usize = 1024;

/// All tenants in memory.
#[derive(Debug)]
pub(super) struct Resident {
    tenants: RwLock<HashMap<TenantId, Arc<Tenant>>>,
    /// Work of the loader. Each tenant is requested once until it is loaded.
    requests: Sender<Request>,
    requested: Mutex<Option<Receiver<Request>>>,
    total: AtomicUsize,
    budget: usize,
    /// Counts uses, to order them.
    uses: AtomicU64,
    closing: AtomicBool,
    /// Set if the engine has a tenant to search.
    too_large: AtomicBool,
}

/// A tenant in memory.
#[derive(Debug, Default)]
struct Tenant {
    state: RwLock<State>,
    size: AtomicUsize,
    last_use: AtomicU64,
}

/// Work of the loader.
#[derive(Debug)]
pub(super) enum Request {
    Load(TenantId),
    /// Evict idle tenants: memory is short.
    Evict,
}

/// State of a tenant in memory.
#[derive(Debug)]
enum State {
    /// Being loaded; with the points that were written meanwhile.
    Loading(HashSet<Uuid>),
    Loaded(Box<TenantIndex>),
    /// Larger than all memory for contexts.
    TooLarge,
}

impl Default for State {
    fn default() -> Self {
        Self::Loading(HashSet::new())
    }
}

impl Resident {
    /// Keeps up to about `budget` bytes.
    pub(super) fn new(budget: u64) -> Self {
        let (requests, requested) = channel();
        Self {
            tenants: RwLock::default(),
            requests,
            requested: Mutex::new(Some(requested)),
            total: AtomicUsize::new(0),
            budget: usize::try_from(budget).unwrap_or(usize::MAX),
            uses: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            too_large: AtomicBool::new(budget == 0),
        }
    }

    /// Returns the best matches; `None` if the engine must be asked.
    pub(super) fn search(
        &self,
        tenant: &TenantId,
        query: &StoreQuery,
        accesses: &Accesses,
    ) -> Result<Option<Vec<Candidate>>, BoxError> {
        if query.exact {
            return Ok(None);
        }
        self.with(tenant, |index| index.search(tenant, query, accesses))
            .transpose()
    }

    /// Returns the matching contexts at these offsets of sessions; `None` if the engine must be asked.
    pub(super) fn at_offsets(
        &self,
        tenant: &TenantId,
        offsets: &[i64],
        filter: &Filter,
        accesses: &Accesses,
    ) -> Result<Option<Vec<Arc<Record>>>, BoxError> {
        self.with(tenant, |index| index.at_offsets(tenant, offsets, filter, accesses))
            .transpose()
    }

    /// Returns the terms of up to `limit` contexts of a user, or of the tenant; `None` if the engine must be asked.
    pub(super) fn sample(&self, tenant: &TenantId, user: Option<&str>, limit: usize) -> Option<Vec<SparseVector>> {
        self.with(tenant, |index| index.sample(user, limit))
    }

    /// Applies a write that the engine has applied.
    pub(super) fn apply(&self, tenant: &TenantId, changes: Vec<Change>) {
        self.write(tenant, changes, Change::point, |index, change| {
            index.put(change).is_ok()
        });
    }

    /// Applies a deletion that the engine has applied.
    pub(super) fn remove(&self, tenant: &TenantId, points: &[PointId]) {
        let points: Vec<Uuid> = points.iter().filter_map(uuid).collect();
        self.write(
            tenant,
            points,
            |point| *point,
            |index, point| {
                index.remove(point);
                true
            },
        );
    }

    /// Drops a tenant: a write to it has an unknown outcome.
    pub(super) fn forget(&self, tenant: &TenantId) {
        if let Some(dropped) = self.tenants_mut(|tenants| tenants.remove(tenant)) {
            self.total
                .fetch_sub(dropped.size.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Drops everything.
    pub(super) fn clear(&self) {
        for (tenant, _) in self.all() {
            self.forget(&tenant);
        }
    }

    /// Returns what to load, once.
    pub(super) fn take_requested(&self) -> Option<Receiver<Request>> {
        self.requested.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Stops loading, so that the engine can be closed.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Returns `true` if a tenant is too large, so that the engine needs an index of its vectors.
    pub(super) fn is_short(&self) -> bool {
        self.too_large.load(Ordering::Relaxed)
    }

    pub(super) fn usage(&self) -> MemoryUse {
        let mut usage = MemoryUse {
            budget_bytes: self.budget as u64,
            ..MemoryUse::default()
        };
        for (_, tenant) in self.all() {
            if let State::Loaded(index) = &*read(&tenant.state) {
                usage.bytes += tenant.size.load(Ordering::Relaxed) as u64;
                usage.tenants += 1;
                usage.contexts += index.len() as u64;
            }
        }
        usage
    }

    fn with<T>(&self, tenant: &TenantId, work: impl FnOnce(&TenantIndex) -> T) -> Option<T> {
        let tenant = self.tenant(tenant);
        match &*read(&tenant.state) {
            State::Loaded(index) => Some(work(index)),
            State::Loading(_) | State::TooLarge => None,
        }
    }

    /// Applies a write to a tenant in one step for those who read it.
    fn write<T>(
        &self,
        of: &TenantId,
        changes: Vec<T>,
        point: impl Fn(&T) -> Uuid,
        apply: impl Fn(&mut TenantIndex, T) -> bool,
    ) {
        let tenant = self.tenant(of);
        let mut state = tenant.state.write().unwrap_or_else(PoisonError::into_inner);
        let applied = match &mut *state {
            State::Loading(written) => {
                written.extend(changes.iter().map(point));
                true
            }
            State::Loaded(index) => {
                let applied = changes.into_iter().all(|change| apply(index, change));
                let size = self.resize(&tenant, index.size());
                if size > self.budget {
                    *state = State::TooLarge;
                    self.resize(&tenant, 0);
                    self.too_large.store(true, Ordering::Relaxed);
                }
                applied
            }
            State::TooLarge => true,
        };
        drop(state);
        if !applied {
            tracing::error!("contexts in memory differ from those stored, and are loaded again");
            self.forget(of);
        }
    }

    /// Follows the size of a tenant, and has idle ones evicted when memory is short.
    fn resize(&self, tenant: &Tenant, contexts: usize) -> usize {
        let size = TENANT_BYTES + contexts;
        let before = tenant.size.swap(size, Ordering::Relaxed);
        let total = self.total.fetch_add(size, Ordering::Relaxed) + size - before;
        self.total.fetch_sub(before, Ordering::Relaxed);
        if total > self.budget && total - size + before <= self.budget {
            // Fails only when the engine is being closed.
            let _closing = self.requests.send(Request::Evict);
        }
        size
    }

    /// Returns a tenant, and requests it if it is not in memory.
    fn tenant(&self, id: &TenantId) -> Arc<Tenant> {
        let known = read(&self.tenants).get(id).cloned();
        let tenant = known.unwrap_or_else(|| {
            self.tenants_mut(|tenants| {
                let new = || {
                    // Fails only when the engine is being closed.
                    let _closing = self.requests.send(Request::Load(id.clone()));
                    Arc::default()
                };
                Arc::clone(tenants.entry(id.clone()).or_insert_with(new))
            })
        });
        tenant
            .last_use
            .store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        tenant
    }

    fn tenants_mut<T>(&self, work: impl FnOnce(&mut HashMap<TenantId, Arc<Tenant>>) -> T) -> T {
        work(&mut self.tenants.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn all(&self) -> Vec<(TenantId, Arc<Tenant>)> {
        let tenants = read(&self.tenants);
        tenants
            .iter()
            .map(|(id, tenant)| (id.clone(), Arc::clone(tenant)))
            .collect()
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the id of a point; there are none with another kind of id.
pub(super) fn uuid(point: &PointId) -> Option<Uuid> {
    match point {
        PointId::Uuid(uuid) => Some(*uuid),
        PointId::NumId(_) => None,
    }
}
