//! The engine with what has to live exactly as long: the lock on its folder, and the gate between reads and writes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use context_manager_core::ports::{ModelFingerprint, StoredModels};
use qdrant_edge::{EdgeConfig, EdgeShard, PointId};
use tokio::sync::watch;

use super::config::Config;
use super::erasures::Erasures;
use super::failure::Failure;
use super::folder::{self, FIRST_VECTOR, Manifest, State};
use super::lock::FolderLock;
use super::records::RecordCache;
use super::room::Room;
use super::schema;
use super::sessions::Sessions;
use super::snapshots;
use super::troubles::Troubles;
use super::wal::{self, CutWhenClosed};
use crate::{Error, disk};

/// An open engine.
///
/// Fields are dropped in their order: the engine writes everything out, its log is cut, then the lock is given back, and then
/// those who wait on `released` learn of it.
#[derive(Debug)]
pub(super) struct Engine {
    shard: EdgeShard,
    _log: CutWhenClosed,
    manifest: RwLock<Arc<Manifest>>,
    records: RecordCache,
    sessions: Sessions,
    gate: RwLock<()>,
    changes: AtomicU64,
    erasures: Mutex<Erasures>,
    /// Held while indexes are rebuilt, and by those who need the files to stay as they are.
    optimizing: Mutex<()>,
    troubles: Arc<Troubles>,
    room: Room,
    retired: AtomicBool,
    path: PathBuf,
    lock: Arc<FolderLock>,
    released: watch::Sender<()>,
}

