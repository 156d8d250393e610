//! Going back to a snapshot.
//!
//! ```text
//! restore.new/     a copy of the snapshot, checked, and without what was erased since
//! restore/         the same, once it is decided: whoever opens the folder finishes what was begun
//! shard.old/       what it replaces
//! ```
//!
//! The engine's files and the manifest are moved from `restore/` to their places. Each step is a rename, and is left out
//! where it was done already, so that it does not matter where an earlier attempt ended.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::{Snapshot, SnapshotError, Staged};
use qdrant_edge::{EdgeShard, PointId, PointOperations, UpdateOperation};
use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::description::{self, Description};
use super::files::{FileEntry, copy_folder, read_entries};
use super::{check_space, damaged, failed, io_failed, store_failed};
use crate::disk::{self, remove_folder as remove};
use crate::embedded::config::Config;
use crate::embedded::engine::{self, Engine};
use crate::embedded::erasures::{Completeness, Erased, Erasures};
use crate::embedded::folder::{self, MANIFEST, Manifest, State};
use crate::embedded::running::Running;
use crate::embedded::{EmbeddedStore, reads, unavailable};

const STAGING: &str = "restore.new";
const DECIDED: &str = "restore";
const OLD_SHARD: &str = "shard.old";

/// How long a read may hold the engine that is to be closed.
const RELEASE_TIMEOUT: Duration = Duration::from_mins(1);

/// Points looked for and deleted at once.
const CHUNK: usize = 512;

/// A snapshot that is ready to take over.
#[derive(Debug)]
pub(super) struct StagedRestore {
    store: Arc<EmbeddedStore>,
    prepared: Prepared,
    retired: Retired,
    turn: OwnedMutexGuard<()>,
}

/// No index of the engine is rebuilt as long as this lives.
#[derive(Debug)]
struct Retired(Weak<Engine>);

impl Retired {
    /// Waits for the end of a rebuilding, which cannot be stopped. Blocks.
    fn new(engine: &Arc<Engine>) -> Self {
        let retired = Self(Arc::downgrade(engine));
        engine.retire();
        retired
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        // It is gone where the snapshot took over.
        if let Some(engine) = self.0.upgrade() {
            engine.unretire();
        }
    }
}

/// What was prepared.
#[derive(Debug, Clone)]
struct Prepared {
    snapshot: Snapshot,
    manifest: Manifest,
    /// What was erased up to this number is deleted.
    erased_until: u64,
    erased_again: u64,
    accept_erased: bool,
}

/// Prepares the snapshot in `folder`, called `name`.
pub(super) async fn stage(
    store: Arc<EmbeddedStore>,
    turn: OwnedMutexGuard<()>,
    folder: PathBuf,
    name: String,
    accept_erased: bool,
) -> Result<StagedRestore, SnapshotError> {
    let current = store.running.read().await.engine("restore")?.manifest();
    let config = store.config.clone();
    let work = move || {
        let staging = config.path.join(STAGING);
        let prepared = prepare(&config, &staging, &folder, &name, &current, accept_erased);
        if prepared.is_err() {
            // The error that is reported is the first one.
            let _ = remove(&staging);
        }
        prepared
    };
    let prepared = spawn_blocking(work).await.map_err(failed).flatten()?;
    let engine = store.running.read().await.engine("restore")?;
    // Here, while calls go on: it may take minutes.
    let retired = spawn_blocking(move || Retired::new(&engine)).await.map_err(failed)?;
    Ok(StagedRestore {
        store,
        prepared,
        retired,
        turn,
    })
}

fn prepare(
    config: &Config,
    staging: &Path,
    folder: &Path,
    name: &str,
    current: &Manifest,
    accept_erased: bool,
) -> Result<Prepared, SnapshotError> {
    let description = Description::read(folder)?;
    let mut manifest = manifest_of(folder)?;
    // Of a time when the model had not answered yet, so that there are no vectors of any model in it.
    let is_unverified = manifest.model.is_completed_by(&current.model);
    if manifest.model != current.model && !is_unverified {
        return Err(SnapshotError::Unusable(format!(
            "the snapshot holds vectors of the model {}, and the store those of the model {}: configure the model of the \
             snapshot for an empty store and restore it there",
            manifest.model, current.model
        )));
    }
    remove(staging).map_err(io_failed)?;
    check_space(&config.path, description.bytes(), config.min_free_bytes)?;
    check_files(&description, folder)?;
    copy(folder, staging).map_err(io_failed)?;
    if is_unverified {
        manifest.model = current.model.clone();
        folder::replace_manifest(staging, &manifest).map_err(store_failed)?;
    }
    let erased = erased_since(config, description.erased_until, accept_erased)?;
    let shard = open_copy(config, staging, &manifest)?;
    check_contexts(&description, &shard)?;
    let erased_again = delete(&shard, erased.points).map_err(failed)?;
    shard.flush().map_err(failed)?;
    drop(shard);
    disk::sync_all(staging).map_err(io_failed)?;
    Ok(Prepared {
        snapshot: description.snapshot(name)?,
        manifest,
        erased_until: erased.until,
        erased_again,
        accept_erased,
    })
}

