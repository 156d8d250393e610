//! Snapshots of the embedded store: copies of its files, made while it serves.
//!
//! Making one holds the thread that writes for as long as it takes to write everything out and to copy the files that
//! change in place; those that never change are shared. Checksums are computed afterwards. It begins between two rebuildings
//! of the indexes, which may take minutes; writes go on until then.

mod description;
mod files;
mod freeze;
mod restore;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{
    BoxError, Clock, Snapshot, SnapshotError, Snapshots, Staged, StoreError, SystemClock, Verified,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use description::Description;
pub(super) use freeze::{Frozen, freeze};
pub(super) use restore::{finish, is_taking_over};

use super::running::Running;
use super::writer::Write;
use super::{EmbeddedStore, folder, internal};
use crate::disk;

/// A snapshot that is being made, in the data folder: on the same file system as what it shares files with.
const STAGING: &str = "snapshot.new";
/// A copy of a snapshot that is opened to look at it.
const SCRATCH: &str = "verify.new";

/// Where snapshots are kept, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotConfig {
    /// The folder that holds them; empty for `snapshots` in the data folder.
    pub path: PathBuf,
    /// How many are kept; making one more removes the oldest.
    pub max_kept: usize,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            max_kept: 7,
        }
    }
}

impl SnapshotConfig {
    /// Everything that is wrong, each as `key: what is expected`.
    pub fn problems(&self) -> Vec<String> {
        if self.max_kept == 0 {
            vec!["max_kept: must be at least 1".to_owned()]
        } else {
            Vec::new()
        }
    }
}

/// Snapshots of an embedded store.
#[derive(Debug)]
pub struct EmbeddedSnapshots {
    store: Arc<EmbeddedStore>,
    config: SnapshotConfig,
    /// Held while one is made, verified or restored.
    turn: Arc<Mutex<()>>,
}

impl EmbeddedSnapshots {
    /// Those of `store`.
    pub fn new(store: Arc<EmbeddedStore>, config: SnapshotConfig) -> Self {
        let snapshots = Self {
            store,
            config,
            turn: Arc::default(),
        };
        if let Err(error) = description::make_private(&snapshots.folder()) {
            tracing::warn!(%error, "others may be able to read snapshots: their permissions cannot be changed");
        }
        snapshots
    }

    fn folder(&self) -> PathBuf {
        if self.config.path.as_os_str().is_empty() {
            self.store.config.path.join(folder::SNAPSHOTS)
        } else {
            self.config.path.clone()
        }
    }

    fn of_name(&self, name: &str) -> Result<PathBuf, SnapshotError> {
        if description::is_name(name) {
            Ok(self.folder().join(name))
        } else {
            Err(SnapshotError::NotFound)
        }
    }

    fn take_turn(&self) -> Result<OwnedMutexGuard<()>, SnapshotError> {
        Arc::clone(&self.turn)
            .try_lock_owned()
            .map_err(|_taken| SnapshotError::Busy)
    }
}

#[async_trait]
impl Snapshots for EmbeddedSnapshots {
    async fn create(&self) -> Result<Snapshot, SnapshotError> {
        let turn = self.take_turn()?;
        let (store, folder, max_kept) = (Arc::clone(&self.store), self.folder(), self.config.max_kept);
        // Not given up when the caller goes away: the thread would go on, and nobody hold the turn.
        let work = tokio::spawn(async move {
            let running = Arc::clone(&store.running).read_owned().await;
            // What is written out here is not written out while others wait.
            running.write("snapshot", Write::Flush).await?;
            let work = move || {
                let staging = store.config.path.join(STAGING);
                let made = make(&store, &running, &staging, &folder);
                if made.is_err() {
                    // The error that is reported is the first one.
                    let _ = disk::remove_folder(&staging);
                }
                let made = made?;
                prune(&folder, max_kept);
                Ok(made)
            };
            let made = spawn_blocking(work).await.map_err(failed).flatten();
            drop(turn);
            made
        });
        work.await.map_err(failed).flatten()
    }

    async fn list(&self) -> Result<Vec<Snapshot>, SnapshotError> {
        let folder = self.folder();
        spawn_blocking(move || description::list(&folder))
            .await
            .map_err(failed)
            .flatten()
    }

    async fn verify(&self, name: &str) -> Result<Verified, SnapshotError> {
        let folder = self.of_name(name)?;
        let turn = self.take_turn()?;
        let (config, name) = (self.store.config.clone(), name.to_owned());
        let work = move || {
            let _turn = turn;
            let scratch = config.path.join(SCRATCH);
            let description = restore::verify(&config, &folder, &scratch)?;
            Ok(Verified {
                snapshot: description.snapshot(&name)?,
                files: description.files.len(),
            })
        };
        spawn_blocking(work).await.map_err(failed).flatten()
    }

