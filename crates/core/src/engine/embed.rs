//! Making vectors for what is to be stored, and what becomes of texts that get none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant};

use super::ContextEngine;
use super::locks::Key;
use crate::context::{Context, ContextId, Level};
use crate::l1::SessionKey;
use crate::ports::{EmbedError, EmbedErrorKind, Embedder, StoreError};
use crate::{Error, Scope};

/// What happens to a context whose text cannot be embedded now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEmbeddingFailure {
    /// It is stored and found by its words, and embedded later.
    #[default]
    Pending,
    /// It is not stored, and the caller is told.
    Reject,
}

/// Time of the last embedding, unless one failed since.
#[derive(Debug, Default)]
pub(super) struct Proof(Mutex<Option<Instant>>);

impl Proof {
    pub(super) fn note(&self, embedded: bool) {
        *self.lock() = embedded.then(Instant::now);
    }

    fn is_younger_than(&self, age: Duration) -> bool {
        self.lock().is_some_and(|proven| proven.elapsed() < age)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ContextEngine {
    /// Finds out whether the embedder works: from what was embedded within `proven_for`, if it did not fail since, else
    /// by a short text, which a service may charge for. A text of its own each time, which no cache has.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub async fn check_embedder(&self, proven_for: Duration) -> Result<(), EmbedError> {
        if self.proof.is_younger_than(proven_for) {
            return Ok(());
        }
        let model = Arc::clone(&*self.model.read().await);
        let text = format!("health check of {}", self.clock.now());
        let embedded = model.embed_query(&text).await.map(drop);
        self.proof.note(embedded.is_ok());
        embedded
    }

    /// The vectors of texts, a result for each; `None` for one that is to be stored without.
    #[tracing::instrument(level = "debug", skip_all, fields(texts = texts.len()))]
    pub(super) async fn embed(
        &self,
        scope: &Scope,
        model: &Arc<dyn Embedder>,
        texts: &[String],
    ) -> Vec<Result<Option<Vec<f32>>, Error>> {
        let limit = Duration::from_millis(self.config.embed_timeout_ms);
        let results = match tokio::time::timeout(limit, model.embed_documents_of(scope.tenant(), texts)).await {
            Ok(results) => results,
            Err(late) => vec![Err(EmbedError::new(EmbedErrorKind::Unavailable(None), late)); texts.len()],
        };
        if !results.is_empty() {
            self.proof.note(results.iter().all(Result::is_ok));
        }
        let failed = results.iter().filter_map(|result| result.as_ref().err());
        if let Some(error) = failed.clone().next() {
            tracing::warn!(%error, source = ?error.source, texts = texts.len(), failed = failed.count(), "texts were not embedded");
        }
        let policy = |result: Result<Vec<f32>, EmbedError>| match (result, self.on_embedding_failure) {
            (Ok(vector), _) => Ok(Some(vector)),
            (Err(_), OnEmbeddingFailure::Pending) => Ok(None),
            (Err(error), OnEmbeddingFailure::Reject) => Err(error.into()),
        };
        results.into_iter().map(policy).collect()
    }

    /// Runs `write` on those of `contexts` that still hold the same text, as they are stored now. Nothing else changes
    /// them meanwhile, but a deletion may come between, so `write` must pass over what is gone.
    pub(super) async fn while_unchanged<T>(
        &self,
        scope: &Scope,
        contexts: &[Context],
        write: impl AsyncFnOnce(Vec<Context>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let sessions = contexts
            .iter()
            .map(|context| Key::Session(context.session_id.as_deref()));
        let keys = contexts.iter().map(|context| Key::Id(context.id)).chain(sessions);
        let _locks = self.locks.lock(scope.tenant(), keys).await;
        let ids: Vec<ContextId> = contexts.iter().map(|context| context.id).collect();
        let mut current = self.store.get(scope, &ids).await?;
        current.retain(|now| contexts.iter().any(|then| then.id == now.id && then.text == now.text));
        write(current).await
    }

    /// Has working memory read these contexts again, with the vectors they have now. The caller holds the locks of their
    /// sessions.
    pub(super) fn read_again(&self, scope: &Scope, contexts: &[Context]) {
        for context in contexts.iter().filter(|context| context.level == Level::Immediate) {
            self.l1.forget(&SessionKey {
                tenant: scope.tenant().clone(),
                session: context.session_id.clone(),
            });
        }
    }
}
