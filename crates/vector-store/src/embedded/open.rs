//! Opening or creating a data folder: checks, lock, repairs, and the engine on its files.

use std::path::Path;
use std::sync::Arc;

use context_manager_core::ports::ModelFingerprint;
use qdrant_edge::{EdgeConfig, EdgeShard, OperationError};

use super::accesses::Accesses;
use super::config::Config;
use super::deletions::DeletionLog;
use super::engine::Engine;
use super::folder::{self, FIRST_VECTOR, Manifest, State};
use super::lock::FolderLock;
use super::room::Room;
use super::{schema, takeover, wal};
use crate::{Error, disk};

/// Opens the folder or creates it; `lock` is the folder's, if the caller holds it already. Blocks.
pub(super) fn open(config: &Config, model: &ModelFingerprint, lock: Option<Arc<FolderLock>>) -> Result<Engine, Error> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(Error::Config {
            store: "embedded",
            problems,
        });
    }
    let path = &config.path;
    // Before the first change, so that a foreign folder stays as it is.
    if !takeover::is_pending(path) {
        check(path, model)?;
    }
    disk::create_folder(path).map_err(folder::io_error("create", path))?;
    let lock = match lock {
        Some(lock) => lock,
        None => Arc::new(FolderLock::take(path)?),
    };
    disk::make_private(path).map_err(folder::io_error("change the permissions of", path))?;
    takeover::finish(path).map_err(folder::io_error("restore the snapshot in", path))?;
    let room = Room::for_opening(config)?;
    let mut repaired = None;
    // Checked again: another process may have changed the folder before it was locked.
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
    let deletions =
        DeletionLog::open(path, config.max_erasures).map_err(folder::io_error("open the log of deletions of", path))?;
    let accesses = Accesses::open(path).map_err(folder::io_error("open the log of accesses of", path))?;
    Ok(Engine::new(
        config,
        lock,
        room,
        shard,
        manifest,
        (deletions, accesses),
        repaired,
    ))
}

/// Loads the engine's files in the folder of `config`.
pub(super) fn load(config: &Config, manifest: &Manifest) -> Result<EdgeShard, Error> {
    let path = &config.path;
    let engine = |error| engine_error("load", path, error);
    // Checked before; if it has disappeared since, the engine reports that.
    let stored = EdgeConfig::load(&folder::shard(path)).and_then(Result::ok);
    let stored = stored.into_iter().flat_map(|stored| stored.vectors);
    let vectors: Vec<(String, usize)> = stored.map(|(name, vector)| (name, vector.size)).collect();
    let engine_config = schema::engine_config(config, &vectors);
    let load = || EdgeShard::load(&folder::shard(path), Some(engine_config.clone()));
    // After a crash during a purge, the first attempt may fail while it repeats the engine's log, and the second succeeds.
    let shard = load().or_else(|_repaired| load()).map_err(engine)?;
    for (name, _) in vectors {
        // Left by an interrupted change of the model.
        if name != manifest.vector && manifest.other.as_ref().is_none_or(|other| other.vector != name) {
            schema::delete_vector(&shard, &name).map_err(engine)?;
        }
    }
    schema::create_indexes(&shard).map_err(engine)?;
    Ok(shard)
}

/// Returns an error if the files at `path` cannot be those of a data folder. Reads only.
pub(super) fn examine(path: &Path) -> Result<(), Error> {
    match folder::inspect(path)? {
        State::Fresh | State::Unfinished => Ok(()),
        State::Ready(manifest) => check_engine(path, &manifest),
    }
}

/// Returns the state of `path`, if it can be used with `model`. Reads only.
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

fn engine_error(operation: &'static str, path: &Path, error: OperationError) -> Error {
    Error::Engine {
        operation,
        path: path.to_owned(),
        source: Box::new(error),
    }
}
