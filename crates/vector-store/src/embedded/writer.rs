//! The one thread that writes.
//!
//! The engine takes one write at a time and blocks while it does. So writes wait in a bounded line and this thread takes
//! them in order; what it has started nothing else comes between, which is how a deletion can count exactly. It also
//! flushes: a flush while another thread writes could claim to have saved what it has only half of.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use qdrant_edge::{
    Filter as EngineFilter, Payload, PayloadOps, PointId, PointInsertOperations, PointOperations, PointStructPersisted,
    PointVectorsPersisted, ScrollRequestBuilder, SetPayloadOp, UpdateOperation, UpdateVectorsOp, VectorOperations,
    VectorStructPersisted, WithPayloadInterface,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::config::{Config, Durability};
use super::engine::Engine;
use super::failure::{Failure, caught};
use super::models::ChangeModels;
use super::optimizer::Changed;
use super::queue::Ticket;
use super::reads;
use super::room::Room;
use super::snapshots::{Frozen, freeze};
use crate::metrics::observe_background;

/// Points in one operation of the engine. It lets nobody read while it replaces points, and larger ones gain nothing.
const CHUNK: usize = 64;

/// Points deleted in one operation of the engine; an id is all there is to each.
const DELETE_CHUNK: usize = 512;

/// Writes that share one flush at most.
const GROUP: usize = 256;

/// How a write ended, for whoever waits for it.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// What there is to write.
#[derive(Debug)]
pub(super) enum Write {
    /// Insert or replace points.
    Upsert(Vec<PointStructPersisted>, Reply<()>),
    /// Insert or replace points and, in the same step, replace those of others that exist; which they are.
    Replace(
        Vec<PointStructPersisted>,
        Vec<PointStructPersisted>,
        Reply<HashSet<PointId>>,
    ),
    /// Replace the payloads of points that exist.
    Update(Vec<(PointId, Payload)>, Reply<()>),
    /// Give points that exist vectors, and replace their payloads where there are some.
    SetVectors(Vec<NewVector>, Reply<()>),
    /// Delete what matches, and count it.
    Delete(EngineFilter, Deletion, Reply<u64>),
    /// Copy everything that was written so far into this folder.
    Freeze(PathBuf, Reply<Frozen>),
    /// Change which models' vectors there are.
    ChangeModels(ChangeModels, Reply<()>),
    /// Write everything out.
    Flush(Reply<()>),
}

/// Whether going back to a snapshot may undo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    ForGood,
    Revocable,
}

/// A vector for a point that exists.
#[derive(Debug)]
pub(super) struct NewVector {
    pub(super) id: PointId,
    /// Named by its model.
    pub(super) vector: VectorStructPersisted,
    pub(super) payload: Option<Payload>,
}

/// Writes until nobody is left who could ask it to.
#[derive(Debug)]
pub(super) struct Writer {
    engine: Arc<Engine>,
    queue: Receiver<(Write, Ticket)>,
    changed: Changed,
    durability: Durability,
    flush_interval: Duration,
    /// Since when something has not been flushed.
    unflushed_since: Option<Instant>,
}

impl Writer {
    pub(super) fn new(
        engine: Arc<Engine>,
        queue: Receiver<(Write, Ticket)>,
        changed: Changed,
        config: &Config,
    ) -> Self {
        Self {
            engine,
            queue,
            changed,
            durability: config.durability,
            flush_interval: Duration::from_secs(config.flush_interval_secs),
            unflushed_since: None,
        }
    }

