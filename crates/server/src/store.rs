//! The store that the configuration asks for. Everything else in the server knows the ports only.

use std::sync::Arc;

use context_manager_core::ports::{ModelFingerprint, SharedDocuments, StoredModels};
use context_manager_resilience::CircuitBreaker;
use context_manager_vector_store::embedded::SnapshotConfig;
use context_manager_vector_store::{EmbeddedStore, Error, OpenStore, embedded, qdrant};

use crate::config::VectorDbConfig;

/// Returns the models whose vectors the store of `config` holds, or `None` if nothing is stored yet. Changes nothing.
///
/// # Errors
/// [`Error`] when the store belongs to another program, or cannot be read or reached.
pub(crate) async fn stored_models(config: &VectorDbConfig) -> Result<Option<StoredModels>, Error> {
    if config.qdrant.url.is_some() {
        return qdrant::stored_models(&config.server()).await;
    }
    EmbeddedStore::stored_models(&config.embedded.path)
}

/// Opens the store of `config`, or creates it, for vectors of the model with this fingerprint.
///
/// # Errors
/// [`Error`] when the store cannot be used with this configuration or this model.
pub(crate) async fn open(
    config: &VectorDbConfig,
    snapshots: &SnapshotConfig,
    model: &ModelFingerprint,
) -> Result<OpenStore, Error> {
    if config.qdrant.url.is_some() {
        let circuit = CircuitBreaker::new("vector_store", config.circuit_breaker.clone());
        return qdrant::open(&config.server(), snapshots.max_kept, Arc::new(circuit), model).await;
    }
    embedded::open_store(config.embedded.clone(), snapshots.clone(), model).await
}

/// Returns the documents that the servers on the store of `config` share, or `None` if only one server can open it. Connects
/// on first use.
///
/// # Errors
/// [`Error`] when the settings cannot be used.
pub(crate) fn documents(config: &VectorDbConfig) -> Result<Option<Arc<dyn SharedDocuments>>, Error> {
    if config.qdrant.url.is_none() {
        return Ok(None);
    }
    Ok(Some(Arc::new(qdrant::QdrantDocuments::new(&config.server())?)))
}
