//! The result of opening a store, the same for every kind of store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{Leases, ModelChange, ModelFingerprint, Snapshots, StoreError, VectorStore};

use crate::Error;

/// An opened store: the ports that it serves, and a handle to close it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OpenStore {
    /// Stores contexts and finds them.
    pub contexts: Arc<dyn VectorStore>,
    /// Changes the embedding model; `None` if the store keeps the model it was created for.
    pub models: Option<Arc<dyn ModelChange>>,
    /// Takes and restores snapshots.
    pub snapshots: Arc<dyn Snapshots>,
    /// Leases among the processes that share the store; `None` if only one process can open it.
    pub leases: Option<Arc<dyn Leases>>,
    /// Local folder with the data; `None` if the data is elsewhere.
    pub local_disk: Option<LocalDisk>,
    /// Lifetime of the store.
    pub handle: Arc<dyn StoreHandle>,
}

/// Local folder in which a store keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDisk {
    /// Path of the folder.
    pub folder: PathBuf,
    /// Number of free bytes below which the store refuses writes.
    pub min_free_bytes: u64,
}

/// Lifetime of an opened store.
#[async_trait]
pub trait StoreHandle: fmt::Debug + Send + Sync + 'static {
    /// Completes the fingerprint of a store that was opened for an unverified model: from then on it accepts no other
    /// model. Does nothing if this fingerprint is stored already.
    ///
    /// # Errors
    /// [`Error`] when the store failed or holds the vectors of another model.
    async fn complete_model(&self, model: &ModelFingerprint) -> Result<(), Error>;

    /// Completes when the store is closed for good and every later call fails, so that the process should end. By default
    /// it never completes.
    async fn lost(&self) {
        std::future::pending::<()>().await;
    }

    /// Finishes all accepted writes, writes everything out and releases the store. By default there is nothing to do.
    ///
    /// # Errors
    /// [`StoreError`] when not everything could be written out.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
