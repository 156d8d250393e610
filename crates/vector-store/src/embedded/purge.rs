//! Deleting points in a folder that nobody has open, including those whose payloads the engine cannot read.
//!
//! The engine reads a payload while it deletes it: it removes the payload from its storage, fails to decode it, keeps the
//! point, and then rejects writes to that segment. Once it is loaded again, the payload is gone and the deletion, which it
//! repeats from its log, succeeds.

use qdrant_edge::{EdgeShard, PointId, PointOperations, UpdateOperation};

use super::failure::{Failure, caught};
use super::reads;
use crate::Error;

/// Maximum number of points per deletion.
const CHUNK: usize = 512;

/// Maximum number of deletions of an unreadable point, each after a load of its own.
const ATTEMPTS: usize = 3;

/// Returns the operation that deletes these points.
pub(super) fn delete(ids: Vec<PointId>) -> UpdateOperation {
    UpdateOperation::PointOperation(PointOperations::DeletePoints { ids })
}

/// Deletes those of these points that exist, and returns their number. `load` loads the engine again. Blocks.
pub(super) fn purge(
    mut shard: EdgeShard,
    load: impl Fn() -> Result<EdgeShard, Error>,
    ids: &[PointId],
) -> Result<u64, Failure> {
    let mut deleted = 0;
    for chunk in ids.chunks(CHUNK) {
        let existing: Vec<PointId> = reads::existing(&shard, chunk.to_vec())?.into_iter().collect();
        deleted += existing.len() as u64;
        let readable = reads::readable(&shard, &existing, &|_, _| {})?;
        if readable.len() < existing.len() {
            for unreadable in existing.iter().filter(|id| !readable.contains(id)) {
                shard = purge_one(&load, shard, *unreadable)?;
            }
        }
        if !readable.is_empty() {
            shard.update(delete(readable))?;
        }
    }
    shard.flush()?;
    Ok(deleted)
}

/// Deletes a point that the engine cannot read. In an operation of its own, so that the engine's log has at most one that
/// fails when it is repeated.
fn purge_one(
    load: &impl Fn() -> Result<EdgeShard, Error>,
    mut shard: EdgeShard,
    id: PointId,
) -> Result<EdgeShard, Failure> {
    for _ in 0..ATTEMPTS {
        if reads::existing(&shard, vec![id])?.is_empty() {
            return Ok(shard);
        }
        if let Err(error) = caught(|| shard.update(delete(vec![id]))) {
            tracing::info!(point = %id, %error, "a damaged context is deleted by loading the engine again");
            // Its drop writes out that the payload is gone.
            drop(shard);
            shard = load()?;
        }
    }
    Err(Failure::Unreadable)
}
