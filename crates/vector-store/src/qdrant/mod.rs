//! The store on a Qdrant server or cluster, over gRPC.
//!
//! One collection holds all tenants; the index on the tenant keeps the points of each together. The first replica to start
//! creates it, with the fingerprint of the model in its metadata.
//!
//! Invariants: an acknowledged write was applied by as many nodes as the collection's `write_consistency_factor` says;
//! every call ends within the configured time; a collection that does not fit is neither altered nor dropped; an outage
//! of the server needs no restart.
//!
//! Deliberately absent: a cache of records, as other replicas write too; and isolation between calls. A page of a list, or
//! a deletion of many contexts, takes several calls, and some of them may see concurrent writes. Two concurrent deletions
//! of the same contexts may both count them.

mod agreements;
mod analyzer;
mod client;
mod collection;
mod config;
mod deletions;
mod documents;
mod failure;
mod filter;
mod http;
mod lease;
mod offsets;
mod points;
mod reads;
mod records;
mod schema;
mod search;
mod sessions;
mod snapshots;
mod store;
mod unchanged;
mod writes;

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{ModelFingerprint, StoredModels};
use context_manager_resilience::CircuitBreaker;

use agreements::Agreements;
use client::Client;
pub use config::{Config, Quantization, ReadConsistency, WriteOrdering};
use deletions::Deletions;
pub use documents::QdrantDocuments;
use snapshots::QdrantSnapshots;

use crate::{Error, OpenStore, StoreHandle};

/// Connects to the Qdrant server of `config` and creates the collection, or checks the existing one. Making one more snapshot
/// than `max_snapshots` removes the oldest.
///
/// # Errors
/// As [`QdrantStore::connect`].
pub async fn open(
    config: &Config,
    max_snapshots: usize,
    circuit: Arc<CircuitBreaker>,
    model: &ModelFingerprint,
) -> Result<OpenStore, Error> {
    let store = Arc::new(QdrantStore::connect_through(config, Some(circuit), model).await?);
    let snapshots = QdrantSnapshots::new(
        &store.client,
        &store.agreements,
        &store.deletions,
        config,
        max_snapshots,
    )?;
    Ok(OpenStore {
        models: None,
        snapshots: Arc::new(snapshots),
        leases: Some(Arc::clone(&store) as _),
        local_disk: None,
        handle: Arc::clone(&store) as _,
        contexts: store,
    })
}

/// Returns the models whose vectors are stored at the server of `config`, or `None` if there is no collection yet. Changes
/// nothing.
///
/// # Errors
/// As [`QdrantStore::stored_model`].
pub async fn stored_models(config: &Config) -> Result<Option<StoredModels>, Error> {
    let in_use = QdrantStore::stored_model(config).await?;
    Ok(in_use.map(|in_use| StoredModels { in_use, other: None }))
}

/// The store on a Qdrant server. Needs no closing, as the server owns the data.
#[derive(Debug)]
pub struct QdrantStore {
    client: Client,
    agreements: Agreements,
    deletions: Arc<Deletions>,
    dimensions: usize,
}

impl QdrantStore {
    /// Connects to the server of `config` and creates the collection, or checks the existing one, for vectors of the model
    /// with this fingerprint.
    ///
    /// # Errors
    /// [`Error`] when the server cannot be reached or is too old, or the collection belongs to another program, has another
    /// shape, or holds the vectors of another model.
    pub async fn connect(config: &Config, model: &ModelFingerprint) -> Result<Self, Error> {
        Self::connect_through(config, None, model).await
    }

    /// As [`QdrantStore::connect`], with a circuit breaker around every call. While it is open, calls fail at once as
    /// [`Unavailable`](context_manager_core::ports::StoreErrorKind::Unavailable).
    ///
    /// # Errors
    /// As [`QdrantStore::connect`].
    pub async fn connect_through(
        config: &Config,
        circuit: Option<Arc<CircuitBreaker>>,
        model: &ModelFingerprint,
    ) -> Result<Self, Error> {
        let client = Client::new(config, circuit)?;
        collection::prepare(&client, config, model).await?;
        Ok(Self {
            agreements: Agreements::beside(&client, config),
            deletions: Arc::new(Deletions::beside(&client, config)),
            client,
            dimensions: model.dimensions,
        })
    }

    /// Returns the model whose vectors are stored at the server of `config`, or `None` if there is no collection yet.
    /// Changes nothing.
    ///
    /// # Errors
    /// [`Error`] when the server cannot be reached or is too old, or the collection belongs to another program.
    pub async fn stored_model(config: &Config) -> Result<Option<ModelFingerprint>, Error> {
        collection::stored_model(&Client::new(config, None)?).await
    }
}

#[async_trait]
impl StoreHandle for QdrantStore {
    async fn complete_model(&self, model: &ModelFingerprint) -> Result<(), Error> {
        collection::complete_model(&self.client, model).await
    }
}
