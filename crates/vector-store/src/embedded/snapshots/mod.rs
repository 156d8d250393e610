//! Snapshots of the embedded store: copies of its files, made while it serves.
//!
//! Making one blocks the writer while it flushes and copies the files that change in place; files that never change are
//! shared. Checksums are computed afterwards. It begins between two optimisations, which may take minutes; writes go on
//! until then.

mod description;
mod failure;
mod files;
mod prepare;
mod restore;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{Clock, Snapshot, SnapshotError, Snapshots, Staged, SystemClock, Verified};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use description::Description;
use failure::{check_space, failed, io_failed};

use super::config::SnapshotConfig;
use super::freeze::copy_folder;
use super::running::Running;
use super::store::EmbeddedStore;
use super::write::Write;
use super::{folder, takeover};
use crate::{disk, snapshot_name};

/// Snapshots of an embedded store.
#[derive(Debug)]
pub struct EmbeddedSnapshots {
    store: Arc<EmbeddedStore>,
    config: SnapshotConfig,
    /// Held while a snapshot is made, verified or restored.
    lock: Arc<Mutex<()>>,
}

impl EmbeddedSnapshots {
    /// Manages the snapshots of `store`.
    pub fn new(store: Arc<EmbeddedStore>, config: SnapshotConfig) -> Self {
        let snapshots = Self {
            store,
            config,
            lock: Arc::default(),
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
        if snapshot_name::is_valid(name) {
            Ok(self.folder().join(name))
        } else {
            Err(SnapshotError::NotFound)
        }
    }

    fn lock(&self) -> Result<OwnedMutexGuard<()>, SnapshotError> {
        Arc::clone(&self.lock)
            .try_lock_owned()
            .map_err(|_taken| SnapshotError::Busy)
    }
}

#[async_trait]
impl Snapshots for EmbeddedSnapshots {
    async fn create(&self) -> Result<Snapshot, SnapshotError> {
        let lock = self.lock()?;
        let (store, folder, max_kept) = (Arc::clone(&self.store), self.folder(), self.config.max_kept);
        // A task of its own: when the caller is gone, the thread goes on and must hold the lock.
        let work = tokio::spawn(async move {
            let running = Arc::clone(&store.running).read_owned().await;
            // Flushed before the writer is blocked.
            running.write("snapshot", Write::Flush).await?;
            let work = move || {
                let staging = takeover::snapshot(&store.config.path);
                let made = make(&store, &running, &staging, &folder);
                if made.is_err() {
                    // The first error is reported.
                    let _ = disk::remove_folder(&staging);
                }
                let made = made?;
                prune(&folder, max_kept);
                Ok(made)
            };
            let made = spawn_blocking(work).await.map_err(failed).flatten();
            drop(lock);
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
        let lock = self.lock()?;
        let (config, name) = (self.store.config.clone(), name.to_owned());
        let work = move || {
            let _lock = lock;
            let description = prepare::verify(&config, &folder)?;
            Ok(Verified {
                snapshot: description.snapshot(&name)?,
                files: description.files.len(),
            })
        };
        spawn_blocking(work).await.map_err(failed).flatten()
    }

    async fn stage(&self, name: &str, accept_erased: bool) -> Result<Box<dyn Staged>, SnapshotError> {
        let folder = self.of_name(name)?;
        let lock = self.lock()?;
        let staged = restore::stage(Arc::clone(&self.store), lock, folder, name.to_owned(), accept_erased).await?;
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
        let _unchanged = engine.without_optimizing();
        running.write_blocking("snapshot", |reply| Write::Freeze(staging.to_owned(), reply))?
    };
    disk::sync_all(staging).map_err(io_failed)?;
    let created_at = SystemClock.now();
    let entries = files::read_entries(staging, description::FILE).map_err(io_failed)?;
    let description = Description::new(frozen, created_at, entries);
    description.write(staging).map_err(io_failed)?;
    let name = snapshot_name::at(created_at);
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

/// Moves a snapshot to its final path, atomically, even on another file system.
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
    // Names that begin with a dot are no snapshots.
    let near = folder.join(".new");
    let copied = disk::remove_folder(&near)
        .and_then(|()| copy_folder(staging, &near))
        .and_then(|()| disk::sync_all(&near))
        .and_then(|()| disk::rename(&near, &place));
    if copied.is_err() {
        // The first error is reported.
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
        // Renamed first, so that a half-removed one is no snapshot.
        let leaving = folder.join(format!(".old-{}", old.name));
        let removed = fs::rename(folder.join(&old.name), &leaving).and_then(|()| disk::remove_folder(&leaving));
        match removed {
            Ok(()) => tracing::info!(snapshot = old.name, "an old snapshot was removed"),
            Err(error) => tracing::warn!(snapshot = old.name, %error, "an old snapshot was not removed"),
        }
    }
}
