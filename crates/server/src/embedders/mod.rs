//! The embedding models that the configuration names, and which of them serves.

mod awaited;
mod connect;

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use context_manager_core::ports::{Embedder, ModelFingerprint, StoredModels, TokenTable};
use context_manager_embedding::{Cached, Error};
use context_manager_vector_store::OpenStore;
use tokio::time::timeout;

use crate::config::{Config, EmbeddingConfig, Place, VectorDbConfig};
use awaited::Awaited;
use connect::{CIRCUIT, connect, load_table};

/// Maximum wait at start for a service that is not needed at once.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// The available models.
#[derive(Debug)]
pub(crate) struct Embedders {
    configured: Arc<dyn Embedder>,
    /// The same, if it has not answered at start and is not needed at once.
    awaited: Option<Arc<Awaited>>,
    /// The other model, unless none is configured or it cannot be reached.
    next: Option<Arc<dyn Embedder>>,
    /// The built-in model of earlier versions, if the present one is configured: it serves while its vectors are stored.
    former: Option<Arc<dyn Embedder>>,
    table: Arc<dyn TokenTable>,
}

impl Embedders {
    /// Connects to the configured models. A service whose vectors are stored already may be down, and so may one without
    /// stored vectors if its dimensions are configured.
    ///
    /// # Errors
    /// When the model of `[embedding]` cannot be used. That of `[embedding.next]` is optional.
    pub(crate) async fn connect(config: &EmbeddingConfig, stored: Option<&StoredModels>) -> anyhow::Result<Self> {
        // At once, as both take a part of the start.
        let ((configured, awaited), table) = tokio::try_join!(connect_or_await(config, stored), load_table())?;
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
        Ok(Self {
            configured,
            awaited,
            next,
            former: (config.model.place() == Place::Encoder)
                .then(|| Arc::new(Cached::queries(table.clone(), &config.cache)) as _),
            table: Arc::new(table),
        })
    }

    /// Returns the table that questions and contexts are compared by at search time, whichever model serves.
    pub(crate) fn table(&self) -> Arc<dyn TokenTable> {
        Arc::clone(&self.table)
    }

    /// Waits for the first answer of a service that gave none at start, and stores the fingerprint of its model.
    pub(crate) async fn reach(&self, config: &Config, store: &OpenStore) {
        if let Some(awaited) = &self.awaited {
            awaited.reach(config, store).await;
        }
    }

    /// Returns the model whose vectors are stored at `place`; that of `[embedding]` when none are stored yet.
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
                "see \"Changing the embedding model\" in docs/how-to/embedding-models.md"
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
        if self.is_former(&stored.in_use) {
            let next = if place.qdrant.url.is_some() {
                "see \"Changing the embedding model\" in docs/how-to/embedding-models.md"
            } else {
                "everything is embedded with the present one meanwhile, which then takes over"
            };
            tracing::info!(model = %serving.fingerprint(), "serving with the former built-in model, as its vectors are stored; {next}");
        } else if !is_of(&self.configured, &stored.in_use) {
            tracing::info!(model = %serving.fingerprint(), "serving with the model of [embedding.next], as its vectors are stored");
        }
        Ok(serving)
    }

    /// Returns a model other than `in_use`, that of `[embedding]` first.
    pub(crate) fn other_than(&self, in_use: &ModelFingerprint) -> Option<Arc<dyn Embedder>> {
        self.all().find(|model| !is_of(model, in_use)).cloned()
    }

    /// Returns the model with this fingerprint.
    pub(crate) fn of(&self, fingerprint: &ModelFingerprint) -> Option<Arc<dyn Embedder>> {
        let mut all = self.all().chain(&self.former);
        all.find(|model| is_of(model, fingerprint)).cloned()
    }

    /// Returns the model that replaces `in_use` without being asked to: the built-in one that of earlier versions.
    pub(crate) fn successor(&self, in_use: &ModelFingerprint) -> Option<Arc<dyn Embedder>> {
        self.is_former(in_use).then(|| Arc::clone(&self.configured))
    }

    /// Tells whether `model` is the built-in one of earlier versions, and not configured by its name.
    fn is_former(&self, model: &ModelFingerprint) -> bool {
        let mut former = self.former.iter();
        former.any(|former| is_of(former, model)) && !self.all().any(|configured| is_of(configured, model))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn Embedder>> {
        [&self.configured].into_iter().chain(&self.next)
    }
}

/// Returns whether `stored` is the model's fingerprint, or the part of it that was known when it was stored.
fn is_of(model: &Arc<dyn Embedder>, stored: &ModelFingerprint) -> bool {
    model.fingerprint() == stored || stored.is_completed_by(model.fingerprint())
}

async fn connect_or_await(
    config: &EmbeddingConfig,
    stored: Option<&StoredModels>,
) -> anyhow::Result<(Arc<dyn Embedder>, Option<Arc<Awaited>>)> {
    let connecting = connect(CIRCUIT, &config.model, config, stored);
    let is_service = config.model.place() == Place::Service;
    let Some(expected) = awaited::expected(&config.model.api, stored).filter(|_| is_service) else {
        return Ok((connecting.await?, None));
    };
    match timeout(FIRST_ANSWER, connecting).await {
        Ok(Ok(configured)) => return Ok((configured, None)),
        Ok(Err(error)) if !matches!(error.downcast_ref(), Some(Error::Unreachable { .. })) => return Err(error),
        Ok(Err(_)) | Err(_) => {}
    }
    tracing::warn!(model = %expected, "the embedding service does not answer; starting without it");
    let awaited = Arc::new(Awaited::new(expected));
    Ok((Arc::clone(&awaited) as _, Some(awaited)))
}
