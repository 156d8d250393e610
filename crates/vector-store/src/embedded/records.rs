//! A cache of decoded records.
//!
//! The engine keeps payloads as JSON and every search reads hundreds of them, most of them repeatedly: reading and decoding
//! them costs several times as much as finding them.
//!
//! Invariant: a cached record is the stored one. Reads insert records, writes that replace or remove them evict them, and the
//! engine's gate keeps the two apart. An offset of a session is cached as empty only when nothing was written to any offset
//! since it was looked up, as new points are written while others read.

use std::collections::{HashMap, HashSet};
use std::mem::size_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use context_manager_core::TenantId;
use context_manager_core::ports::{BoxError, Record};
use moka::sync::Cache;
use qdrant_edge::{Payload, PointId};

use crate::metrics::{CACHE_HITS, CACHE_MISSES};
use crate::payload::key;

/// Bytes of a record beside its text and vectors: the structs, the strings of its scope, the cache's entry.
const OVERHEAD: usize = 2 * size_of::<Record>();

/// Minimum number of records per reader thread: reading one takes some ten microseconds while its page is in memory, and
/// starting a thread takes as long as three.
const WORTH_A_THREAD: usize = 32;

/// Bytes of a session offset: key, value, the cache's entry.
const OFFSET_BYTES: u64 = 160;

/// A cache with a maximum number of bytes.
#[derive(Debug)]
pub(super) struct RecordCache {
    records: Cache<PointId, Arc<Record>>,
    /// The point at each offset when it was read, a hint to be checked against the record; `None` where there was none.
    offsets: Cache<(TenantId, i64), Option<PointId>>,
    /// Number of times that points were written to offsets.
    arrivals: Mutex<u64>,
    threads: usize,
}

/// A record and its point.
type Found = (PointId, Arc<Record>);

