//! Going back to a snapshot: staged while calls go on, it takes over in one step.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{Snapshot, SnapshotError, Staged};
use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;

use super::failure::failed;
use super::prepare::{Prepared, prepare};
use crate::disk;
use crate::embedded::engine::Retired;
use crate::embedded::store::EmbeddedStore;
use crate::embedded::takeover;

/// A snapshot that is ready to take over.
#[derive(Debug)]
pub(super) struct StagedRestore {
    store: Arc<EmbeddedStore>,
    prepared: Prepared,
    retired: Retired,
    lock: OwnedMutexGuard<()>,
}

/// Stages the snapshot in `folder`, called `name`.
pub(super) async fn stage(
    store: Arc<EmbeddedStore>,
    lock: OwnedMutexGuard<()>,
    folder: PathBuf,
    name: String,
    accept_erased: bool,
) -> Result<StagedRestore, SnapshotError> {
    let engine = store.running.read().await.engine("restore")?;
    let (model, current) = (engine.manifest().model.clone(), Arc::downgrade(&engine));
    drop(engine);
    let config = store.config.clone();
    let work = move || {
        let prepared = prepare(&config, &folder, &name, &model, &current, accept_erased);
        if prepared.is_err() {
            // The first error is reported.
            let _ = disk::remove_folder(&takeover::staging(&config.path));
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
        lock,
    })
}

#[async_trait]
impl Staged for StagedRestore {
    async fn take_over(self: Box<Self>) -> Result<(Snapshot, u64), SnapshotError> {
        // A task of its own, so that it completes when the caller is gone.
        let work = tokio::spawn(async move {
            let taken_over = take_over(&self.store, self.prepared).await;
            drop((self.retired, self.lock));
            taken_over
        });
        work.await.map_err(failed).flatten()
    }
}

async fn take_over(store: &EmbeddedStore, prepared: Prepared) -> Result<(Snapshot, u64), SnapshotError> {
    // Waits for running calls; later ones wait for this.
    let mut running = store.running.write().await;
    if running.engine("restore")?.manifest().model != prepared.manifest.model {
        return Err(SnapshotError::Unusable(
            "the embedding model was changed while the snapshot was prepared".to_owned(),
        ));
    }
    let replaced = store.replace_engine(&mut running, "restore", |config| prepared.take_over(config));
    replaced.await??
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use context_manager_core::Filter;
    use context_manager_core::ports::{ModelFingerprint, Snapshots, VectorStore};
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;
    use crate::embedded::{Config, EmbeddedSnapshots, SnapshotConfig};

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
    async fn calls_go_on_while_a_restore_waits_for_an_optimisation() {
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
        store.tenants(&Filter::default()).await.unwrap();
        store.flush().await.unwrap();
        assert!(!restore.is_finished());
        end.send(()).unwrap();
        rebuilding.await.unwrap();
        assert_eq!(restore.await.unwrap().unwrap().0.name, name);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn optimisations_resume_when_a_restore_is_dropped() {
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
    async fn a_store_that_cannot_be_opened_again_is_reported_as_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (store, snapshots) = store(folder.path()).await;
        let name = snapshots.create().await.unwrap().name;
        assert!(timeout(Duration::ZERO, store.lost()).await.is_err());
        let staged = snapshots.stage(&name, false).await.unwrap();
        fs::remove_file(takeover::staging(folder.path()).join("shard/edge_config.json")).unwrap();
        staged.take_over().await.unwrap_err();
        store.lost().await;
        store.tenants(&Filter::default()).await.unwrap_err();
    }
}