/// Returns what was erased after `number`, unless something more may have been and nobody accepts that.
fn erased_since(config: &Config, number: u64, accept_erased: bool) -> Result<Erased, SnapshotError> {
    let erased = Erasures::since(&config.path, number).map_err(io_failed)?;
    let unknown = match erased.completeness {
        Completeness::Complete => return Ok(erased),
        Completeness::BeginsLater => "the log of deletions begins later than it",
        Completeness::Damaged => "the log of deletions is damaged",
    };
    if !accept_erased {
        return Err(SnapshotError::ErasedUnknown(unknown));
    }
    tracing::warn!(
        because = unknown,
        "deleted contexts may come back with the snapshot, which was accepted"
    );
    Ok(erased)
}

/// Compares a snapshot with what it says about itself, and opens a copy of it below `scratch`.
pub(super) fn verify(config: &Config, folder: &Path, scratch: &Path) -> Result<Description, SnapshotError> {
    let description = Description::read(folder)?;
    let manifest = manifest_of(folder)?;
    check_files(&description, folder)?;
    remove(scratch).map_err(io_failed)?;
    check_space(&config.path, description.bytes(), config.min_free_bytes)?;
    let checked = copy(folder, scratch).map_err(io_failed).and_then(|()| {
        let shard = open_copy(config, scratch, &manifest)?;
        check_contexts(&description, &shard)
    });
    remove(scratch).map_err(io_failed)?;
    checked?;
    Ok(description)
}

fn manifest_of(folder: &Path) -> Result<Manifest, SnapshotError> {
    match folder::inspect(folder) {
        Ok(State::Ready(manifest)) => Ok(manifest),
        Ok(State::Fresh | State::Unfinished) => Err(damaged(format!("{MANIFEST} is missing"))),
        Err(error) => Err(damaged(error.to_string())),
    }
}

fn copy(folder: &Path, to: &Path) -> io::Result<()> {
    copy_folder(&folder::shard(folder), &folder::shard(to))?;
    fs::copy(folder.join(MANIFEST), to.join(MANIFEST)).map(drop)
}

fn open_copy(config: &Config, folder: &Path, manifest: &Manifest) -> Result<EdgeShard, SnapshotError> {
    let config = Config {
        path: folder.to_owned(),
        ..config.clone()
    };
    engine::load(&config, manifest).map_err(|error| damaged(format!("the engine cannot open it: {error}")))
}

