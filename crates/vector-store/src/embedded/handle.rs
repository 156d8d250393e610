//! The store as the program holds it: [`OpenStore`] with its parts.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{ModelFingerprint, StoreError};

use super::config::{Config, SnapshotConfig};
use super::snapshots::EmbeddedSnapshots;
use super::store::EmbeddedStore;
use crate::{Error, LocalDisk, OpenStore, StoreHandle};

/// Opens the data folder of `config`, or creates it, for vectors of the model with this fingerprint.
///
/// # Errors
/// As [`EmbeddedStore::open`].
pub async fn open_store(
    config: Config,
    snapshots: SnapshotConfig,
    model: &ModelFingerprint,
) -> Result<OpenStore, Error> {
    let local_disk = LocalDisk {
        folder: config.path.clone(),
        min_free_bytes: config.kept_free_bytes(),
    };
    let store = Arc::new(EmbeddedStore::open(config, model).await?);
    Ok(OpenStore {
        models: Some(Arc::clone(&store) as _),
        snapshots: Arc::new(EmbeddedSnapshots::new(Arc::clone(&store), snapshots)),
        leases: None,
        local_disk: Some(local_disk),
        handle: Arc::clone(&store) as _,
        contexts: store,
    })
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