    /// Works until the line is closed and empty, then flushes. Blocks.
    pub(super) fn run(&mut self) -> Result<(), Failure> {
        loop {
            match self.next() {
                Ok((write, _ticket)) => self.perform(write),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
            if self.until_flush().is_some_and(|wait| wait.is_zero()) {
                // Logged there; it is tried again after the next interval.
                let _logged = self.flush();
            }
        }
    }

    fn next(&self) -> Result<(Write, Ticket), RecvTimeoutError> {
        match self.until_flush() {
            Some(wait) => self.queue.recv_timeout(wait),
            None => self.queue.recv().map_err(|_closed| RecvTimeoutError::Disconnected),
        }
    }

    /// How long until the next flush is due; `None` when there is nothing to flush.
    fn until_flush(&self) -> Option<Duration> {
        self.unflushed_since
            .map(|since| self.flush_interval.saturating_sub(since.elapsed()))
    }

    /// Performs a write. With `fsync` also those that wait, so that one flush serves all of them.
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
            && let Ok((write, _ticket)) = self.queue.try_recv()
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

    /// Applies a write, unless nobody waits for it any more.
    fn apply(&mut self, write: Write) -> Option<Done> {
        match write {
            Write::Upsert(_, reply) | Write::Update(_, reply) | Write::Flush(reply) if reply.is_closed() => None,
            Write::Replace(_, _, reply) if reply.is_closed() => None,
            Write::SetVectors(_, reply) | Write::ChangeModels(_, reply) if reply.is_closed() => None,
            Write::Delete(_, _, reply) if reply.is_closed() => None,
            Write::Freeze(_, reply) if reply.is_closed() => None,
            Write::Upsert(points, reply) => Some(done(
                self.attempt(Room::check_more, |writer| writer.upsert(points)),
                reply,
            )),
            Write::Replace(new, changed, reply) => Some(done(
                self.attempt(Room::check_more, |writer| writer.replace(new, changed)),
                reply,
            )),
            Write::Update(payloads, reply) => Some(done(
                self.attempt(Room::check_more, |writer| writer.update(payloads)),
                reply,
            )),
            Write::SetVectors(vectors, reply) => Some(done(
                self.attempt(Room::check_more, |writer| writer.set_vectors(vectors)),
                reply,
            )),
            Write::ChangeModels(change, reply) => {
                // What was written of the new model must be as durable as the word that it is in use.
                let changed = self
                    .flush()
                    .and_then(|()| self.attempt(Room::check_more, |writer| change.apply(&writer.engine)));
                Some(done(changed.flatten(), reply))
            }
            Write::Delete(filter, deletion, reply) => Some(done(
                self.attempt(Room::check_small, |writer| writer.delete(&filter, deletion)),
                reply,
            )),
            Write::Freeze(folder, reply) => {
                let started = Instant::now();
                // Everything is on the disk then: it is as durable as it can be, and acknowledged after it was asked for.
                let frozen = self
                    .flush()
                    .and_then(|()| self.attempt(Room::check_more, |writer| freeze(&writer.engine, &folder)));
                // Nobody waits any more where sending fails.
                drop(reply.send(frozen.flatten().map(|frozen| frozen.paused(started.elapsed()))));
                None
            }
            Write::Flush(reply) => Some(done(self.flush(), reply)),
        }
    }

    /// Runs a write so that whatever happens is an answer, and the thread lives on.
    fn attempt<T, E: Into<Failure>>(
        &mut self,
        room: fn(&Room) -> Result<(), Failure>,
        write: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, Failure> {
        room(self.engine.room())?;
        // Also when it fails: the part that was applied is to be flushed too.
        self.unflushed_since.get_or_insert_with(Instant::now);
        // What the engine had logged when it failed it applies at the next start.
        let result = caught(|| write(self));
        self.changed.tell();
        result
    }

    fn upsert(&self, points: Vec<PointStructPersisted>) -> Result<(), Failure> {
        for chunk in chunks(points) {
            self.engine.room().check_more()?;
            let ids: Vec<PointId> = chunk.iter().map(|point| point.id).collect();
            let count = ids.len();
            let payloads = chunk.iter().filter_map(|point| point.payload.as_ref());
            let _arrival = self.engine.records().arriving(payloads);
            let upsert = upsert(chunk);
            let existing = reads::existing(self.engine.shard(), ids.clone())?;
            if existing.is_empty() {
                self.engine.shard().update(upsert)?;
            } else {
                let existing: Vec<PointId> = existing.into_iter().collect();
                if reads::readable(&self.engine, &existing)?.len() < existing.len() {
                    return Err(Failure::Unreadable);
                }
                let (shard, _gate) = self.engine.replace(&ids);
                shard.update(upsert)?;
            }
            self.engine.count_changes(count);
        }
        Ok(())
    }

    /// All in one operation and behind the gate, whatever its size: a supersession that is read shows one of both.
    fn replace(
        &self,
        new: Vec<PointStructPersisted>,
        mut changed: Vec<PointStructPersisted>,
    ) -> Result<HashSet<PointId>, Failure> {
        let ids = changed.iter().map(|point| point.id).collect();
        let existing = reads::existing(self.engine.shard(), ids)?;
        changed.retain(|point| existing.contains(&point.id));
        // An operation applies an id once: of a repeated one, the last point stays.
        let points: BTreeMap<_, _> = new.into_iter().chain(changed).map(|point| (point.id, point)).collect();
        if points.is_empty() {
            return Ok(existing);
        }
        let ids: Vec<PointId> = points.keys().copied().collect();
        let stored: Vec<PointId> = reads::existing(self.engine.shard(), ids.clone())?.into_iter().collect();
        if reads::readable(&self.engine, &stored)?.len() < stored.len() {
            return Err(Failure::Unreadable);
        }
        let points: Vec<_> = points.into_values().collect();
        let _arrival = self
            .engine
            .records()
            .arriving(points.iter().filter_map(|point| point.payload.as_ref()));
        let (shard, _gate) = self.engine.replace(&ids);
        shard.update(upsert(points))?;
        self.engine.count_changes(ids.len());
        Ok(existing)
    }

    fn update(&self, payloads: Vec<(PointId, Payload)>) -> Result<(), Failure> {
        let ids = payloads.iter().map(|(id, _)| *id).collect();
        // The engine would fail on ids it does not have, after it had changed others.
        let existing = reads::existing(self.engine.shard(), ids)?;
        for (id, payload) in payloads {
            if existing.contains(&id) {
                let _arrival = self.engine.records().arriving(std::iter::once(&payload));
                let (shard, _gate) = self.engine.replace(&[id]);
                shard.update(overwrite(id, payload))?;
                self.engine.count_changes(1);
            }
        }
        Ok(())
    }

    /// The vector comes first: should this end in between, it is set once more.
    fn set_vectors(&self, vectors: Vec<NewVector>) -> Result<(), Failure> {
        let ids = vectors.iter().map(|new| new.id).collect();
        let existing = reads::existing(self.engine.shard(), ids)?;
        for NewVector { id, vector, payload } in vectors.into_iter().filter(|new| existing.contains(&new.id)) {
            let _arrival = self.engine.records().arriving(payload.iter());
            let (shard, _gate) = self.engine.replace(&[id]);
            shard.update(UpdateOperation::VectorOperation(VectorOperations::UpdateVectors(
                UpdateVectorsOp {
                    points: vec![PointVectorsPersisted { id, vector }],
                    update_filter: None,
                },
            )))?;
            if let Some(payload) = payload {
                shard.update(overwrite(id, payload))?;
            }
            self.engine.count_changes(1);
        }
        Ok(())
    }

    /// Deletes what it has found, so that what is counted is what was deleted. Nothing is deleted for good unless all of it
    /// is in the log of deletions. What is damaged stays: nobody can read it.
    fn delete(&self, filter: &EngineFilter, deletion: Deletion) -> Result<u64, Failure> {
        let ids = self.matching(filter)?;
        if deletion == Deletion::ForGood {
            self.engine.erase(&ids)?;
        }
        for chunk in ids.chunks(DELETE_CHUNK) {
            self.engine.room().check_small()?;
            let (shard, _gate) = self.engine.replace(chunk);
            let ids = chunk.to_vec();
            shard.update(UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }))?;
            self.engine.count_changes(chunk.len());
        }
        Ok(ids.len() as u64)
    }