fn check_files(description: &Description, folder: &Path) -> Result<(), SnapshotError> {
    let found = read_entries(folder, description::FILE).map_err(io_failed)?;
    let by_path = |files: &[FileEntry]| -> BTreeMap<String, (u64, String)> {
        let entry = |file: &FileEntry| (file.path.clone(), (file.bytes, file.sha256.clone()));
        files.iter().map(entry).collect()
    };
    let (expected, found) = (by_path(&description.files), by_path(&found));
    let missing = expected.keys().find(|path| !found.contains_key(*path));
    if let Some(path) = missing {
        return Err(damaged(format!("the file {path} is missing")));
    }
    for (path, content) in &found {
        match expected.get(path) {
            None => return Err(damaged(format!("the file {path} does not belong to it"))),
            Some(expected) if expected != content => {
                return Err(damaged(format!("the file {path} is not what it was")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn check_contexts(description: &Description, shard: &EdgeShard) -> Result<(), SnapshotError> {
    let counts = reads::tenant_counts(shard).map_err(|error| damaged(error.to_string()))?;
    let counts: BTreeMap<String, u64> = counts
        .into_iter()
        .map(|(tenant, count)| (tenant.as_str().to_owned(), count))
        .collect();
    if counts == description.contexts {
        return Ok(());
    }
    let (found, expected): (u64, u64) = (counts.values().sum(), description.contexts.values().sum());
    Err(damaged(format!(
        "it has {found} contexts of {} tenants, and had {expected} of {}",
        counts.len(),
        description.contexts.len()
    )))
}

/// Deletes what there is of these points, and counts it.
fn delete(shard: &EdgeShard, points: impl IntoIterator<Item = uuid::Uuid>) -> Result<u64, qdrant_edge::OperationError> {
    let points: Vec<PointId> = points.into_iter().map(PointId::Uuid).collect();
    let mut deleted = 0;
    for chunk in points.chunks(CHUNK) {
        let ids: Vec<PointId> = reads::existing(shard, chunk.to_vec())?.into_iter().collect();
        deleted += ids.len() as u64;
        if !ids.is_empty() {
            shard.update(UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }))?;
        }
    }
    Ok(deleted)
}

#[async_trait]
impl Staged for StagedRestore {
    async fn take_over(self: Box<Self>) -> Result<(Snapshot, u64), SnapshotError> {
        // A client that goes away must not leave this half done.
        let work = tokio::spawn(async move {
            let taken_over = take_over(&self.store, self.prepared).await;
            drop((self.retired, self.turn));
            taken_over
        });
        work.await.map_err(failed).flatten()
    }
}

async fn take_over(store: &EmbeddedStore, prepared: Prepared) -> Result<(Snapshot, u64), SnapshotError> {
    // Waits for every call that runs; others wait for this.
    let mut running = store.running.write().await;
    let engine = running.engine("restore")?;
    if engine.manifest().model != prepared.manifest.model {
        return Err(SnapshotError::Unusable(
            "the embedding model was changed while the snapshot was prepared".to_owned(),
        ));
    }
    match swap(&store.config, &running, engine, prepared).await {
        Ok((opened, replaced)) => {
            *running = opened;
            replaced
        }
        Err(error) => {
            tracing::error!(
                %error,
                source = ?std::error::Error::source(&error),
                "the store was closed to restore a snapshot and cannot be opened again"
            );
            store.lost.send_replace(true);
            Err(error)
        }
    }
}

/// Closes the store, replaces it, and opens what is there then, whichever of the two that is. An error is one of closing or
/// opening: there is no store any more.
async fn swap(
    config: &Config,
    running: &Running,
    engine: Arc<Engine>,
    prepared: Prepared,
) -> Result<(Running, Result<(Snapshot, u64), SnapshotError>), SnapshotError> {
    let (lock, manifest, mut released) = (engine.lock(), engine.manifest(), engine.released());
    drop(engine);
    let closed = running.close().await;
    // It never changes: what is waited for is its end. Reads that nobody waits for any more hold it until they are done.
    if timeout(RELEASE_TIMEOUT, released.changed()).await.is_err() {
        let busy = io::Error::other("a read holds the engine");
        return Err(SnapshotError::Store(unavailable("restore", None, busy)));
    }
    let config = config.clone();
    let work = move || {
        let replaced = match closed {
            Ok(_gone) => replace(&config, prepared),
            Err(error) => Err(error.into()),
        };
        let opened = Running::open(&config, &manifest.model, Some(lock)).map_err(store_failed)?;
        Ok((opened, replaced))
    };
    spawn_blocking(work).await.map_err(failed).flatten()
}

/// Puts what was prepared in the place of what is there, which nobody has open. Blocks.
fn replace(config: &Config, mut prepared: Prepared) -> Result<(Snapshot, u64), SnapshotError> {
    let path = &config.path;
    let staging = path.join(STAGING);
    let erased = erased_since(config, prepared.erased_until, prepared.accept_erased)?;
    if !erased.points.is_empty() {
        let shard = open_copy(config, &staging, &prepared.manifest)?;
        prepared.erased_again += delete(&shard, erased.points).map_err(failed)?;
        shard.flush().map_err(failed)?;
        drop(shard);
        disk::sync_all(&staging).map_err(io_failed)?;
    }
    disk::rename(&staging, &path.join(DECIDED)).map_err(io_failed)?;
    finish(path).map_err(io_failed)?;
    Ok((prepared.snapshot, prepared.erased_again))
}

/// Tells that a snapshot was about to take over when the process ended.
pub(in crate::embedded) fn is_taking_over(path: &Path) -> bool {
    path.join(DECIDED).is_dir()
}

/// Finishes what was decided, and removes what was not. The caller has the folder's lock, and nothing of it is open.
pub(in crate::embedded) fn finish(path: &Path) -> io::Result<()> {
    remove(&path.join(STAGING))?;
    remove(&path.join(super::STAGING))?;
    remove(&path.join(super::SCRATCH))?;
    let (decided, old) = (path.join(DECIDED), path.join(OLD_SHARD));
    if decided.is_dir() {
        let (new_shard, shard) = (folder::shard(&decided), folder::shard(path));
        if new_shard.is_dir() {
            if shard.is_dir() {
                remove(&old)?;
                fs::rename(&shard, &old)?;
            }
            fs::rename(&new_shard, &shard)?;
        }
        let manifest = decided.join(MANIFEST);
        if manifest.is_file() {
            fs::rename(&manifest, path.join(MANIFEST))?;
        }
        disk::sync_folder(path)?;
        remove(&decided)?;
    }
    remove(&old)
}

#[cfg(test)]
mod tests {
    use context_manager_core::Filter;
    use context_manager_core::ports::{ModelFingerprint, Snapshots, VectorStore};
    use tokio::sync::oneshot;

    use super::*;
    use crate::embedded::{EmbeddedSnapshots, SnapshotConfig};

    fn write(path: &Path, content: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A folder in which a snapshot is about to take over, `steps` steps later.
    fn taken_over(steps: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        write(&path.join("shard/data"), "old");
        write(&path.join(MANIFEST), "old");
        write(&path.join("restore/shard/data"), "new");
        write(&path.join("restore").join(MANIFEST), "new");
        let renames = [
            ("shard", "shard.old"),
            ("restore/shard", "shard"),
            ("restore/manifest.json", MANIFEST),
        ];
        for (from, to) in &renames[..steps.min(renames.len())] {
            fs::rename(path.join(from), path.join(to)).unwrap();
        }
        if steps > renames.len() {
            fs::remove_dir(path.join("restore")).unwrap();
        }
        folder
    }

    #[test]
    fn wherever_it_ended_the_next_start_finishes_it() {
        for steps in 0..=4 {
            let folder = taken_over(steps);
            let path = folder.path();
            assert_eq!(is_taking_over(path), steps < 4);
            finish(path).unwrap();
            finish(path).unwrap();
            assert_eq!(
                fs::read_to_string(path.join("shard/data")).unwrap(),
                "new",
                "after {steps}"
            );
            assert_eq!(fs::read_to_string(path.join(MANIFEST)).unwrap(), "new", "after {steps}");
            assert_eq!(fs::read_dir(path).unwrap().count(), 2, "after {steps}");
        }
    }

    #[test]
    fn what_was_only_prepared_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        write(&path.join("shard/data"), "old");
        write(&path.join("restore.new/shard/data"), "new");
        write(&path.join("snapshot.new/shard/data"), "half");
        finish(path).unwrap();
        assert_eq!(fs::read_to_string(path.join("shard/data")).unwrap(), "old");
        assert_eq!(fs::read_dir(path).unwrap().count(), 1);
    }

    async fn store(folder: &Path) -> (Arc<EmbeddedStore>, EmbeddedSnapshots) {
        let config = Config {
            path: folder.to_owned(),
            optimize_idle_secs: 3600,
            ..Config::default()
        };
        let model = ModelFingerprint {
            name: "test".to_owned(),
            dimensions: 4,
            probe: "1234".to_owned(),
        };
        let store = Arc::new(EmbeddedStore::open(config, &model).await.unwrap());
        let snapshots = EmbeddedSnapshots::new(Arc::clone(&store), SnapshotConfig::default());
        (store, snapshots)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn calls_go_on_while_a_restore_waits_for_indexes_that_are_rebuilt() {
        let folder = tempfile::tempdir().unwrap();
        let (store, snapshots) = store(folder.path()).await;
        let (name, snapshots) = (snapshots.create().await.unwrap().name, Arc::new(snapshots));
        let engine = store.running.read().await.engine("test").unwrap();
        let (begun, rebuilds) = oneshot::channel();
        let (end, ended) = std::sync::mpsc::channel();
        let rebuilding = spawn_blocking(move || {
            let _rebuilding = engine.may_optimize().unwrap();
            begun.send(()).unwrap();
            ended.recv().unwrap();
        });
        rebuilds.await.unwrap();
        let (staging, of_name) = (Arc::clone(&snapshots), name.clone());
        let restore = tokio::spawn(async move { staging.stage(&of_name, false).await?.take_over().await });
        let engine = store.running.read().await.engine("test").unwrap();
        while !engine.is_retired() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(engine);
        // A read, and a write.
        store.tenants(&Filter::default()).await.unwrap();
        store.flush().await.unwrap();
        assert!(!restore.is_finished());
        end.send(()).unwrap();
        rebuilding.await.unwrap();
        assert_eq!(restore.await.unwrap().unwrap().0.name, name);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn indexes_are_rebuilt_again_when_a_restore_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let (store, snapshots) = store(folder.path()).await;
        let name = snapshots.create().await.unwrap().name;
        let staged = snapshots.stage(&name, false).await.unwrap();
        let engine = store.running.read().await.engine("test").unwrap();
        assert!(engine.may_optimize().is_none());
        drop(staged);
        assert!(engine.may_optimize().is_some());
        drop(engine);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_opened_again_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (store, snapshots) = store(folder.path()).await;
        let name = snapshots.create().await.unwrap().name;
        assert!(timeout(Duration::ZERO, store.lost()).await.is_err());
        let staged = snapshots.stage(&name, false).await.unwrap();
        fs::remove_file(folder.path().join(STAGING).join("shard/edge_config.json")).unwrap();
        staged.take_over().await.unwrap_err();
        store.lost().await;
        store.tenants(&Filter::default()).await.unwrap_err();
    }
}
