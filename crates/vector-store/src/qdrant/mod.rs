//! The store on a Qdrant server or cluster, over gRPC.
//!
//! One collection holds all tenants; the index on the tenant keeps each one's points together. It is made at the first
//! start, by whichever replica comes first, and carries the fingerprint of the model in its metadata.
//!
//! Invariants: an acknowledged write was applied by as many nodes as the collection's `write_consistency_factor` says;
//! every call ends within the configured time; a collection that does not fit is neither altered nor dropped; an outage
//! of the server is survived without a restart.
//!
//! Deliberately absent: a cache of records, as other replicas write too; and one moment for several calls. A page of a
//! list, and a deletion of many, take several calls to the server, and what is written meanwhile by others may be seen by
//! some of them. Two deletions of the same contexts at the same moment may both count them.

mod agreements;
mod client;
mod collection;
mod config;
mod failure;
mod filter;
mod lease;
mod points;
mod positions;
mod reads;
mod schema;
mod search;
mod sessions;
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

use crate::{Error, OpenStore, StoreHandle};

/// Connects to the Qdrant server of `config`, through `circuit`, and creates the collection or checks the existing one.
///
/// # Errors
/// As [`Builder::connect`].
pub async fn open(config: Config, circuit: Arc<CircuitBreaker>, model: &ModelFingerprint) -> Result<OpenStore, Error> {
    let builder = QdrantStore::builder(config).with_circuit_breaker(circuit);
    let store = Arc::new(builder.connect(model).await?);
    Ok(OpenStore {
        models: None,
        snapshots: None,
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

/// The store on a Qdrant server. Cheap to make, and needs no closing: the server owns everything.
#[derive(Debug)]
pub struct QdrantStore {
    client: Client,
    agreements: Agreements,
    dimensions: usize,
}

/// What a [`QdrantStore`] is made of.
#[derive(Debug)]
pub struct Builder {
    config: Config,
    circuit: Option<Arc<CircuitBreaker>>,
}

impl QdrantStore {
    /// A store with these settings, to be given more before it connects.
    pub fn builder(config: Config) -> Builder {
        Builder { config, circuit: None }
    }

    /// Connects as [`Builder::connect`] does, with nothing more than settings.
    ///
    /// # Errors
    /// As there.
    pub async fn connect(config: &Config, model: &ModelFingerprint) -> Result<Self, Error> {
        Self::builder(config.clone()).connect(model).await
    }

    /// The model whose vectors are stored at the server of `config`; `None` when there is no collection yet. It changes
    /// nothing.
    ///
    /// # Errors
    /// [`Error`] when the server cannot be reached or is too old, or the collection is somebody else's.
    pub async fn stored_model(config: &Config) -> Result<Option<ModelFingerprint>, Error> {
        collection::stored_model(&Client::new(config, None)?).await
    }

    /// Completes the fingerprint of a collection that was made for an unverified model: from then on no other model is
    /// accepted. With the fingerprint that is stored already it changes nothing.
    ///
    /// # Errors
    /// [`Error`] when the server cannot be reached, or the collection holds the vectors of another model.
    pub async fn complete_model(&self, model: &ModelFingerprint) -> Result<(), Error> {
        collection::complete_model(&self.client, model).await
    }
}

#[async_trait]
impl StoreHandle for QdrantStore {
    async fn complete_model(&self, model: &ModelFingerprint) -> Result<(), Error> {
        self.complete_model(model).await
    }
}

impl Builder {
    /// Has every call go through this circuit, which opens when the server fails or cannot be reached. Calls are then
    /// refused at once as [`Unavailable`](context_manager_core::ports::StoreErrorKind::Unavailable).
    #[must_use]
    pub fn with_circuit_breaker(mut self, circuit: Arc<CircuitBreaker>) -> Self {
        self.circuit = Some(circuit);
        self
    }

    /// Connects to the server and makes the collection, or checks the one that is there, for vectors of the model with
    /// this fingerprint.
    ///
    /// # Errors
    /// [`Error`] when the server cannot be reached or is too old, or the collection is somebody else's, has another
    /// shape, or holds the vectors of another model.
    pub async fn connect(self, model: &ModelFingerprint) -> Result<QdrantStore, Error> {
        let client = Client::new(&self.config, self.circuit)?;
        collection::prepare(&client, &self.config, model).await?;
        Ok(QdrantStore {
            agreements: Agreements::beside(&client, &self.config),
            client,
            dimensions: model.dimensions,
        })
    }
}