    async fn stage(&self, name: &str, accept_erased: bool) -> Result<Box<dyn Staged>, SnapshotError> {
        let folder = self.of_name(name)?;
        let turn = self.take_turn()?;
        let staged = restore::stage(Arc::clone(&self.store), turn, folder, name.to_owned(), accept_erased).await?;
        Ok(Box::new(staged))
    }
}

/// Makes a snapshot in `staging` and moves it to `folder`. Blocks.
fn make(store: &EmbeddedStore, running: &Running, staging: &Path, folder: &Path) -> Result<Snapshot, SnapshotError> {
    let config = &store.config;
    disk::remove_folder(staging).map_err(io_failed)?;
    let engine = running.engine("snapshot")?;
    let shard = folder::shard(&config.path);
    check_space(
        &config.path,
        disk::size(&shard).map_err(io_failed)?,
        config.min_free_bytes,
    )?;
    disk::create_folder(staging).map_err(io_failed)?;
    let frozen = {
        let _as_they_are = engine.without_optimizing();
        running.write_blocking("snapshot", |reply| Write::Freeze(staging.to_owned(), reply))?
    };
    disk::sync_all(staging).map_err(io_failed)?;
    let created_at = SystemClock.now();
    let entries = files::read_entries(staging, description::FILE).map_err(io_failed)?;
    let description = Description::new(&frozen, created_at, entries);
    description.write(staging).map_err(io_failed)?;
    let name = description::name_at(created_at);
    put_in_place(staging, folder, &name)?;
    let snapshot = description.snapshot(&name)?;
    tracing::info!(
        snapshot = name,
        contexts = snapshot.total(),
        bytes = snapshot.bytes,
        paused_ms = snapshot.paused_ms,
        "a snapshot was made"
    );
    Ok(snapshot)
}

/// Moves a snapshot to where it is kept, in one step, also when that is on another file system.
fn put_in_place(staging: &Path, folder: &Path, name: &str) -> Result<(), SnapshotError> {
    disk::create_folder(folder).map_err(io_failed)?;
    let place = folder.join(name);
    if place.exists() {
        return Err(io_failed(std::io::Error::from(ErrorKind::AlreadyExists)));
    }
    match disk::rename(staging, &place) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {}
        renamed => return renamed.map_err(io_failed),
    }
    // Names that begin with a dot are nobody's snapshot.
    let near = folder.join(".new");
    let copied = disk::remove_folder(&near)
        .and_then(|()| files::copy_folder(staging, &near))
        .and_then(|()| disk::sync_all(&near))
        .and_then(|()| disk::rename(&near, &place));
    if copied.is_err() {
        // The error that is reported is the first one.
        let _ = disk::remove_folder(&near);
    }
    copied.and_then(|()| disk::remove_folder(staging)).map_err(io_failed)
}

/// Removes the oldest snapshots beyond `max_kept`.
fn prune(folder: &Path, max_kept: usize) {
    let listed = match description::list(folder) {
        Ok(listed) => listed,
        Err(error) => {
            tracing::warn!(%error, "old snapshots were not removed");
            return;
        }
    };
    for old in listed.iter().skip(max_kept) {
        // Renamed first: half of one is none.
        let leaving = folder.join(format!(".old-{}", old.name));
        let removed = fs::rename(folder.join(&old.name), &leaving).and_then(|()| disk::remove_folder(&leaving));
        match removed {
            Ok(()) => tracing::info!(snapshot = old.name, "an old snapshot was removed"),
            Err(error) => tracing::warn!(snapshot = old.name, %error, "an old snapshot was not removed"),
        }
    }
}

fn check_space(path: &Path, bytes: u64, kept_free: u64) -> Result<(), SnapshotError> {
    let needed = bytes.saturating_add(kept_free);
    match fs4::available_space(path) {
        Ok(free) if free < needed => Err(SnapshotError::NoSpace { free, needed }),
        // Where it cannot be told, the copying finds out.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn damaged(problem: String) -> SnapshotError {
    SnapshotError::Damaged(problem)
}

fn io_failed(error: std::io::Error) -> SnapshotError {
    SnapshotError::Files(Box::new(error))
}

fn failed(error: impl Into<BoxError>) -> SnapshotError {
    SnapshotError::Files(error.into())
}

fn store_failed(error: crate::Error) -> SnapshotError {
    let error: StoreError = internal("restore", Box::new(error));
    SnapshotError::Store(error)
}
