//! Records read lately, decoded.
//!
//! The engine keeps payloads as JSON and every search reads hundreds of them, most of them again and again: reading and
//! decoding them costs several times what finding them does.
//!
//! Invariant: a record in here is the one that is stored. Records are put in by reads and taken out by writes that
//! replace or remove them, and the engine's gate keeps the two apart. A place in a session is remembered as empty only when
//! nothing was put into any place since it was looked at, as new points are written while others read.

use std::collections::{HashMap, HashSet};
use std::mem::size_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use context_manager_core::TenantId;
use context_manager_core::ports::{BoxError, Record};
use moka::sync::Cache;
use qdrant_edge::{Payload, PointId};

use super::engine::Engine;
use super::reads;
use crate::metrics::{CACHE_HITS, CACHE_MISSES};
use crate::payload::key;

/// What a record takes beside its text and vectors: the structs, the strings of its scope, the cache's own.
const OVERHEAD: usize = 2 * size_of::<Record>();

/// So many records are worth a thread of their own: reading one takes some ten microseconds, as long as its page is in
/// memory, and starting a thread takes as long as three.
const WORTH_A_THREAD: usize = 32;

/// What a place in a session takes: key, value, the cache's own.
const SLOT_BYTES: u64 = 160;

/// A bounded number of bytes of records.
#[derive(Debug)]
pub(super) struct RecordCache {
    records: Cache<PointId, Arc<Record>>,
    /// Which point stood where when it was read, a hint: whether it still does, its record says. `None` where none stands.
    slots: Cache<(TenantId, i64), Option<PointId>>,
    /// How often something was put into a place.
    arrivals: Mutex<u64>,
    threads: usize,
}

/// A record and its point.
type Found = (PointId, Arc<Record>);

