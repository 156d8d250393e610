//! Changing the embedding model while the server serves: one change at a time, in the background.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use context_manager_core::ports::{Embedder, ModelChange, StoreError};
use context_manager_core::{ContextEngine, ReembedProgress, ReembedSettings};
use tokio::task::JoinHandle;

use crate::config::EmbeddingConfig;
use crate::embedders::Embedders;

/// Texts embedded at once.
const BATCH: usize = 64;

/// Changes the embedding model.
#[derive(Debug)]
pub struct Reembedding {
    engine: Arc<ContextEngine>,
    /// `None` when the store keeps one model only.
    models: Option<Arc<dyn ModelChange>>,
    embedders: Arc<Embedders>,
    settings: ReembedSettings,
    state: Arc<Mutex<State>>,
}

/// The last change, if there was one since the start.
#[derive(Debug, Default)]
struct State {
    task: Option<JoinHandle<()>>,
    progress: Option<ReembedProgress>,
    failed: bool,
}

/// State of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReembedState {
    /// There was none since the start.
    Idle,
    /// It runs.
    Running,
    /// The other model took over.
    Done,
    /// It was stopped, by a call or because the store failed; the next one goes on from there.
    Stopped,
}

/// Reason for beginning no change.
#[derive(Debug, thiserror::Error)]
pub enum CannotReembed {
    /// No other model is configured, or it cannot be reached.
    #[error(
        "there is no other embedding model: name one in [embedding.next] and restart, and see that it can be reached"
    )]
    NoOtherModel,
    /// The store keeps vectors of one model only.
    #[error(
        "contexts on a Qdrant server cannot be given another model's vectors while they are served, see \"Changing the \
         embedding model\" in docs/how-to/embedding-models.md"
    )]
    NotHere,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reembedding {
    pub(crate) fn new(
        engine: Arc<ContextEngine>,
        models: Option<Arc<dyn ModelChange>>,
        embedders: Arc<Embedders>,
        config: &EmbeddingConfig,
    ) -> Self {
        Self {
            engine,
            models,
            embedders,
            settings: ReembedSettings {
                batch: BATCH,
                texts_per_sec: config.background_texts_per_sec,
            },
            state: Arc::default(),
        }
    }

    /// Begins to change to the configured model that is not in use, unless a change runs already.
    ///
    /// # Errors
    /// [`CannotReembed`].
    pub async fn start(&self) -> Result<(), CannotReembed> {
        let models = self.models.as_ref().ok_or(CannotReembed::NotHere)?;
        let in_use = models.models().await?.in_use;
        let to = self.embedders.other_than(&in_use).ok_or(CannotReembed::NoOtherModel)?;
        self.start_to(models, to);
        Ok(())
    }

    /// Goes on with a change that an earlier process began, if its model is still configured; otherwise begins the change from
    /// the built-in model of earlier versions to the present one, if its vectors are stored.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn resume(&self) -> Result<(), StoreError> {
        let Some(models) = &self.models else { return Ok(()) };
        let stored = models.models().await?;
        let begun = stored.other.filter(|other| other.filling);
        if let Some(to) = begun.and_then(|other| self.embedders.of(&other.model)) {
            tracing::info!(model = %to.fingerprint(), "going on with a change of the embedding model");
            self.start_to(models, to);
        } else if let Some(to) = self.embedders.successor(&stored.in_use) {
            tracing::info!(model = %to.fingerprint(), "changing to the present built-in embedding model");
            self.start_to(models, to);
        }
        Ok(())
    }

    /// Stops a change that runs and removes the vectors of the model that is not in use.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn discard(&self) -> Result<(), StoreError> {
        self.stop().await;
        match &self.models {
            Some(models) => models.remove_other().await,
            None => Ok(()),
        }
    }

    /// Stops a change that runs. What is done stays.
    pub async fn stop(&self) {
        let task = self.lock().task.take();
        if let Some(task) = task {
            task.abort();
            // Cancelled or done.
            let _ended = task.await;
        }
    }

    /// Returns the state of the last change, and its progress.
    pub fn status(&self) -> (ReembedState, Option<ReembedProgress>) {
        use context_manager_core::ReembedPhase::Done;
        let state = self.lock();
        let running = state.task.as_ref().is_some_and(|task| !task.is_finished());
        let stands = match &state.progress {
            _ if running => ReembedState::Running,
            Some(progress) if progress.phase == Done => ReembedState::Done,
            Some(_) => ReembedState::Stopped,
            None if state.failed => ReembedState::Stopped,
            None => ReembedState::Idle,
        };
        (stands, state.progress.clone())
    }

    fn start_to(&self, models: &Arc<dyn ModelChange>, to: Arc<dyn Embedder>) {
        let mut state = self.lock();
        if state.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let (engine, models) = (Arc::clone(&self.engine), Arc::clone(models));
        let (settings, shared) = (self.settings, Arc::clone(&self.state));
        state.progress = None;
        // Until it is done: it may panic, too.
        state.failed = true;
        state.task = Some(tokio::spawn(async move {
            let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
            let report = |progress: &ReembedProgress| lock().progress = Some(progress.clone());
            match engine.reembed(&*models, to, settings, report).await {
                Ok(progress) => {
                    let mut state = lock();
                    state.progress = Some(progress);
                    state.failed = false;
                }
                Err(error) => {
                    tracing::error!(%error, source = ?error.source, "the change of the embedding model stopped; it can be started again");
                }
            }
        }));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
