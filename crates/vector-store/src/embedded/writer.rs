//! The thread that writes and flushes.
//!
//! The engine applies one write at a time and blocks meanwhile, so writes queue for this thread, which applies them in order.
//! As nothing runs between the steps of a write, a deletion counts exactly. Flushing happens here too: a flush during
//! another thread's write could acknowledge half of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use context_manager_core::TenantId;
use qdrant_edge::{
    Filter as EngineFilter, Payload, PayloadOps, PointId, PointInsertOperations, PointOperations, PointStructPersisted,
    PointVectorsPersisted, SetPayloadOp, UpdateOperation, UpdateVectorsOp, VectorOperations,
};
use tokio::time::Instant;

use super::config::{Config, Durability};
use super::engine::Engine;
use super::failure::{Failure, caught};
use super::freeze::freeze;
use super::optimizer::Changed;
use super::purge::delete;
use super::queue::Queued;
use super::room::Room;
use super::write::{Deleted, Deletion, NewPayload, NewPoint, NewVector, Reply, Write};
use super::{filter, reads};
use crate::metrics::observe_background;

/// Maximum number of points per upsert. Reads wait while points are replaced, and larger operations gain nothing.
const CHUNK: usize = 64;

/// Number of points that get vectors while reads wait: each takes several times as long as in an upsert.
const VECTORS: usize = 16;

/// Maximum number of points per deletion.
const DELETE_CHUNK: usize = 512;

/// Maximum number of writes per flush.
const GROUP: usize = 256;

/// The writer, which runs until the queue is closed.
#[derive(Debug)]
pub(super) struct Writer {
    engine: Arc<Engine>,
    queue: Receiver<Queued<Write>>,
    changed: Changed,
    durability: Durability,
    flush_interval: Duration,
    /// Time of the first write after the last flush.
    unflushed_since: Option<Instant>,
}

impl Writer {
    pub(super) fn new(engine: Arc<Engine>, queue: Receiver<Queued<Write>>, changed: Changed, config: &Config) -> Self {
        Self {
            engine,
            queue,
            changed,
            durability: config.durability,
            flush_interval: Duration::from_secs(config.flush_interval_secs),
            unflushed_since: None,
        }
    }

