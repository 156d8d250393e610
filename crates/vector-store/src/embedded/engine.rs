//! The engine with what has to live exactly as long: the lock on its folder, and the gate between reads and writes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use context_manager_core::ports::ModelFingerprint;
use qdrant_edge::{EdgeConfig, EdgeShard, PointId};
use tokio::sync::watch;

use super::config::Config;
use super::folder::{self, State};
use super::lock::FolderLock;
use super::records::RecordCache;
use super::schema;
use crate::Error;

/// An open engine.
///
/// Fields are dropped in their order: the engine writes everything out, then the lock is given back, and then those
/// who wait on `released` learn of it.
#[derive(Debug)]
pub(super) struct Engine {
    shard: EdgeShard,
    records: RecordCache,
    gate: RwLock<()>,
    changes: AtomicU64,
    path: PathBuf,
    _lock: FolderLock,
    released: watch::Sender<()>,
}

impl Engine {
    /// Opens the folder or makes it. Blocks.
    pub(super) fn open(config: &Config, model: &ModelFingerprint) -> Result<Self, Error> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(Error::Config {
                store: "embedded",
                problems,
            });
        }
        let path = &config.path;
        // Before the first change, so that what is not ours stays as it is.
        check(path, model)?;
        std::fs::create_dir_all(path).map_err(folder::io_error("create", path))?;
        let lock = FolderLock::take(path)?;
        // Again: somebody else may have had the folder, and changed it, until now.
        let engine_config = schema::engine_config(config, model);
        let shard = match check(path, model)? {
            State::Fresh | State::Unfinished => {
                folder::create(path, model, |shard| create(path, shard, engine_config))?
            }
            State::Ready(_) => {
                folder::clean(path)?;
                load(path, engine_config)?
            }
        };
        Ok(Self {
            shard,
            records: RecordCache::new(config.record_cache_bytes),
            gate: RwLock::new(()),
            changes: AtomicU64::new(0),
            path: path.clone(),
            _lock: lock,
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
        (&self.shard, gate)
    }

    /// Records read lately, for those who hold the gate for reading.
    pub(super) fn records(&self) -> &RecordCache {
        &self.records
    }

    /// The engine, for everything that no read can be confused by.
    pub(super) fn shard(&self) -> &EdgeShard {
        &self.shard
    }

    /// The data folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
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

/// The model whose vectors the folder holds; `None` when there is no data yet. Reads only.
pub(super) fn stored_model(path: &Path) -> Result<Option<ModelFingerprint>, Error> {
    match folder::inspect(path)? {
        State::Fresh | State::Unfinished => Ok(None),
        State::Ready(manifest) => Ok(Some(manifest.model)),
    }
}

/// What is at `path`, if it can be used with `model`. Reads only.
fn check(path: &Path, model: &ModelFingerprint) -> Result<State, Error> {
    let state = folder::inspect(path)?;
    if let State::Ready(manifest) = &state {
        check_engine(path, &manifest.model)?;
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

fn check_engine(path: &Path, model: &ModelFingerprint) -> Result<(), Error> {
    let damaged = |problem| {
        Err(Error::Damaged {
            path: path.to_owned(),
            problem,
        })
    };
    match EdgeConfig::load(&folder::shard(path)) {
        None => damaged("the engine's configuration is missing".to_owned()),
        Some(Err(error)) => damaged(format!("the engine's configuration cannot be read: {error}")),
        Some(Ok(config)) => schema::mismatch(&config, model).map_or(Ok(()), damaged),
    }
}

fn create(path: &Path, shard: &Path, config: EdgeConfig) -> Result<EdgeShard, Error> {
    let engine = |error| engine_error("create", path, error);
    let shard = EdgeShard::new(shard, config).map_err(engine)?;
    schema::create_indexes(&shard).map_err(engine)?;
    shard.flush().map_err(engine)?;
    Ok(shard)
}

fn load(path: &Path, config: EdgeConfig) -> Result<EdgeShard, Error> {
    let engine = |error| engine_error("load", path, error);
    let shard = EdgeShard::load(&folder::shard(path), Some(config)).map_err(engine)?;
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
