//! The writes that the writer's queue carries.

use std::collections::HashSet;
use std::path::PathBuf;

use context_manager_core::TenantId;
use qdrant_edge::{Filter as EngineFilter, Payload, PointId, PointStructPersisted, VectorStructPersisted};
use tokio::sync::oneshot;

use super::failure::Failure;
use super::freeze::Frozen;
use super::models::change::ChangeModels;
use super::resident::Change;

/// Sends the result of a write to the caller that waits for it.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// A write.
#[derive(Debug)]
pub(super) enum Write {
    /// Insert or replace points.
    Upsert(TenantId, Vec<NewPoint>, Reply<()>),
    /// Insert or replace points and, in the same step, replace those of others that exist; replies with these.
    Replace(TenantId, Vec<NewPoint>, Vec<NewPoint>, Reply<HashSet<PointId>>),
    /// Replace the payloads of points that exist.
    Update(TenantId, Vec<NewPayload>, Reply<()>),
    /// Give points that exist vectors, and replace their payloads where there are some.
    SetVectors(TenantId, Vec<NewVector>, Reply<()>),
    /// Delete what matches of a tenant.
    Delete(TenantId, EngineFilter, Deletion, Reply<Deleted>),
    /// Copy everything written so far into this folder.
    Freeze(PathBuf, Reply<Frozen>),
    /// Change which models' vectors there are.
    ChangeModels(ChangeModels, Reply<()>),
    /// Write everything out.
    Flush(Reply<()>),
}

impl Write {
    /// Returns whether the caller has stopped waiting.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Upsert(.., reply)
            | Self::Update(.., reply)
            | Self::SetVectors(.., reply)
            | Self::ChangeModels(_, reply)
            | Self::Flush(reply) => reply.is_closed(),
            Self::Replace(.., reply) => reply.is_closed(),
            Self::Delete(.., reply) => reply.is_closed(),
            Self::Freeze(_, reply) => reply.is_closed(),
        }
    }
}

/// Effect of restoring an older snapshot on a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    /// The snapshot brings nothing back: the deletion is in the log of deletions.
    ForGood,
    /// The snapshot may bring the contexts back.
    Revocable,
}

/// Outcome of a deletion.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    /// Number of deleted points.
    pub(super) count: u64,
    /// Points that match too, but that the engine cannot read, and so deletes only as [`purge`](super::purge) does.
    pub(super) unreadable: Vec<PointId>,
}

/// A point, as the engine and as memory keep it.
#[derive(Debug)]
pub(super) struct NewPoint {
    pub(super) point: PointStructPersisted,
    pub(super) change: Change,
}

/// A payload for a point that exists.
#[derive(Debug)]
pub(super) struct NewPayload {
    pub(super) id: PointId,
    pub(super) payload: Payload,
    pub(super) change: Change,
}

/// A vector for a point that exists.
#[derive(Debug)]
pub(super) struct NewVector {
    pub(super) id: PointId,
    /// Named by its model.
    pub(super) vector: VectorStructPersisted,
    /// For the vectors of the model in use.
    pub(super) payload: Option<(Payload, Change)>,
}
