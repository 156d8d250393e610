//! The engine and everything that lives exactly as long: the lock on its folder, and the gate between reads and writes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use qdrant_edge::{EdgeShard, PointId};
use tokio::sync::watch;

use super::config::Config;
use super::deletions::DeletionLog;
use super::failure::Failure;
use super::folder::{self, Manifest};
use super::lock::FolderLock;
use super::records::RecordCache;
use super::room::Room;
use super::sessions::Sessions;
use super::troubles::Troubles;
use super::wal::CutWhenClosed;
use crate::Error;

/// An open engine.
///
/// Fields are dropped in their order: the engine writes everything out, its log is cut, the lock is released, and the
/// subscribers of `released` are told.
#[derive(Debug)]
pub(super) struct Engine {
    shard: EdgeShard,
    _log: CutWhenClosed,
    manifest: RwLock<Arc<Manifest>>,
    records: RecordCache,
    sessions: Sessions,
    gate: RwLock<()>,
    changes: AtomicU64,
    deletions: Mutex<DeletionLog>,
    /// Held while indexes are rebuilt, and by those who need the files to stay as they are.
    optimizing: Mutex<()>,
    troubles: Arc<Troubles>,
    room: Room,
    retired: AtomicBool,
    path: PathBuf,
    lock: Arc<FolderLock>,
    released: watch::Sender<()>,
}

/// The parts of an open data folder.
pub(super) struct Parts {
    pub(super) shard: EdgeShard,
    pub(super) manifest: Manifest,
    pub(super) deletions: DeletionLog,
    /// Damage that was repaired when the folder was opened.
    pub(super) repaired: Option<String>,
    pub(super) room: Room,
    pub(super) lock: Arc<FolderLock>,
}

impl Engine {
    pub(super) fn new(config: &Config, parts: Parts) -> Self {
        Self {
            shard: parts.shard,
            _log: CutWhenClosed(folder::shard(&config.path)),
            manifest: RwLock::new(Arc::new(parts.manifest)),
            records: RecordCache::new(config.record_cache_bytes, config.threads_per_search()),
            sessions: Sessions::new(),
            gate: RwLock::new(()),
            changes: AtomicU64::new(0),
            deletions: Mutex::new(parts.deletions),
            optimizing: Mutex::new(()),
            troubles: Arc::new(Troubles::new(parts.repaired)),
            room: parts.room,
            retired: AtomicBool::new(false),
            path: config.path.clone(),
            lock: parts.lock,
            released: watch::Sender::new(()),
        }
    }

    /// Returns the engine for reading: no write replaces or removes a point while the guard lives.
    ///
    /// The engine reads its segments one after the other, and replaces a point by writing it into another segment than
    /// the one it deletes it from. Without the gate, a read between the two misses the point.
    pub(super) fn read(&self) -> (&Self, RwLockReadGuard<'_, ()>) {
        // The gate has no data that a panic could leave half changed.
        (self, self.gate.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the engine for replacing or removing the points `ids`.
    pub(super) fn replace(&self, ids: &[PointId]) -> (&EdgeShard, RwLockWriteGuard<'_, ()>) {
        let gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.records.forget(ids);
        self.troubles.forget(ids);
        (&self.shard, gate)
    }

    /// Returns the engine for everything that no read can be confused by.
    pub(super) fn shard(&self) -> &EdgeShard {
        &self.shard
    }

    pub(super) fn manifest(&self) -> Arc<Manifest> {
        Arc::clone(&self.manifest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the manifest, durably and in one step for those who hold the gate.
    pub(super) fn set_manifest(&self, manifest: Manifest) -> Result<(), Error> {
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        folder::replace_manifest(&self.path, &manifest)?;
        self.records.clear();
        *self.manifest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(manifest);
        Ok(())
    }

    /// Returns the cache of records, for those who hold the gate for reading.
    pub(super) fn records(&self) -> &RecordCache {
        &self.records
    }

    /// Returns the cache of session ids.
    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub(super) fn troubles(&self) -> &Arc<Troubles> {
        &self.troubles
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// Returns the data folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the lock on the folder, to be kept beyond the engine's end.
    pub(super) fn lock(&self) -> Arc<FolderLock> {
        Arc::clone(&self.lock)
    }

    /// Logs that these points are about to be deleted for good.
    pub(super) fn log_deletion(&self, ids: &[PointId]) -> Result<(), Failure> {
        let points = ids.iter().filter_map(|id| match id {
            PointId::Uuid(point) => Some(*point),
            // There are none: all ids are derived.
            PointId::NumId(_) => None,
        });
        self.with_deletions(|log| log.append(points))
    }

    /// Makes the log of deletions survive a power loss.
    pub(super) fn sync_deletions(&self) -> Result<(), Failure> {
        self.with_deletions(DeletionLog::sync)
    }

    /// Returns a number between those of past and future deletions.
    pub(super) fn mark_deletions(&self) -> Result<u64, Failure> {
        self.with_deletions(DeletionLog::mark)
    }

    fn with_deletions<T>(&self, work: impl FnOnce(&mut DeletionLog) -> io::Result<T>) -> Result<T, Failure> {
        let mut log = self.deletions.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(work(&mut log).map_err(folder::io_error("write the log of deletions of", &self.path))?)
    }

    /// Waits for a running optimisation; no other begins while the guard lives. Blocks.
    pub(super) fn without_optimizing(&self) -> MutexGuard<'_, ()> {
        self.optimizing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a running optimisation and prevents others. Blocks.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        drop(self.without_optimizing());
    }

    /// Allows optimisations again.
    pub(super) fn unretire(&self) {
        self.retired.store(false, Ordering::Release);
    }

    /// Returns the guard to hold while indexes are rebuilt; `None` after [`Engine::retire`]. Blocks.
    pub(super) fn may_optimize(&self) -> Option<MutexGuard<'_, ()>> {
        let alone = self.without_optimizing();
        (!self.is_retired()).then_some(alone)
    }

    /// Returns whether optimisations are prevented.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Counts points that were written or deleted.
    pub(super) fn count_changes(&self, points: usize) {
        self.changes.fetch_add(points as u64, Ordering::Relaxed);
    }

    /// Returns the number of points that changed since the last [`Engine::take_changes`].
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Returns the same number and resets it.
    pub(super) fn take_changes(&self) -> u64 {
        self.changes.swap(0, Ordering::Relaxed)
    }

    /// Returns a channel that closes once the engine is gone and the folder free.
    pub(super) fn released(&self) -> watch::Receiver<()> {
        self.released.subscribe()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Writing everything out takes some space.
        self.room.make_way();
    }
}
