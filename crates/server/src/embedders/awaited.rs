//! An embedding service that has not answered yet, on a store without vectors.
//!
//! The server serves without it: texts wait for their vectors, and searches go by words. The fingerprint of the model is
//! stored durably before the first vector is returned, so that vectors of two models never mix.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use context_manager_core::TenantId;
use context_manager_core::ports::{
    CosineScale, EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, QueryEmbedding, StoredModels,
};
use context_manager_embedding::{ApiConfig, Error};
use context_manager_vector_store::OpenStore;
use tokio::time::{Duration, sleep};

use super::connect::{CIRCUIT, connect_service};
use crate::config::Config;
use crate::store;

/// First and longest pause between two attempts to reach the service.
const PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// A service that embeds nothing until it has answered for the first time.
#[derive(Debug)]
pub(super) struct Awaited {
    expected: ModelFingerprint,
    service: OnceLock<Arc<dyn Embedder>>,
    /// Outcome of the last attempt to reach it.
    failure: Mutex<EmbedErrorKind>,
}

impl Awaited {
    /// Creates a service that has to answer with this model.
    pub(super) fn new(expected: ModelFingerprint) -> Self {
        Self {
            expected,
            service: OnceLock::new(),
            failure: Mutex::new(EmbedErrorKind::Unavailable(None)),
        }
    }

    /// Tries to reach the service until it answers with the expected model.
    pub(super) async fn reach(&self, config: &Config, store: &OpenStore) {
        let [mut pause, longest] = PAUSE;
        while self.service.get().is_none() {
            let Err(error) = self.contact(config, store).await else {
                tracing::info!(model = %self.fingerprint(), "the embedding service answers");
                return;
            };
            let kind = match error.downcast_ref() {
                Some(Error::Dimensions { configured, actual }) => EmbedErrorKind::DimensionMismatch {
                    expected: *configured,
                    actual: *actual,
                },
                _ => EmbedErrorKind::Unavailable(None),
            };
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = kind;
            if matches!(error.downcast_ref(), Some(Error::Unreachable { .. })) {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the embedding service does not answer yet"
                );
            } else {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the embedding service cannot be used, nothing is embedded"
                );
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    async fn contact(&self, config: &Config, store: &OpenStore) -> anyhow::Result<()> {
        // Another server may have reached it first; then its model is the one that counts.
        let stored = store::stored_models(&config.vector_db).await?;
        let service = connect_service(CIRCUIT, &config.embedding.model.api, &config.embedding, stored.as_ref()).await?;
        let model = service.fingerprint();
        if model.dimensions != self.expected.dimensions {
            return Err(Error::Dimensions {
                configured: self.expected.dimensions,
                actual: model.dimensions,
            }
            .into());
        }
        store.handle.complete_model(model).await?;
        // Set here alone.
        let _ = self.service.set(service);
        Ok(())
    }

    fn service(&self) -> Result<&Arc<dyn Embedder>, EmbedError> {
        let failure = || *self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        self.service.get().ok_or_else(|| failure().into())
    }
}

/// Returns the model of `api` on a store without vectors, if its size is known without asking it.
pub(super) fn expected(api: &ApiConfig, stored: Option<&StoredModels>) -> Option<ModelFingerprint> {
    match stored {
        None => Some(ModelFingerprint::unverified(api.name(), api.dimensions?)),
        Some(StoredModels { in_use, .. }) => {
            let fits = in_use.name == api.name() && api.dimensions.is_none_or(|size| size == in_use.dimensions);
            (fits && !in_use.is_verified()).then(|| in_use.clone())
        }
    }
}

#[async_trait]
impl Embedder for Awaited {
    fn fingerprint(&self) -> &ModelFingerprint {
        self.service
            .get()
            .map_or(&self.expected, |service| service.fingerprint())
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        match self.service() {
            Ok(service) => service.embed_documents(texts).await,
            Err(error) => vec![Err(error); texts.len()],
        }
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        self.service()?.embed_query(text).await
    }

    async fn embed_documents_of(&self, tenant: &TenantId, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        match self.service() {
            Ok(service) => service.embed_documents_of(tenant, texts).await,
            Err(error) => vec![Err(error); texts.len()],
        }
    }

    async fn embed_query_of(&self, tenant: &TenantId, text: &str) -> Result<QueryEmbedding, EmbedError> {
        self.service()?.embed_query_of(tenant, text).await
    }

    fn scale(&self) -> CosineScale {
        self.service.get().map(|service| service.scale()).unwrap_or_default()
    }
}
