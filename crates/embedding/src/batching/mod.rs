//! Batching of concurrent calls for single texts into few requests.

mod config;
mod embedder;
mod gatherer;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, QueryEmbedding};
use futures::FutureExt;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tracing::Instrument;

pub use config::BatchConfig;
pub use embedder::BatchEmbedder;

use crate::kind::Kind;
use crate::metrics;
use gatherer::{Gatherer, Job};

/// Pause before the gatherer is restarted after a panic.
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// Time after which refused callers are told to try again: many batches later.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An embedder that gathers the texts of concurrent calls, questions apart from documents.
///
/// A call with several texts is a batch already and is sent at once. Every request runs to its end. Callers of a text that
/// is in flight share its answer. A caller that gives up affects no other; its text stays in the queue until its request.
#[derive(Debug)]
pub struct Batching<E> {
    inner: Arc<E>,
    jobs: mpsc::Sender<Job>,
    /// One permit per text in the queue.
    permits: Arc<Semaphore>,
}

impl<E: BatchEmbedder> Batching<E> {
    /// Starts the gathering task, which ends when this is dropped. A limit of 0 counts as 1.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(inner: E, config: &BatchConfig) -> Self {
        let inner = Arc::new(inner);
        let queue_size = config.queue_size.clamp(1, Semaphore::MAX_PERMITS);
        let (jobs, receiver) = mpsc::channel(queue_size);
        tokio::spawn(keep_gathering(Arc::clone(&inner), config.clone(), receiver));
        Self {
            inner,
            jobs,
            permits: Arc::new(Semaphore::new(queue_size)),
        }
    }

    /// Runs to its end even after its caller gave up, so that the circuit breaker learns of a service that never answers
    /// although every caller has a shorter timeout.
    async fn embed_batch(&self, texts: Vec<String>) -> Vec<Result<Vec<f32>, EmbedError>> {
        let (inner, count) = (Arc::clone(&self.inner), texts.len());
        let call = tokio::spawn(async move { inner.embed_documents(&texts).await }.in_current_span());
        call.await.unwrap_or_else(|panicked| {
            let error = EmbedError::new(EmbedErrorKind::Unavailable(None), panicked);
            vec![Err(error); count]
        })
    }

    async fn embed_one(&self, kind: Kind, text: &str) -> Result<Vec<f32>, EmbedError> {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            ::metrics::counter!(metrics::TURNED_AWAY).increment(1);
            return Err(EmbedErrorKind::Unavailable(Some(RETRY_AFTER)).into());
        };
        let (answer, answered) = oneshot::channel();
        let job = Job::new(kind, text, answer, permit);
        // Both fail after a panic only: the channel has room for all permits, and the task lives as long as `self`.
        let lost = |error| EmbedError::new(EmbedErrorKind::Unavailable(None), error);
        self.jobs.try_send(job).map_err(|error| lost(error.to_string()))?;
        answered.await.map_err(|error| lost(error.to_string()))?
    }
}

/// Gathers until all senders are dropped. Callers that wait during a panic get an error.
async fn keep_gathering<E: BatchEmbedder>(inner: Arc<E>, config: BatchConfig, mut jobs: mpsc::Receiver<Job>) {
    loop {
        let gatherer = Gatherer::new(Arc::clone(&inner), &config);
        // A panic leaves the channel intact.
        let ended = AssertUnwindSafe(gatherer.run(&mut jobs)).catch_unwind().await;
        if ended.is_ok() {
            return;
        }
        tracing::error!(
            name = "embedding_gatherer",
            "background loop ended unexpectedly; restarting"
        );
        ::metrics::counter!(metrics::LOOP_RESTARTS, "loop" => "embedding_gatherer").increment(1);
        tokio::time::sleep(RESTART_AFTER).await;
    }
}

#[async_trait]
impl<E: BatchEmbedder> Embedder for Batching<E> {
    fn fingerprint(&self) -> &ModelFingerprint {
        self.inner.fingerprint()
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        match texts {
            [text] => vec![self.embed_one(Kind::Document, text).await],
            texts => self.embed_batch(texts.to_vec()).await,
        }
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let vector = self.embed_one(Kind::Query, text).await?;
        Ok(QueryEmbedding::new(vector))
    }
}