    fn matching(&self, filter: &EngineFilter) -> Result<Vec<PointId>, Failure> {
        let mut found = Vec::new();
        let mut page = ScrollRequestBuilder::new()
            .filter(filter.clone())
            .limit(DELETE_CHUNK)
            .with_payload(WithPayloadInterface::Bool(false))
            .build();
        loop {
            let (records, next) = self.engine.shard().scroll(page.clone())?;
            let ids: Vec<PointId> = records.into_iter().map(|record| record.id).collect();
            found.extend(reads::readable(&self.engine, &ids)?);
            page.offset = Some(match next {
                Some(next) => next,
                None => return Ok(found),
            });
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        // First what was erased, then that it is gone.
        let result = self
            .engine
            .room()
            .check_small()
            .and_then(|()| self.engine.sync_erasures())
            .and_then(|()| caught(|| self.engine.shard().flush()));
        observe_background("flush", started, &result);
        self.engine.troubles().worked("writing everything out", &result);
        if let Err(error) = &result {
            tracing::error!(%error, source = error_source(error), "flush failed, it is tried again");
            self.unflushed_since = Some(Instant::now());
        } else {
            self.unflushed_since = None;
            self.engine.room().reserve_some();
        }
        result
    }
}

/// Acknowledges a write that was applied, once it is as durable as asked for: by the outcome of the flush.
type Done = Box<dyn FnOnce(&Result<(), Failure>)>;

fn done<T: 'static>(result: Result<T, Failure>, reply: Reply<T>) -> Done {
    Box::new(|flushed| {
        // Nobody waits any more where sending fails.
        drop(reply.send(result.and_then(|value| flushed.clone().map(|()| value))));
    })
}

fn upsert(points: Vec<PointStructPersisted>) -> UpdateOperation {
    UpdateOperation::PointOperation(PointOperations::UpsertPoints(PointInsertOperations::PointsList(points)))
}

/// Splits points into chunks for one operation each, in their order. An operation applies an id once, so that a
/// repeated one, which is to replace the earlier, starts a new chunk.
fn chunks(points: Vec<PointStructPersisted>) -> Vec<Vec<PointStructPersisted>> {
    let mut chunks: Vec<Vec<PointStructPersisted>> = Vec::new();
    for point in points {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK && chunk.iter().all(|other| other.id != point.id) => chunk.push(point),
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

    fn points(ids: impl IntoIterator<Item = u64>) -> Vec<PointStructPersisted> {
        let vector = || VectorStructPersisted::Single(Vec::new());
        ids.into_iter()
            .map(|id| PointStructPersisted {
                id: PointId::NumId(id),
                vector: vector(),
                payload: None,
            })
            .collect()
    }

    #[test]
    fn chunks_keep_the_order_and_never_hold_an_id_twice() {
        let sizes = |ids: Vec<u64>| chunks(points(ids)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..150).collect()), [64, 64, 22]);
        assert_eq!(sizes(vec![1, 2, 1, 1, 3]), [2, 1, 2]);
        assert_eq!(sizes(vec![]), [0; 0]);
    }
}