impl RecordCache {
    /// Keeps about `bytes` of records and half as many of offsets; 0 keeps none. Reads missing ones on at most `threads`.
    pub(super) fn new(bytes: u64, threads: usize) -> Self {
        let cache = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, record: &Arc<Record>| u32::try_from(weight(record)).unwrap_or(u32::MAX))
            .build();
        Self {
            records: cache,
            offsets: Cache::new(bytes / 2 / OFFSET_BYTES),
            arrivals: Mutex::default(),
            threads: threads.max(1),
        }
    }

    /// Returns the records of these points, in their order; passes over points that are gone. `read` reads those that are
    /// not cached. Blocks.
    ///
    /// The caller holds the engine's gate for reading.
    pub(super) fn get(
        &self,
        tenant: &TenantId,
        ids: &[PointId],
        read: impl Fn(&[PointId]) -> Result<Vec<(PointId, Record)>, BoxError> + Sync,
    ) -> Result<Vec<Found>, BoxError> {
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
        for (id, record) in self.read(&missing, read)? {
            let record = Arc::new(record);
            if let Some(offset) = record.context.slot {
                self.offsets.insert((tenant.clone(), offset), Some(id));
            }
            self.records.insert(id, Arc::clone(&record));
            known.insert(id, record);
        }
        Ok(ids.iter().filter_map(|id| known.remove_entry(id)).collect())
    }

    /// Returns the records at these offsets of sessions. `find` finds the points of those that are not cached. Blocks.
    ///
    /// The engine takes longer to find offsets than anything else that a search needs, and they hardly ever change.
    pub(super) fn at_offsets(
        &self,
        tenant: &TenantId,
        offsets: &[i64],
        find: impl FnOnce(&[i64]) -> Result<Vec<PointId>, BoxError>,
        read: impl Fn(&[PointId]) -> Result<Vec<(PointId, Record)>, BoxError> + Sync,
    ) -> Result<Vec<Found>, BoxError> {
        let mut unknown: HashSet<i64> = offsets.iter().copied().collect();
        let mut known = Vec::with_capacity(offsets.len());
        for offset in offsets {
            match self.offsets.get(&(tenant.clone(), *offset)) {
                Some(Some(point)) => known.push(point),
                Some(None) => drop(unknown.remove(offset)),
                None => {}
            }
        }
        let mut found = self.get(tenant, &known, &read)?;
        found.retain(|(_, record)| record.context.slot.is_some_and(|offset| unknown.remove(&offset)));
        if !unknown.is_empty() {
            let arrivals = *self.arrivals();
            let missing: Vec<i64> = unknown.iter().copied().collect();
            let more = self.get(tenant, &find(&missing)?, &read)?;
            for (_, record) in &more {
                record.context.slot.map(|offset| unknown.remove(&offset));
            }
            self.insert_empty(tenant, unknown, arrivals);
            found.extend(more);
        }
        Ok(found)
    }

    /// Caches these offsets as empty, unless points were written to offsets since there were `arrivals`.
    fn insert_empty(&self, tenant: &TenantId, offsets: HashSet<i64>, arrivals: u64) {
        let now = self.arrivals();
        if *now == arrivals {
            for offset in offsets {
                self.offsets.insert((tenant.clone(), offset), None);
            }
        }
    }

    /// Returns a guard to hold while points with these payloads are written, and to drop before they are acknowledged: its
    /// drop evicts their offsets, however the write ended.
    pub(super) fn arriving<'a>(&self, payloads: impl Iterator<Item = &'a Payload>) -> Arrival<'_> {
        Arrival {
            cache: self,
            offsets: payloads.filter_map(offset).collect(),
        }
    }

    fn arrivals(&self) -> MutexGuard<'_, u64> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads records, on several threads if there are many: a search waits for all of them.
    fn read(
        &self,
        ids: &[PointId],
        read: impl Fn(&[PointId]) -> Result<Vec<(PointId, Record)>, BoxError> + Sync,
    ) -> Result<Vec<(PointId, Record)>, BoxError> {
        let share = ids.len().div_ceil(self.threads).max(WORTH_A_THREAD);
        let mut shares = ids.chunks(share);
        let Some(own) = shares.next() else {
            return Ok(Vec::new());
        };
        let read = &read;
        thread::scope(|scope| {
            let others: Vec<_> = shares.map(|ids| scope.spawn(move || read(ids))).collect();
            let mut found = read(own)?;
            for other in others {
                found.extend(other.join().map_err(|_panic| "a thread that read records panicked")??);
            }
            Ok(found)
        })
    }

    /// Evicts everything. The caller holds the gate for writing.
    pub(super) fn clear(&self) {
        self.records.invalidate_all();
        self.offsets.invalidate_all();
    }

    /// Evicts these records. The caller holds the gate for writing until they are replaced or removed.
    pub(super) fn forget(&self, ids: &[PointId]) {
        for id in ids {
            self.records.invalidate(id);
        }
    }
}

/// Points that are being written to offsets.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    cache: &'a RecordCache,
    offsets: Vec<(TenantId, i64)>,
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if self.offsets.is_empty() {
            return;
        }
        let mut arrivals = self.cache.arrivals();
        *arrivals += 1;
        for offset in &self.offsets {
            self.cache.offsets.invalidate(offset);
        }
    }
}

/// Returns the session offset of the point with this payload.
fn offset(payload: &Payload) -> Option<(TenantId, i64)> {
    let offset = payload.0.get(key::SLOT)?.as_i64()?;
    let tenant = TenantId::try_new(payload.0.get(key::TENANT)?.as_str()?).ok()?;
    Some((tenant, offset))
}

fn weight(record: &Record) -> usize {
    let dense = record.dense.as_ref().map_or(0, Vec::len) * size_of::<f32>();
    let terms = record.terms.indices.len() * (size_of::<u32>() + size_of::<f32>());
    // Metadata is small beside the rest, and bounded together with the text.
    OVERHEAD + dense + terms + record.context.text.len()
}