    /// Writes until the queue is closed and empty, then flushes. Blocks.
    pub(super) fn run(&mut self) -> Result<(), Failure> {
        loop {
            match self.next() {
                Ok((write, _queued)) => self.perform(write),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
            if self.until_flush().is_some_and(|wait| wait.is_zero()) {
                // A failure is logged, and the flush retried after the next interval.
                let _logged = self.flush();
            }
        }
    }

    fn next(&self) -> Result<Queued<Write>, RecvTimeoutError> {
        match self.until_flush() {
            Some(wait) => self.queue.recv_timeout(wait),
            None => self.queue.recv().map_err(|_closed| RecvTimeoutError::Disconnected),
        }
    }

    /// Returns the time until the next flush is due; `None` when there is nothing to flush.
    fn until_flush(&self) -> Option<Duration> {
        self.unflushed_since
            .map(|since| self.flush_interval.saturating_sub(since.elapsed()))
    }

    /// Performs a write. With `fsync`, also performs the queued ones, so that one flush serves all of them.
    fn perform(&mut self, write: Write) {
        if self.durability == Durability::Process {
            if let Some(acknowledge) = self.apply(write) {
                acknowledge(&Ok(()));
            }
            return;
        }
        let mut done = Vec::new();
        done.extend(self.apply(write));
        let mut taken = 1;
        while taken < GROUP
            && let Ok((write, _queued)) = self.queue.try_recv()
        {
            done.extend(self.apply(write));
            taken += 1;
        }
        let flushed = if self.unflushed_since.is_some() {
            self.flush()
        } else {
            Ok(())
        };
        for acknowledge in done {
            acknowledge(&flushed);
        }
    }

    /// Applies a write, unless its caller has stopped waiting.
    fn apply(&mut self, write: Write) -> Option<Done> {
        if write.is_abandoned() {
            return None;
        }
        Some(match write {
            Write::Upsert(tenant, points, reply) => {
                let upserted = self.attempt_on(&tenant, |writer| writer.upsert(&tenant, points));
                done(upserted, reply)
            }
            Write::Replace(tenant, new, changed, reply) => {
                let replaced = self.attempt_on(&tenant, |writer| writer.replace(&tenant, new, changed));
                done(replaced, reply)
            }
            Write::Update(tenant, payloads, reply) => {
                let updated = self.attempt_on(&tenant, |writer| writer.update(&tenant, payloads));
                done(updated, reply)
            }
            Write::SetVectors(tenant, vectors, reply) => {
                let set = self.attempt_on(&tenant, |writer| writer.set_vectors(&tenant, vectors));
                done(set, reply)
            }
            Write::ChangeModels(change, reply) => {
                // The new model's vectors must be as durable as the manifest that names it.
                let changed = self
                    .flush()
                    .and_then(|()| self.attempt(|writer| change.apply(&writer.engine)));
                done(changed, reply)
            }
            Write::Delete(tenant, filter, deletion, reply) => {
                let delete = |writer: &Self| writer.delete(&tenant, &filter, deletion);
                let deleted = self.attempt_in(Room::check_small, delete);
                done(self.followed(&tenant, deleted), reply)
            }
            Write::Freeze(folder, reply) => {
                let started = Instant::now();
                let frozen = self
                    .flush()
                    .and_then(|()| self.attempt(|writer| freeze(&writer.engine, &folder)));
                // The copy is durable by itself: it waits for no flush. Sending fails when the caller is gone.
                drop(reply.send(frozen.map(|frozen| frozen.paused(started.elapsed()))));
                return None;
            }
            Write::Flush(reply) => done(self.flush(), reply),
        })
    }

    /// Runs a write to a tenant for which there must be room on the disk.
    fn attempt_on<T>(
        &mut self,
        tenant: &TenantId,
        write: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let result = self.attempt(write);
        self.followed(tenant, result)
    }

    /// Drops a tenant from memory after a write with an unknown outcome.
    fn followed<T>(&self, tenant: &TenantId, result: Result<T, Failure>) -> Result<T, Failure> {
        result.inspect_err(|_failure| self.engine.resident.forget(tenant))
    }

    /// Runs a write for which there must be room on the disk.
    fn attempt<T>(&mut self, write: impl FnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        self.attempt_in(Room::check_more, write)
    }

    /// Runs a write and turns a panic into a failure, so that the thread lives on.
    fn attempt_in<T>(
        &mut self,
        room: fn(&Room) -> Result<(), Failure>,
        write: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        room(&self.engine.room)?;
        // Even when the write fails, the part that was applied must be flushed.
        self.unflushed_since.get_or_insert_with(Instant::now);
        let result = caught(|| write(self));
        self.changed.tell();
        result
    }

    fn upsert(&self, tenant: &TenantId, points: Vec<NewPoint>) -> Result<(), Failure> {
        for chunk in chunks(points, |new| new.point.id) {
            self.engine.room.check_more()?;
            let ids: Vec<PointId> = chunk.iter().map(|new| new.point.id).collect();
            let count = ids.len();
            let (points, changes) = chunk.into_iter().map(|new| (new.point, new.change)).unzip();
            let upsert = upsert(points);
            if self.check_replaced(&ids)? {
                let (shard, _gate) = self.engine.replace(&ids);
                shard.update(upsert)?;
            } else {
                self.engine.shard.update(upsert)?;
            }
            self.engine.resident.apply(tenant, changes);
            self.engine.count_changes(count);
        }
        Ok(())
    }

    /// Returns whether any of these points exists. The engine must be able to read those that it replaces.
    fn check_replaced(&self, ids: &[PointId]) -> Result<bool, Failure> {
        let existing: Vec<PointId> = reads::existing(&self.engine.shard, ids.to_vec())?.into_iter().collect();
        if self.readable(&existing)?.len() < existing.len() {
            return Err(Failure::Unreadable);
        }
        Ok(!existing.is_empty())
    }

    fn readable(&self, ids: &[PointId]) -> Result<Vec<PointId>, Failure> {
        let unreadable = |id, failure: &Failure| self.engine.troubles.unreadable(id, failure);
        reads::readable(&self.engine.shard, ids, &unreadable)
    }

    /// Writes everything in one operation behind the gate, whatever its size: a read sees all of a supersession or nothing.
    fn replace(
        &self,
        tenant: &TenantId,
        new: Vec<NewPoint>,
        mut replaced: Vec<NewPoint>,
    ) -> Result<HashSet<PointId>, Failure> {
        let ids = replaced.iter().map(|new| new.point.id).collect();
        let existing = reads::existing(&self.engine.shard, ids)?;
        replaced.retain(|new| existing.contains(&new.point.id));
        // The engine applies an id once per operation: of a repeated one, the last point counts.
        let points = new.into_iter().chain(replaced).map(|new| (new.point.id, new));
        let points: BTreeMap<_, _> = points.collect();
        if points.is_empty() {
            return Ok(existing);
        }
        let ids: Vec<PointId> = points.keys().copied().collect();
        self.check_replaced(&ids)?;
        let (points, changes) = points.into_values().map(|new| (new.point, new.change)).unzip();
        let (shard, _gate) = self.engine.replace(&ids);
        shard.update(upsert(points))?;
        self.engine.resident.apply(tenant, changes);
        self.engine.count_changes(ids.len());
        Ok(existing)
    }

    fn update(&self, tenant: &TenantId, payloads: Vec<NewPayload>) -> Result<(), Failure> {
        let ids = payloads.iter().map(|new| new.id).collect();
        // The engine would fail on an unknown id after it had changed other points.
        let existing = reads::existing(&self.engine.shard, ids)?;
        for NewPayload { id, payload, change } in payloads {
            if existing.contains(&id) {
                let (shard, _gate) = self.engine.replace(&[id]);
                shard.update(overwrite(id, payload))?;
                self.engine.resident.apply(tenant, vec![change]);
                self.engine.count_changes(1);
            }
        }
        Ok(())
    }

    /// Writes the vectors first: after an interruption in between, they are set again. Of a repeated id, the last one counts.
    fn set_vectors(&self, tenant: &TenantId, vectors: Vec<NewVector>) -> Result<(), Failure> {
        let ids = vectors.iter().map(|new| new.id).collect();
        let existing = reads::existing(&self.engine.shard, ids)?;
        let new = vectors.into_iter().filter(|new| existing.contains(&new.id));
        let new: BTreeMap<_, _> = new.map(|new| (new.id, new)).collect();
        let mut new = new.into_values().peekable();
        while new.peek().is_some() {
            let (mut points, mut payloads, mut changes) = (Vec::new(), Vec::new(), Vec::new());
            for NewVector { id, vector, payload } in new.by_ref().take(VECTORS) {
                points.push(PointVectorsPersisted { id, vector });
                if let Some((payload, change)) = payload {
                    payloads.push((id, payload));
                    changes.push(change);
                }
            }
            let ids: Vec<PointId> = points.iter().map(|point| point.id).collect();
            let (shard, _gate) = self.engine.replace(&ids);
            shard.update(UpdateOperation::VectorOperation(VectorOperations::UpdateVectors(
                UpdateVectorsOp {
                    points,
                    update_filter: None,
                },
            )))?;
            for (id, payload) in payloads {
                shard.update(overwrite(id, payload))?;
            }
            self.engine.resident.apply(tenant, changes);
            self.engine.count_changes(ids.len());
        }
        Ok(())
    }

    /// Deletes the points that it has found, so that the count is exact. Deletes nothing for good unless the log of deletions
    /// has all of it.
    fn delete(&self, tenant: &TenantId, filter: &EngineFilter, deletion: Deletion) -> Result<Deleted, Failure> {
        let ids = reads::ids(&self.engine.shard, filter)?;
        if deletion == Deletion::ForGood {
            match filter::named(filter) {
                // Also those that are not stored any more: an older snapshot may have them.
                Some(named) => self.engine.log_deletion(None, named.into_iter())?,
                None => self.engine.log_deletion(Some(filter), ids.iter().copied())?,
            }
        }
        let mut deleted = Deleted::default();
        for chunk in ids.chunks(DELETE_CHUNK) {
            self.engine.room.check_small()?;
            let readable = self.readable(chunk)?;
            if readable.len() < chunk.len() {
                deleted
                    .unreadable
                    .extend(chunk.iter().filter(|id| !readable.contains(id)));
            }
            if !readable.is_empty() {
                let (shard, _gate) = self.engine.replace(&readable);
                let count = readable.len();
                shard.update(delete(readable.clone()))?;
                self.engine.resident.remove(tenant, &readable);
                self.engine.forget_accesses(&readable);
                self.engine.count_changes(count);
                deleted.count += count as u64;
            }
        }
        Ok(deleted)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        // The log of deletions must be durable before the deletions are.
        let result = self
            .engine
            .room
            .check_small()
            .and_then(|()| self.engine.sync_deletions())
            .and_then(|()| caught(|| self.engine.shard.flush()));
        observe_background("flush", started, &result);
        self.engine.troubles.worked("writing everything out", &result);
        if let Err(error) = &result {
            tracing::error!(%error, source = error_source(error), "flush failed and will be retried");
            self.unflushed_since = Some(Instant::now());
        } else {
            self.unflushed_since = None;
            self.engine.room.reserve_some();
        }
        result
    }
}

/// Acknowledges an applied write, given the result of the flush that makes it durable.
type Done = Box<dyn FnOnce(&Result<(), Failure>)>;

fn done<T: 'static>(result: Result<T, Failure>, reply: Reply<T>) -> Done {
    Box::new(|flushed| {
        // Sending fails when the caller is gone.
        drop(reply.send(result.and_then(|value| flushed.clone().map(|()| value))));
    })
}

