//! Gathering texts that come one by one into few calls.

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

/// Pause after a panic until texts are gathered again.
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// When to come back after having been turned away: by then many batches have gone.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An embedder that gathers the texts of concurrent calls, questions and documents apart.
///
/// A call with several texts is a batch already and goes through at once. Every call to the service runs to its end. A text that is being embedded is not asked for
/// a second time: whoever asks meanwhile shares the answer. Who gives up waiting harms nobody; the place in the queue
/// stays taken until the text's turn comes.
#[derive(Debug)]
pub struct Batching<E> {
    inner: Arc<E>,
    jobs: mpsc::Sender<Job>,
    /// One for every text that may wait.
    places: Arc<Semaphore>,
}

impl<E: BatchEmbedder> Batching<E> {
    /// Starts the task that gathers, which ends when this is dropped. A bound of 0 counts as 1.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(inner: E, config: &BatchConfig) -> Self {
        let inner = Arc::new(inner);
        let places = config.queue_size.clamp(1, Semaphore::MAX_PERMITS);
        let (jobs, receiver) = mpsc::channel(places);
        tokio::spawn(keep_gathering(Arc::clone(&inner), config.clone(), receiver));
        Self {
            inner,
            jobs,
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// Runs to its end even when nobody waits any more: that a service never answers is to be learned although all who
    /// ask it have less patience than the call itself.
    async fn embed_batch(&self, texts: Vec<String>) -> Vec<Result<Vec<f32>, EmbedError>> {
        let (inner, count) = (Arc::clone(&self.inner), texts.len());
        let call = tokio::spawn(async move { inner.embed_documents(&texts).await }.in_current_span());
        call.await.unwrap_or_else(|panicked| {
            let error = EmbedError::new(EmbedErrorKind::Unavailable(None), panicked);
            vec![Err(error); count]
        })
    }

    async fn embed_one(&self, kind: Kind, text: &str) -> Result<Vec<f32>, EmbedError> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            ::metrics::counter!(metrics::TURNED_AWAY).increment(1);
            return Err(EmbedErrorKind::Unavailable(Some(RETRY_AFTER)).into());
        };
        let (answer, answered) = oneshot::channel();
        let job = Job::new(kind, text, answer, place);
        // Neither fails unless something panicked: there are as many places in the channel as permits, and the task
        // runs as long as `self` lives.
        let lost = |error| EmbedError::new(EmbedErrorKind::Unavailable(None), error);
        self.jobs.try_send(job).map_err(|error| lost(error.to_string()))?;
        answered.await.map_err(|error| lost(error.to_string()))?
    }
}

/// Gathers until nobody can send any more. Who waits while that panics is answered that there is no vector now.
async fn keep_gathering<E: BatchEmbedder>(inner: Arc<E>, config: BatchConfig, mut jobs: mpsc::Receiver<Job>) {
    loop {
        let gatherer = Gatherer::new(Arc::clone(&inner), &config);
        // What it left behind in the channel is whole.
        let ended = AssertUnwindSafe(gatherer.run(&mut jobs)).catch_unwind().await;
        if ended.is_ok() {
            return;
        }
        tracing::error!(
            name = "embedding_gatherer",
            "a background loop ended before its time; it starts again"
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
        Ok(QueryEmbedding { vector, cached: false })
    }

    fn embed_weighted(&self, words: &[(&str, f32)]) -> Option<Vec<f32>> {
        self.inner.embed_weighted(words)
    }
}
