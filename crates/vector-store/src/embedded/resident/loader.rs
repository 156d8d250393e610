//! The thread that loads tenants into memory, and evicts idle ones.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{PoisonError, Weak};

use context_manager_core::TenantId;
use context_manager_core::ports::BoxError;
use qdrant_edge::PointId;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Change, Request, Resident, State, TenantIndex, read, uuid};
use crate::conditions;
use crate::embedded::engine::Engine;
use crate::embedded::{filter, reads};

/// Number of points that are read in one go.
const PAGE: usize = 256;

/// Loads requested tenants until the engine is gone. Blocks.
pub(in crate::embedded) fn load_requested(engine: &Weak<Engine>, requested: &Receiver<Request>) {
    while let Ok(request) = requested.recv() {
        let Some(engine) = engine.upgrade() else { return };
        match request {
            Request::Load(tenant) => load(&engine, &tenant),
            Request::Evict => engine.resident.evict(None),
        }
    }
}

fn load(engine: &Engine, tenant: &TenantId) {
    let started = Instant::now();
    let mut loading = Loading {
        resident: &engine.resident,
        tenant,
        is_done: false,
    };
    match loading.load(engine) {
        Ok(contexts) => {
            let duration_ms = started.elapsed().as_millis();
            tracing::debug!(contexts, duration_ms, "a tenant was loaded into memory");
            engine.resident.evict(Some(tenant));
        }
        Err(error) => tracing::warn!(error, "a tenant could not be loaded into memory, searches stay slower"),
    }
}

/// A tenant that is being loaded. Its drop forgets the tenant, which is requested again when it is used.
struct Loading<'a> {
    resident: &'a Resident,
    tenant: &'a TenantId,
    is_done: bool,
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.resident.forget(self.tenant);
        }
    }
}

impl Loading<'_> {
    /// Returns the number of contexts; `None` if the engine is being closed, or the tenant was dropped meanwhile.
    fn load(&mut self, engine: &Engine) -> Result<Option<usize>, BoxError> {
        let Some(tenant) = read(&self.resident.tenants).get(self.tenant).cloned() else {
            return Ok(None);
        };
        let mut index = TenantIndex::default();
        let of_tenant = filter::all(conditions::of_tenant(self.tenant));
        let mut from = None;
        loop {
            let (page, next) = {
                let (engine, _gate) = engine.read();
                reads::page_of_ids(&engine.shard, &of_tenant, from)?
            };
            for page in page.chunks(PAGE) {
                if self.resident.closing.load(Ordering::Acquire) {
                    return Ok(None);
                }
                self.read(engine, page, &mut index)?;
            }
            if index.size() > self.resident.budget {
                let mut state = tenant.state.write().unwrap_or_else(PoisonError::into_inner);
                *state = State::TooLarge;
                self.resident.too_large.store(true, Ordering::Relaxed);
                self.is_done = true;
                return Ok(None);
            }
            if next.is_none() {
                break;
            }
            from = next;
        }
        loop {
            let written: Vec<PointId> = {
                let mut state = tenant.state.write().unwrap_or_else(PoisonError::into_inner);
                let State::Loading(written) = &mut *state else {
                    return Ok(None);
                };
                if written.is_empty() {
                    let contexts = index.len();
                    self.resident.resize(&tenant, index.size());
                    *state = State::Loaded(Box::new(index));
                    self.is_done = true;
                    return Ok(Some(contexts));
                }
                written.drain().map(PointId::Uuid).collect()
            };
            for page in written.chunks(PAGE) {
                self.read(engine, page, &mut index)?;
            }
        }
    }

    /// Reads points, or finds them gone.
    fn read(&self, engine: &Engine, page: &[PointId], index: &mut TenantIndex) -> Result<(), BoxError> {
        let (engine, _gate) = engine.read();
        let mut gone: HashSet<Uuid> = page.iter().filter_map(uuid).collect();
        for (point, record) in reads::records(engine, self.tenant, page, true)? {
            if let PointId::Uuid(point) = point {
                gone.remove(&point);
                // With its terms and vector, a record can always be put.
                index.put(Change::record(point, &record)?)?;
            }
        }
        for point in gone {
            index.remove(point);
        }
        Ok(())
    }
}

impl Resident {
    /// Evicts tenants that were idle for longest, but not the one that was just loaded, until the rest fits.
    fn evict(&self, loaded: Option<&TenantId>) {
        let mut tenants = self.all();
        let sizes = tenants.iter().map(|(_, tenant)| tenant.size.load(Ordering::Relaxed));
        self.total.store(sizes.sum(), Ordering::Relaxed);
        tenants.sort_by_key(|(_, tenant)| Reverse(tenant.last_use.load(Ordering::Relaxed)));
        while self.total.load(Ordering::Relaxed) > self.budget
            && let Some((id, tenant)) = tenants.pop()
        {
            let is_loaded = matches!(&*read(&tenant.state), State::Loaded(_));
            if loaded != Some(&id) && is_loaded {
                self.forget(&id);
            }
        }
    }
}
