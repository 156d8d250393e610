//! The store that runs inside the process: Qdrant's engine on a data folder.
//!
//! Reads run on tokio's blocking threads, a bounded number at once and a bounded number waiting. Writes wait in a bounded
//! line for one thread that owns writing and flushing; another thread rebuilds the indexes. Nothing waits without a
//! bound: who finds a line full is told so at once.
//!
//! Invariants: an acknowledged write survives the end of the process at any moment; no other process uses the folder
//! meanwhile; a folder that cannot be opened is left as it was.
//!
//! Deliberately absent: retries and deadlines, which are the caller's.

mod config;
mod engine;
mod erasures;
mod failure;
mod filter;
mod folder;
mod lock;
mod model_change;
mod models;
mod optimizer;
mod queue;
mod reads;
mod records;
mod room;
mod running;
mod schema;
mod search;
mod sessions;
mod snapshots;
mod store;
mod troubles;
mod wal;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::{BoxError, ModelFingerprint, StoreError, StoreErrorKind, StoredModels};
use tokio::sync::{RwLock, watch};
use tokio::task::spawn_blocking;

pub use config::{Config, Durability};
pub use snapshots::{EmbeddedSnapshots, SnapshotConfig};

use models::ChangeModels;
use running::Running;
use writer::Write;

use crate::{Error, LocalDisk, OpenStore, StoreHandle};

/// Opens the data folder of `config`, or creates it, for vectors of the model with this fingerprint.
///
/// # Errors
/// As [`EmbeddedStore::open`].
pub async fn open(config: Config, snapshots: SnapshotConfig, model: &ModelFingerprint) -> Result<OpenStore, Error> {
    let local_disk = LocalDisk {
        folder: config.path.clone(),
        min_free_bytes: config.kept_free_bytes(),
    };
    let store = Arc::new(EmbeddedStore::open(config, model).await?);
    Ok(OpenStore {
        models: Some(Arc::clone(&store) as _),
        snapshots: Some(Arc::new(EmbeddedSnapshots::new(Arc::clone(&store), snapshots))),
        leases: None,
        local_disk: Some(local_disk),
        handle: Arc::clone(&store) as _,
        contexts: store,
    })
}

/// When those who were turned away may come back: a full line is worked off within about this time.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The store that runs inside the process.
///
/// Close it with [`EmbeddedStore::close`]. When it is dropped instead, the same happens in the background: nothing is
/// lost, but nobody learns when the folder is free again.
#[derive(Debug)]
pub struct EmbeddedStore {
    config: Config,
    /// Held for reading by every call until it is done, and for writing while a snapshot takes the place of what is
    /// stored. No call takes it twice.
    running: Arc<RwLock<Running>>,
    /// Set when it was closed to restore a snapshot and could not be opened again.
    lost: watch::Sender<bool>,
}

impl EmbeddedStore {
    /// Opens the data folder of `config`, or makes it, for vectors of the model with this fingerprint.
    ///
    /// # Errors
    /// [`Error`] when the folder is somebody else's, in use, damaged, or holds the vectors of another model.
    pub async fn open(config: Config, model: &ModelFingerprint) -> Result<Self, Error> {
        let (opened, model) = (config.clone(), model.clone());
        let running = blocking(&config.path, move || Running::open(&opened, &model, None)).await?;
        Ok(Self {
            config,
            running: Arc::new(RwLock::new(running)),
            lost: watch::Sender::new(false),
        })
    }

    /// The models whose vectors are stored in the data folder `path`; `None` when there is no data yet.
    ///
    /// For those who want to open the folder with the model in use, whatever is configured. It reads one small file, and
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error`] when the folder is somebody else's or its manifest cannot be read.
    pub fn stored_models(path: &Path) -> Result<Option<StoredModels>, Error> {
        engine::stored_models(path)
    }

    /// Completes the fingerprint of a store that was opened for an unverified model, durably: from then on no other
    /// model is accepted. With the fingerprint that is stored already it changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed or is another model's.
    pub async fn complete_model(&self, model: &ModelFingerprint) -> Result<(), StoreError> {
        let (running, model) = (self.running.read().await, model.clone());
        if running.engine("complete_model")?.manifest().models().in_use == model {
            return Ok(());
        }
        let write = |reply| Write::ChangeModels(ChangeModels::Complete(model), reply);
        running.write("complete_model", write).await
    }

    /// Completes when the store was closed to restore a snapshot and could not be opened again. Every call fails from then
    /// on, so the process should end, and be started again by whatever supervises it.
    pub async fn lost(&self) {
        let mut lost = self.lost.subscribe();
        // An error would say that the sender is gone, which is here.
        let _lost = lost.wait_for(|lost| *lost).await;
    }

    /// Accepts nothing more, finishes what was accepted, writes everything out and frees the folder.
    ///
    /// An optimisation that runs cannot be stopped and holds the folder until it ends or the process does; after a few
    /// seconds this no longer waits for it, and nothing is lost. Closing again does nothing more.
    ///
    /// # Errors
    /// [`StoreError`] when not everything could be written out.
    pub async fn close(&self) -> Result<(), StoreError> {
        if !self.running.read().await.close().await? {
            tracing::warn!(
                "the store is closed while its indexes are being rebuilt, its folder stays locked until that ends"
            );
        }
        Ok(())
    }
}

#[async_trait]
impl StoreHandle for EmbeddedStore {
    async fn complete_model(&self, model: &ModelFingerprint) -> Result<(), Error> {
        self.complete_model(model).await.map_err(|error| Error::Engine {
            operation: "complete the model of",
            path: self.config.path.clone(),
            source: Box::new(error),
        })
    }

    async fn lost(&self) {
        self.lost().await;
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.close().await
    }
}

/// Opens something of a data folder on a blocking thread. A panic of the engine over a damaged folder is an error, too.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work).await.unwrap_or_else(|panic| {
        Err(Error::Engine {
            operation: "open",
            path: path.to_owned(),
            source: Box::new(panic),
        })
    })
}

fn unavailable(
    operation: &'static str,
    retry_after: Option<Duration>,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError {
        operation,
        kind: StoreErrorKind::Unavailable(retry_after),
        source: Some(Box::new(source)),
    }
}

fn internal(operation: &'static str, source: BoxError) -> StoreError {
    StoreError {
        operation,
        kind: StoreErrorKind::Internal,
        source: Some(source),
    }
}
