//! The engine and everything that lives exactly as long: the lock on its folder, and the gate between reads and writes.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use jiff::Timestamp;
use qdrant_edge::{EdgeShard, Filter as EngineFilter, OperationError, PointId};
use tokio::sync::watch;
use uuid::Uuid;

use super::accesses::Accesses;
use super::config::Config;
use super::deletions::DeletionLog;
use super::failure::Failure;
use super::folder::{self, Manifest};
use super::lock::FolderLock;
use super::resident::{Resident, uuid};
use super::room::Room;
use super::sessions::Sessions;
use super::troubles::Troubles;
use super::wal::CutWhenClosed;
use crate::Error;

/// An open engine.
///
/// Fields are dropped in their order: the engine writes everything out, its log is cut, the lock is released, and
/// `released` closes.
#[derive(Debug)]
pub(super) struct Engine {
    /// The engine itself. Replace or remove points behind the gate only, see [`Engine::replace`].
    pub(super) shard: EdgeShard,
    _log: CutWhenClosed,
    manifest: RwLock<Arc<Manifest>>,
    pub(super) accesses: Accesses,
    pub(super) resident: Resident,
    pub(super) sessions: Sessions,
    gate: RwLock<()>,
    changes: AtomicU64,
    searches: AtomicU64,
    deletions: Mutex<DeletionLog>,
    /// Held while indexes are rebuilt, and by those who need the files to stay as they are.
    optimizing: Mutex<()>,
    pub(super) troubles: Arc<Troubles>,
    pub(super) room: Room,
    retired: AtomicBool,
    /// The data folder.
    pub(super) path: PathBuf,
    lock: Arc<FolderLock>,
    released: watch::Sender<()>,
}

impl Engine {
    /// Takes over an open data folder; `repaired` describes damage that was repaired when it was opened.
    pub(super) fn new(
        config: &Config,
        lock: Arc<FolderLock>,
        room: Room,
        shard: EdgeShard,
        manifest: Manifest,
        (deletions, accesses): (DeletionLog, Accesses),
        repaired: Option<String>,
    ) -> Self {
        Self {
            shard,
            _log: CutWhenClosed(folder::shard(&config.path)),
            manifest: RwLock::new(Arc::new(manifest)),
            accesses,
            resident: Resident::new(config.memory_bytes),
            sessions: Sessions::new(),
            gate: RwLock::new(()),
            changes: AtomicU64::new(0),
            searches: AtomicU64::new(0),
            deletions: Mutex::new(deletions),
            optimizing: Mutex::new(()),
            troubles: Arc::new(Troubles::new(repaired)),
            room,
            retired: AtomicBool::new(false),
            path: config.path.clone(),
            lock,
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
        self.troubles.forget(ids);
        (&self.shard, gate)
    }

    pub(super) fn manifest(&self) -> Arc<Manifest> {
        Arc::clone(&self.manifest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the manifest, durably and in one step for those who hold the gate.
    pub(super) fn set_manifest(&self, manifest: Manifest) -> Result<(), Error> {
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        folder::replace_manifest(&self.path, &manifest)?;
        *self.manifest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(manifest);
        // The vectors in memory may be those of another model.
        self.resident.clear();
        Ok(())
    }

    /// Returns the lock on the folder, to be kept beyond the engine's end.
    pub(super) fn lock(&self) -> Arc<FolderLock> {
        Arc::clone(&self.lock)
    }

    /// Logs that these points, and everything that the filter matches, are about to be deleted for good.
    pub(super) fn log_deletion(
        &self,
        filter: Option<&EngineFilter>,
        ids: impl Iterator<Item = PointId>,
    ) -> Result<(), Failure> {
        let filter = filter
            .map(serde_json::to_vec)
            .transpose()
            .map_err(OperationError::from)?;
        let points = ids.filter_map(|id| match id {
            PointId::Uuid(point) => Some(point),
            // There are none: all ids are derived.
            PointId::NumId(_) => None,
        });
        self.with_deletions(|log| log.append(filter.as_deref(), points))
    }

    /// Counts an access to each of these points, whose totals were known to be at least the given ones. They count even if
    /// there is no space to log them; that is listed as trouble.
    pub(super) fn count_accesses(&self, served: &[(Uuid, u64)], now: Timestamp) {
        self.logged_accesses(self.accesses.count(served, now));
    }

    /// Forgets the access counts of deleted points.
    pub(super) fn forget_accesses(&self, points: &[PointId]) {
        self.logged_accesses(self.accesses.forget(points.iter().filter_map(uuid)));
    }

    /// Makes the access counts survive a power loss.
    pub(super) fn maintain_accesses(&self) {
        self.logged_accesses(self.accesses.maintain());
    }

    fn logged_accesses(&self, result: io::Result<()>) {
        let logged = result.map_err(folder::io_error("write the log of accesses of", &self.path));
        self.troubles
            .worked("logging access counts", &logged.map_err(Failure::from));
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

    /// Returns the guard to hold while indexes are rebuilt; `None` while there is a [`Retired`]. Blocks.
    pub(super) fn may_optimize(&self) -> Option<MutexGuard<'_, ()>> {
        let alone = self.without_optimizing();
        (!self.is_retired()).then_some(alone)
    }

    /// Returns whether optimisations are prevented.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Counts a search.
    pub(super) fn count_search(&self) {
        self.searches.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of searches.
    pub(super) fn searches(&self) -> u64 {
        self.searches.load(Ordering::Relaxed)
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

/// Prevents the engine from rebuilding indexes until it is dropped.
#[derive(Debug)]
pub(super) struct Retired(Weak<Engine>);

impl Retired {
    /// Waits for a running optimisation, which cannot be stopped. Blocks.
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        let retired = Self(Arc::downgrade(engine));
        engine.retired.store(true, Ordering::Release);
        drop(engine.without_optimizing());
        retired
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        // The engine is gone if another one has replaced it.
        if let Some(engine) = self.0.upgrade() {
            engine.retired.store(false, Ordering::Release);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Writing everything out takes some space.
        self.room.make_way();
    }
}
