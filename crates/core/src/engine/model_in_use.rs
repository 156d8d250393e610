//! The embedding model in use, and the texts that it cannot embed now.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::{Duration, Instant};

use crate::ports::{EmbedError, EmbedErrorKind, Embedder, OnWrite, QueryEmbedding};
use crate::{Error, Scope};

/// Treatment of a context whose text cannot be embedded now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEmbeddingFailure {
    /// It is stored, found by its words, and embedded later.
    #[default]
    Pending,
    /// It is not stored, and the caller gets an error.
    Reject,
}

/// Read access to the model in use; no other model takes over while it is held.
pub(super) type ModelGuard<'a> = RwLockReadGuard<'a, Arc<dyn Embedder>>;

/// The embedding model in use.
#[derive(Debug)]
pub(super) struct Models {
    in_use: RwLock<Arc<dyn Embedder>>,
    on_failure: OnEmbeddingFailure,
    timeout: Duration,
    /// Time of the last embedding, unless one failed since.
    proven: Mutex<Option<Instant>>,
}

impl Models {
    pub(super) fn new(embedder: Arc<dyn Embedder>, on_failure: OnEmbeddingFailure, timeout: Duration) -> Self {
        Self {
            in_use: RwLock::new(embedder),
            on_failure,
            timeout,
            proven: Mutex::default(),
        }
    }

    /// Waits for a model that is taking over. Acquired before the locks of keys, and held from embedding until the vectors
    /// are stored or compared, so that they never meet vectors of another model.
    pub(super) async fn in_use(&self) -> ModelGuard<'_> {
        self.in_use.read().await
    }

    /// Waits until no vectors are on their way, and excludes all that follow.
    pub(super) async fn exclusively(&self) -> RwLockWriteGuard<'_, Arc<dyn Embedder>> {
        self.in_use.write().await
    }

    /// Returns the vectors of texts to be stored, as [`Models::embed`]; `None` for all of them if they follow the write.
    pub(super) async fn embed_on_write(
        &self,
        scope: &Scope,
        model: &ModelGuard<'_>,
        texts: &[String],
    ) -> Vec<Result<Option<Vec<f32>>, Error>> {
        match (model.on_write(), self.on_failure) {
            (OnWrite::Follow, OnEmbeddingFailure::Pending) => texts.iter().map(|_| Ok(None)).collect(),
            (OnWrite::Wait, _) | (_, OnEmbeddingFailure::Reject) => self.embed(scope, model, texts).await,
        }
    }

    /// Returns the vectors of texts, a result for each; `None` for a text that is stored without one.
    #[tracing::instrument(level = "debug", skip_all, fields(texts = texts.len()))]
    pub(super) async fn embed(
        &self,
        scope: &Scope,
        model: &ModelGuard<'_>,
        texts: &[String],
    ) -> Vec<Result<Option<Vec<f32>>, Error>> {
        let results = match tokio::time::timeout(self.timeout, model.embed_documents_of(scope.tenant(), texts)).await {
            Ok(results) => results,
            Err(late) => vec![Err(EmbedError::new(EmbedErrorKind::Unavailable(None), late)); texts.len()],
        };
        if !results.is_empty() {
            self.note(results.iter().all(Result::is_ok));
        }
        let failed = results.iter().filter_map(|result| result.as_ref().err());
        if let Some(error) = failed.clone().next() {
            tracing::warn!(%error, source = ?error.source, texts = texts.len(), failed = failed.count(), "texts were not embedded");
        }
        let policy = |result: Result<Vec<f32>, EmbedError>| match (result, self.on_failure) {
            (Ok(vector), _) => Ok(Some(vector)),
            (Err(_), OnEmbeddingFailure::Pending) => Ok(None),
            (Err(error), OnEmbeddingFailure::Reject) => Err(error.into()),
        };
        results.into_iter().map(policy).collect()
    }

    /// Returns the vector of a query; `None` if there is none in time.
    pub(super) async fn embed_query(
        &self,
        scope: &Scope,
        model: &ModelGuard<'_>,
        query: &str,
    ) -> Option<QueryEmbedding> {
        match tokio::time::timeout(self.timeout, model.embed_query_of(scope.tenant(), query)).await {
            Ok(Ok(embedding)) => {
                if !embedding.cached {
                    self.note(true);
                }
                Some(embedding)
            }
            failed => {
                self.note(false);
                tracing::warn!(error = ?failed.map(Result::err), "embedding failed: searching by words alone");
                None
            }
        }
    }

    /// Checks that the embedder works: an embedding within `proven_for` without a failure since suffices. Otherwise embeds
    /// `text`, which no cache should hold.
    pub(super) async fn check(&self, proven_for: Duration, text: &str) -> Result<(), EmbedError> {
        let proven = *self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.is_some_and(|proven| proven.elapsed() < proven_for) {
            return Ok(());
        }
        let model = Arc::clone(&*self.in_use().await);
        let embedded = model.embed_query(text).await.map(drop);
        self.note(embedded.is_ok());
        embedded
    }

    fn note(&self, embedded: bool) {
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = embedded.then(Instant::now);
    }
}