fn upsert(points: Vec<PointStructPersisted>) -> UpdateOperation {
    UpdateOperation::PointOperation(PointOperations::UpsertPoints(PointInsertOperations::PointsList(points)))
}

/// Splits points into chunks of one operation each, in their order. The engine applies an id once per operation, so a repeated
/// id starts a new chunk.
fn chunks<T>(points: Vec<T>, id: impl Fn(&T) -> PointId) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = Vec::new();
    for point in points {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK && chunk.iter().all(|other| id(other) != id(&point)) => {
                chunk.push(point);
            }
            Some(_) | None => chunks.push(vec![point]),
        }
    }
    chunks
}

fn overwrite(id: PointId, payload: Payload) -> UpdateOperation {
    UpdateOperation::PayloadOperation(PayloadOps::OverwritePayload(SetPayloadOp {
        payload,
        points: Some(vec![id]),
        filter: None,
        key: None,
    }))
}

fn error_source(failure: &Failure) -> Option<String> {
    std::error::Error::source(failure).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_the_order_and_never_hold_an_id_twice() {
        let sizes = |ids: Vec<u64>| {
            let chunks = chunks(ids, |id| PointId::NumId(*id));
            chunks.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes((0..150).collect()), [64, 64, 22]);
        assert_eq!(sizes(vec![1, 2, 1, 1, 3]), [2, 1, 2]);
        assert_eq!(sizes(vec![]), [0; 0]);
    }
}