impl Engine {
    /// Opens the folder or makes it; `lock` is the folder's, if the caller has it already. Blocks.
    pub(super) fn open(
        config: &Config,
        model: &ModelFingerprint,
        lock: Option<Arc<FolderLock>>,
    ) -> Result<Self, Error> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(Error::Config {
                store: "embedded",
                problems,
            });
        }
        let path = &config.path;
        // Before the first change, so that what is not ours stays as it is.
        if !snapshots::is_taking_over(path) {
            check(path, model)?;
        }
        disk::create_folder(path).map_err(folder::io_error("create", path))?;
        let lock = match lock {
            Some(lock) => lock,
            None => Arc::new(FolderLock::take(path)?),
        };
        disk::make_private(path).map_err(folder::io_error("change the permissions of", path))?;
        snapshots::finish(path).map_err(folder::io_error("restore the snapshot in", path))?;
        // Again: somebody else may have had the folder, and changed it, until now.
        let room = Room::for_opening(config)?;
        let mut repaired = None;
        let (shard, manifest) = match check(path, model)? {
            State::Fresh | State::Unfinished => {
                let vectors = [(FIRST_VECTOR.to_owned(), model.dimensions)];
                let engine_config = schema::engine_config(config, &vectors);
                let shard = folder::create(path, model, |shard| create(path, shard, engine_config))?;
                (shard, Manifest::of(model.clone()))
            }
            State::Ready(manifest) => {
                folder::clean(path)?;
                repaired = wal::cut(&folder::shard(path))?;
                (load(config, &manifest)?, manifest)
            }
        };
        room.reserve_some();
        let erasures = Erasures::open(path, config.max_erasures)
            .map_err(folder::io_error("open the log of deletions of", path))?;
        Ok(Self {
            erasures: Mutex::new(erasures),
            optimizing: Mutex::new(()),
            troubles: Arc::new(Troubles::new(repaired)),
            room,
            retired: AtomicBool::new(false),
            shard,
            _log: CutWhenClosed(folder::shard(path)),
            manifest: RwLock::new(Arc::new(manifest)),
            records: RecordCache::new(config.record_cache_bytes, config.threads_per_search()),
            sessions: Sessions::new(),
            gate: RwLock::new(()),
            changes: AtomicU64::new(0),
            path: path.clone(),
            lock,
            released: watch::Sender::new(()),
        })
    }

    /// The engine, for reading: no write that replaces or removes something runs while the guard lives.
    ///
    /// The engine reads its segments one after the other, and replaces a point by writing it into another segment than
    /// the one it deletes it from. Without the gate a read between the two misses the point.
    pub(super) fn read(&self) -> (&Self, RwLockReadGuard<'_, ()>) {
        // The gate protects no data of its own that a panic could have left half changed.
        (self, self.gate.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The engine, for writing what replaces or removes the points `ids`.
    pub(super) fn replace(&self, ids: &[PointId]) -> (&EdgeShard, RwLockWriteGuard<'_, ()>) {
        let gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.records.forget(ids);
        self.troubles.forget(ids);
        (&self.shard, gate)
    }

    /// Which models' vectors there are.
    pub(super) fn manifest(&self) -> Arc<Manifest> {
        Arc::clone(&self.manifest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes which models' vectors there are, durably, and in one step for those who hold the gate.
    pub(super) fn set_manifest(&self, manifest: Manifest) -> Result<(), Error> {
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        folder::replace_manifest(&self.path, &manifest)?;
        self.records.clear();
        *self.manifest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(manifest);
        Ok(())
    }

    /// Records read lately, for those who hold the gate for reading.
    pub(super) fn records(&self) -> &RecordCache {
        &self.records
    }

    /// Ids of sessions listed lately.
    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The engine, for everything that no read can be confused by.
    pub(super) fn shard(&self) -> &EdgeShard {
        &self.shard
    }

    /// Returns the problems despite which it works.
    pub(super) fn troubles(&self) -> &Arc<Troubles> {
        &self.troubles
    }

    /// The room on its disk.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// The data folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The lock on the folder, to be kept beyond the engine's end.
    pub(super) fn lock(&self) -> Arc<FolderLock> {
        Arc::clone(&self.lock)
    }

    /// Writes down that these points are about to be deleted for good.
    pub(super) fn erase(&self, ids: &[PointId]) -> Result<(), Failure> {
        let points = ids.iter().filter_map(|id| match id {
            PointId::Uuid(point) => Some(*point),
            // There are none: all ids are derived.
            PointId::NumId(_) => None,
        });
        self.with_erasures(|log| log.append(points))
    }

    /// Makes what was erased survive a power loss.
    pub(super) fn sync_erasures(&self) -> Result<(), Failure> {
        self.with_erasures(Erasures::sync)
    }

    /// A number between those of what was erased so far and of what will be.
    pub(super) fn mark_erasures(&self) -> Result<u64, Failure> {
        self.with_erasures(Erasures::mark)
    }

    fn with_erasures<T>(&self, work: impl FnOnce(&mut Erasures) -> io::Result<T>) -> Result<T, Failure> {
        let mut log = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| {
            Failure::Folder(Arc::new(folder::io_error("write the log of deletions of", &self.path)(
                source,
            )))
        };
        work(&mut log).map_err(failed)
    }

    /// Waits for an optimisation that runs; no other begins as long as the guard lives. Blocks.
    pub(super) fn without_optimizing(&self) -> MutexGuard<'_, ()> {
        self.optimizing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an optimisation that runs; no other begins. Blocks.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        drop(self.without_optimizing());
    }

    /// Lets optimisations begin again.
    pub(super) fn unretire(&self) {
        self.retired.store(false, Ordering::Release);
    }

    /// To be held while indexes are rebuilt; `None` when they are not to be any more. Blocks.
    pub(super) fn may_optimize(&self) -> Option<MutexGuard<'_, ()>> {
        let alone = self.without_optimizing();
        (!self.is_retired()).then_some(alone)
    }

    /// Tells that no optimisation begins any more.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Counts points that were written or deleted.
    pub(super) fn count_changes(&self, points: usize) {
        self.changes.fetch_add(points as u64, Ordering::Relaxed);
    }

    /// How many points changed since the last [`Engine::take_changes`].
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The same, and starts again from zero.
    pub(super) fn take_changes(&self) -> u64 {
        self.changes.swap(0, Ordering::Relaxed)
    }

    /// Closed once the engine is gone and the folder free.
    pub(super) fn released(&self) -> watch::Receiver<()> {
        self.released.subscribe()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // To write everything out takes some.
        self.room.make_way();
    }
}

/// The models whose vectors the folder holds; `None` when there is no data yet. Reads only.
pub(super) fn stored_models(path: &Path) -> Result<Option<StoredModels>, Error> {
    match folder::inspect(path)? {
        State::Fresh | State::Unfinished => Ok(None),
        State::Ready(manifest) => Ok(Some(manifest.models())),
    }
}

/// What is at `path`, if it can be used with `model`. Reads only.
fn check(path: &Path, model: &ModelFingerprint) -> Result<State, Error> {
    let state = folder::inspect(path)?;
    if let State::Ready(manifest) = &state {
        check_engine(path, manifest)?;
        if manifest.model != *model {
            return Err(Error::ModelChanged {
                path: path.to_owned(),
                stored: Box::new(manifest.model.clone()),
                current: Box::new(model.clone()),
            });
        }
    }
    Ok(state)
}

fn check_engine(path: &Path, manifest: &Manifest) -> Result<(), Error> {
    let damaged = |problem| {
        Err(Error::Damaged {
            path: path.to_owned(),
            problem,
        })
    };
    match EdgeConfig::load(&folder::shard(path)) {
        None => damaged("the engine's configuration is missing".to_owned()),
        Some(Err(error)) => damaged(format!("the engine's configuration cannot be read: {error}")),
        Some(Ok(config)) => schema::mismatch(&config, manifest).map_or(Ok(()), damaged),
    }
}

fn create(path: &Path, shard: &Path, config: EdgeConfig) -> Result<EdgeShard, Error> {
    let engine = |error| engine_error("create", path, error);
    let shard = EdgeShard::new(shard, config).map_err(engine)?;
    schema::create_indexes(&shard).map_err(engine)?;
    shard.flush().map_err(engine)?;
    Ok(shard)
}

/// Loads the engine's files in the folder of `config`.
pub(super) fn load(config: &Config, manifest: &Manifest) -> Result<EdgeShard, Error> {
    let path = &config.path;
    let engine = |error| engine_error("load", path, error);
    // Looked at before; should it be gone since, the engine says so.
    let stored = EdgeConfig::load(&folder::shard(path)).and_then(Result::ok);
    let stored = stored.into_iter().flat_map(|stored| stored.vectors);
    let vectors: Vec<(String, usize)> = stored.map(|(name, vector)| (name, vector.size)).collect();
    let engine_config = schema::engine_config(config, &vectors);
    let shard = EdgeShard::load(&folder::shard(path), Some(engine_config)).map_err(engine)?;
    for (name, _) in vectors {
        // Left by a change of the model that ended between two steps.
        if name != manifest.vector && manifest.other.as_ref().is_none_or(|other| other.vector != name) {
            schema::delete_vector(&shard, &name).map_err(engine)?;
        }
    }
    schema::create_indexes(&shard).map_err(engine)?;
    Ok(shard)
}

fn engine_error(operation: &'static str, path: &Path, error: qdrant_edge::OperationError) -> Error {
    Error::Engine {
        operation,
        path: path.to_owned(),
        source: Box::new(error),
    }
}
