//! The store that the configuration asks for: which one it is, opened and closed. Everything else knows the ports only.

use std::sync::Arc;

use context_manager_core::ports::{ModelChange, ModelFingerprint, StoreError, StoredModels, VectorStore};
use context_manager_resilience::CircuitBreaker;
use context_manager_vector_store::embedded::{EmbeddedSnapshots, SnapshotConfig};
use context_manager_vector_store::{EmbeddedStore, Error, QdrantStore};

use crate::config::VectorDbConfig;

/// The store in use. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// The engine inside this process.
    Embedded(Arc<EmbeddedStore>),
    /// A Qdrant server.
    Qdrant(Arc<QdrantStore>),
}

impl Store {
    /// The models whose vectors are stored where `config` says; `None` when nothing is stored yet. It changes nothing.
    ///
    /// # Errors
    /// [`Error`] when it is somebody else's, or cannot be read or reached.
    pub(crate) async fn stored_models(config: &VectorDbConfig) -> Result<Option<StoredModels>, Error> {
        if config.qdrant.url.is_some() {
            let in_use = QdrantStore::stored_model(&config.server()).await?;
            return Ok(in_use.map(|in_use| StoredModels { in_use, other: None }));
        }
        EmbeddedStore::stored_models(&config.embedded.path)
    }

    /// Opens the store of `config` for vectors of the model with this fingerprint, or makes it.
    ///
    /// # Errors
    /// [`Error`] when it cannot be used with this configuration or this model.
    pub(crate) async fn open(config: &VectorDbConfig, model: &ModelFingerprint) -> Result<Self, Error> {
        if config.qdrant.url.is_some() {
            let circuit = Arc::new(CircuitBreaker::new("vector_store", config.circuit_breaker.clone()));
            let builder = QdrantStore::builder(config.server()).with_circuit_breaker(circuit);
            return Ok(Self::Qdrant(Arc::new(builder.connect(model).await?)));
        }
        let embedded = EmbeddedStore::open(config.embedded.clone(), model).await?;
        Ok(Self::Embedded(Arc::new(embedded)))
    }

    /// Completes the fingerprint of a store that was made for a model that had not answered yet.
    ///
    /// # Errors
    /// When the store failed or holds another model's vectors.
    pub(crate) async fn complete_model(&self, model: &ModelFingerprint) -> anyhow::Result<()> {
        match self {
            Self::Embedded(store) => store.complete_model(model).await?,
            Self::Qdrant(store) => store.complete_model(model).await?,
        }
        Ok(())
    }

    /// What keeps contexts.
    pub(crate) fn contexts(&self) -> Arc<dyn VectorStore> {
        match self {
            Self::Embedded(store) => Arc::clone(store) as _,
            Self::Qdrant(store) => Arc::clone(store) as _,
        }
    }

    /// What changes the embedding model, if this store can.
    pub(crate) fn models(&self) -> Option<Arc<dyn ModelChange>> {
        match self {
            Self::Embedded(store) => Some(Arc::clone(store) as _),
            Self::Qdrant(_) => None,
        }
    }

    /// Returns the maker of copies of the whole store, if the store makes them itself: a Qdrant server has its own.
    pub(crate) fn snapshots(&self, config: &SnapshotConfig) -> Option<Arc<EmbeddedSnapshots>> {
        match self {
            Self::Embedded(store) => Some(Arc::new(EmbeddedSnapshots::new(Arc::clone(store), config.clone()))),
            Self::Qdrant(_) => None,
        }
    }

    /// Completes when the store had to close and every call fails from then on, see [`EmbeddedStore::lost`].
    pub(crate) async fn lost(&self) {
        match self {
            Self::Embedded(store) => store.lost().await,
            Self::Qdrant(_) => std::future::pending().await,
        }
    }

    /// Finishes all writes and writes everything out.
    ///
    /// # Errors
    /// [`StoreError`] when not everything could be written out.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => store.close().await,
            // The server owns everything.
            Self::Qdrant(_) => Ok(()),
        }
    }
}