impl RecordCache {
    /// Keeps about `bytes` of records and half as many of places; 0 keeps none. Those it does not have are read by at most `threads`.
    pub(super) fn new(bytes: u64, threads: usize) -> Self {
        let cache = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, record: &Arc<Record>| u32::try_from(weight(record)).unwrap_or(u32::MAX))
            .build();
        Self {
            records: cache,
            slots: Cache::new(bytes / 2 / SLOT_BYTES),
            arrivals: Mutex::default(),
            threads: threads.max(1),
        }
    }

    /// The records of these points, in their order; points that are gone are passed over. Blocks.
    ///
    /// The caller reads: it holds the engine's gate.
    pub(super) fn get(&self, engine: &Engine, tenant: &TenantId, ids: &[PointId]) -> Result<Vec<Found>, BoxError> {
        let mut known: HashMap<PointId, Arc<Record>> = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.records.get(id) {
                Some(record) => drop(known.insert(*id, record)),
                None => missing.push(*id),
            }
        }
        metrics::counter!(CACHE_HITS, "cache" => "records").increment(known.len() as u64);
        metrics::counter!(CACHE_MISSES, "cache" => "records").increment(missing.len() as u64);
        for (id, record) in self.read(engine, tenant, &missing)? {
            if let Some(slot) = record.context.slot {
                self.slots.insert((tenant.clone(), slot), Some(id));
            }
            self.records.insert(id, Arc::clone(&record));
            known.insert(id, record);
        }
        Ok(ids.iter().filter_map(|id| known.remove_entry(id)).collect())
    }

    /// The records at these places in sessions; `look_up` finds the points of those that are not known. Blocks.
    ///
    /// The engine takes longer to find places than anything else that a search asks of it, and they hardly ever change.
    pub(super) fn at_slots(
        &self,
        engine: &Engine,
        tenant: &TenantId,
        slots: &[i64],
        look_up: impl FnOnce(&[i64]) -> Result<Vec<PointId>, BoxError>,
    ) -> Result<Vec<Found>, BoxError> {
        let mut unknown: HashSet<i64> = slots.iter().copied().collect();
        let mut known = Vec::with_capacity(slots.len());
        for slot in slots {
            match self.slots.get(&(tenant.clone(), *slot)) {
                Some(Some(point)) => known.push(point),
                Some(None) => drop(unknown.remove(slot)),
                None => {}
            }
        }
        let mut found = self.get(engine, tenant, &known)?;
        found.retain(|(_, record)| record.context.slot.is_some_and(|slot| unknown.remove(&slot)));
        if !unknown.is_empty() {
            let arrivals = *self.arrivals();
            let looked_at: Vec<i64> = unknown.iter().copied().collect();
            let more = self.get(engine, tenant, &look_up(&looked_at)?)?;
            for (_, record) in &more {
                record.context.slot.map(|slot| unknown.remove(&slot));
            }
            self.remember_empty(tenant, unknown, arrivals);
            found.extend(more);
        }
        Ok(found)
    }

    /// Remembers that nothing stands at these places, unless something was put into a place since there were so many
    /// `arrivals`.
    fn remember_empty(&self, tenant: &TenantId, slots: HashSet<i64>, arrivals: u64) {
        let now = self.arrivals();
        if *now == arrivals {
            for slot in slots {
                self.slots.insert((tenant.clone(), slot), None);
            }
        }
    }

    /// To be held while points with these payloads are written: at its end, however that came, it is forgotten that places
    /// were empty where they stand now. Nobody may be told that they are stored before.
    pub(super) fn arriving<'a>(&self, payloads: impl Iterator<Item = &'a Payload>) -> Arrival<'_> {
        Arrival {
            cache: self,
            places: payloads.filter_map(place).collect(),
        }
    }

    fn arrivals(&self) -> MutexGuard<'_, u64> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads records from the engine, on several threads if there are many: a search waits for all of them.
    fn read(&self, engine: &Engine, tenant: &TenantId, ids: &[PointId]) -> Result<Vec<Found>, BoxError> {
        let share = ids.len().div_ceil(self.threads).max(WORTH_A_THREAD);
        let mut shares = ids.chunks(share);
        let Some(own) = shares.next() else {
            return Ok(Vec::new());
        };
        thread::scope(|scope| {
            let others: Vec<_> = shares.map(|ids| scope.spawn(|| read(engine, tenant, ids))).collect();
            let mut found = read(engine, tenant, own)?;
            for other in others {
                found.extend(other.join().map_err(|_panic| "a thread that read records panicked")??);
            }
            Ok(found)
        })
    }

    /// Forgets everything, while reads are kept out.
    pub(super) fn clear(&self) {
        self.records.invalidate_all();
        self.slots.invalidate_all();
    }

    /// Forgets what is about to be replaced or removed. The caller keeps reads out until that is done.
    pub(super) fn forget(&self, ids: &[PointId]) {
        for id in ids {
            self.records.invalidate(id);
        }
    }
}

/// Points that are being put into places.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    cache: &'a RecordCache,
    places: Vec<(TenantId, i64)>,
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if self.places.is_empty() {
            return;
        }
        let mut arrivals = self.cache.arrivals();
        *arrivals += 1;
        for place in &self.places {
            self.cache.slots.invalidate(place);
        }
    }
}

fn read(engine: &Engine, tenant: &TenantId, ids: &[PointId]) -> Result<Vec<Found>, BoxError> {
    let records = reads::records(engine, tenant, ids, true)?.into_iter();
    Ok(records.map(|(id, record)| (id, Arc::new(record))).collect())
}

/// Where the point with this payload stands.
fn place(payload: &Payload) -> Option<(TenantId, i64)> {
    let slot = payload.0.get(key::SLOT)?.as_i64()?;
    let tenant = TenantId::try_new(payload.0.get(key::TENANT)?.as_str()?).ok()?;
    Some((tenant, slot))
}

fn weight(record: &Record) -> usize {
    let dense = record.dense.as_ref().map_or(0, Vec::len) * size_of::<f32>();
    let terms = record.terms.indices.len() * (size_of::<u32>() + size_of::<f32>());
    // Metadata is small beside the rest; a text and it together are bounded.
    OVERHEAD + dense + terms + record.context.text.len()
}
