//! What handlers share.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use context_manager_core::{ContextEngine, Error, Scope};
use context_manager_observability::{HealthRegistry, LogControl, Metrics};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::http::{Code, Problem};
use crate::reembedding::Reembedding;

/// What there is once the store is open.
#[derive(Debug)]
pub struct Services {
    /// Stores contexts and finds them.
    pub engine: Arc<ContextEngine>,
    /// Changes the embedding model.
    pub reembedding: Arc<Reembedding>,
}

/// What handlers share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ApiState {
    /// Set when the store is open; until then the API answers 503.
    pub services: Arc<OnceLock<Services>>,
    /// Which parts work.
    pub health: HealthRegistry,
    /// What was measured.
    pub metrics: Metrics,
    /// What is logged.
    pub logs: LogControl,
    /// Writes in progress; a shutdown waits for them.
    pub writes: TaskTracker,
    /// The scope of callers that bring no key.
    pub anonymous: Scope,
    /// When the server started.
    pub started: Instant,
}

impl ApiState {
    /// The engine, or the problem that it is not there yet.
    pub(super) fn engine(&self) -> Result<&Arc<ContextEngine>, Problem> {
        Ok(&self.services()?.engine)
    }

    /// What changes the embedding model, or the problem that it is not there yet.
    pub(super) fn reembedding(&self) -> Result<&Arc<Reembedding>, Problem> {
        Ok(&self.services()?.reembedding)
    }

    fn services(&self) -> Result<&Services, Problem> {
        let starting = || Problem::new(Code::ServiceUnavailable).with_detail("the store is being opened");
        self.services.get().ok_or_else(starting)
    }

    /// Runs a write to its end even if the client goes away or the request's time runs out: half a write would leave
    /// working memory behind the store.
    pub(super) async fn write<T, F, W>(&self, work: W) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        W: FnOnce(Arc<ContextEngine>) -> F,
    {
        let engine = Arc::clone(self.engine()?);
        let task = self.writes.spawn(work(engine).in_current_span());
        match task.await {
            Ok(result) => Ok(result?),
            Err(error) => {
                tracing::error!(%error, "a write ended before its time");
                Err(Problem::new(Code::Internal))
            }
        }
    }
}
