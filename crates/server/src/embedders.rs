//! The embedding models that the configuration names, and which of them serves.

use std::sync::Arc;

use anyhow::bail;
use context_manager_core::ports::{Embedder, ModelFingerprint, StoredModels};
use context_manager_embedding::{ApiConfig, Batching, BuiltIn, Cached, OpenAiCompatible};
use context_manager_resilience::CircuitBreaker;

use crate::config::{EmbeddingConfig, VectorDbConfig};

/// The models that can be asked.
#[derive(Debug)]
pub(crate) struct Embedders {
    configured: Arc<dyn Embedder>,
    /// The other one, unless none is configured or it cannot be reached.
    next: Option<Arc<dyn Embedder>>,
}

impl Embedders {
    /// Gets in touch with the models of the configuration. A service whose vectors are stored already may be down.
    ///
    /// # Errors
    /// When the model of `[embedding]` cannot be used. One of `[embedding.next]` is done without.
    pub(crate) async fn connect(config: &EmbeddingConfig, stored: Option<&StoredModels>) -> anyhow::Result<Self> {
        let configured = connect("embedding", &config.api, config, stored).await?;
        let next = match &config.next {
            None => None,
            Some(next) => connect("embedding_next", next, config, stored)
                .await
                .inspect_err(|error| {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the model of [embedding.next] cannot be used"
                    );
                })
                .ok(),
        };
        Ok(Self { configured, next })
    }

    /// The one whose vectors are stored where `place` says; that of `[embedding]` when there are none yet.
    ///
    /// # Errors
    /// When it is not configured, with the ways out.
    pub(crate) fn serving(
        &self,
        place: &VectorDbConfig,
        stored: Option<&StoredModels>,
    ) -> anyhow::Result<Arc<dyn Embedder>> {
        let Some(stored) = stored else {
            return Ok(Arc::clone(&self.configured));
        };
        let Some(serving) = self.of(&stored.in_use) else {
            let other_way = if place.qdrant.url.is_some() {
                "see \"Changing the embedding model\" in docs/configuration.md"
            } else {
                "run `context-manager reembed` to embed everything with the new one; to go on serving meanwhile, put the \
                 old model into [embedding] and the new one into [embedding.next]"
            };
            bail!(
                "{} holds vectors of the model {}, and [embedding] names the model {}. Either configure the old model \
                 again, or {other_way}",
                place.place(),
                stored.in_use,
                self.configured.fingerprint(),
            )
        };
        if *serving.fingerprint() != *self.configured.fingerprint() {
            tracing::info!(model = %serving.fingerprint(), "serving with the model of [embedding.next], as its vectors are stored");
        }
        Ok(serving)
    }

    /// One that is not `in_use`: that of `[embedding]` first.
    pub(crate) fn other_than(&self, in_use: &ModelFingerprint) -> Option<Arc<dyn Embedder>> {
        self.all().find(|model| model.fingerprint() != in_use).cloned()
    }

    /// The one with this fingerprint.
    pub(crate) fn of(&self, fingerprint: &ModelFingerprint) -> Option<Arc<dyn Embedder>> {
        self.all().find(|model| model.fingerprint() == fingerprint).cloned()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn Embedder>> {
        [&self.configured].into_iter().chain(&self.next)
    }
}

async fn connect(
    circuit: &'static str,
    api: &ApiConfig,
    config: &EmbeddingConfig,
    stored: Option<&StoredModels>,
) -> anyhow::Result<Arc<dyn Embedder>> {
    if api.api_url.is_none() {
        let model = tokio::task::spawn_blocking(BuiltIn::load).await??;
        return Ok(Arc::new(Cached::queries(model, &config.cache)));
    }
    let stored = stored.into_iter().flat_map(|stored| {
        let other = stored.other.as_ref().map(|other| &other.model);
        [&stored.in_use].into_iter().chain(other)
    });
    let known = stored.into_iter().find(|known| known.name == api.name());
    let breaker = Arc::new(CircuitBreaker::new(circuit, config.circuit_breaker.clone()));
    let service = OpenAiCompatible::builder(api.clone())
        .with_circuit_breaker(breaker)
        .connect(known)
        .await?;
    Ok(Arc::new(Cached::all(
        Batching::start(service, &config.batching),
        &config.cache,
    )))
}
