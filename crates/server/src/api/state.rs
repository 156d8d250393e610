//! What handlers share.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use context_manager_core::ports::Snapshots;
use context_manager_core::{ContextEngine, ContextId, Error, NewContext, Patch, Scope};
use context_manager_observability::{HealthRegistry, LogControl, Metrics};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::auth::Authenticator;
use crate::collection::Collection;
use crate::http::{Code, Problem};
use crate::limits::{Guards, Reservation, current_turn};
use crate::reembedding::Reembedding;

/// What there is once the store is open.
#[derive(Debug)]
pub struct Services {
    /// Stores contexts and finds them.
    pub engine: Arc<ContextEngine>,
    /// Changes the embedding model.
    pub reembedding: Arc<Reembedding>,
    /// Collects contexts whose time is over.
    pub collection: Arc<Collection>,
    /// Copies of the whole store; `None` where something else makes them.
    pub snapshots: Option<Arc<dyn Snapshots>>,
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
    /// Tells who a caller is.
    pub auth: Arc<Authenticator>,
    /// What keeps callers apart.
    pub guards: Arc<Guards>,
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

    /// Makes room for what is about to be stored, or says that the tenant's quota is used up.
    pub(super) async fn reserve(&self, scope: &Scope, context: &NewContext) -> Result<Reservation, Problem> {
        self.guards.quotas.reserve(self.engine()?, scope, context).await
    }

    /// Makes room for what a change adds to a context, or says that the tenant's quota is used up.
    pub(super) async fn reserve_change(
        &self,
        scope: &Scope,
        id: ContextId,
        patch: &Patch,
    ) -> Result<Reservation, Problem> {
        let engine = self.engine()?;
        self.guards.quotas.reserve_change(engine, scope, id, patch).await
    }

    /// What collects contexts, or the problem that it is not there yet.
    pub(super) fn collection(&self) -> Result<Arc<Collection>, Problem> {
        Ok(Arc::clone(&self.services()?.collection))
    }

    /// Copies of the whole store, if it makes some, or the problem that it is not open yet.
    pub(super) fn snapshots(&self) -> Result<Option<Arc<dyn Snapshots>>, Problem> {
        Ok(self.services()?.snapshots.clone())
    }

    fn services(&self) -> Result<&Services, Problem> {
        let starting = || {
            Problem::new(Code::ServiceUnavailable)
                .with_detail("the server is starting, /health/ready tells what it waits for")
        };
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
        let (turn, work) = (current_turn(), work(engine));
        let work = async move {
            let done = work.await;
            drop(turn);
            done
        };
        let task = self.writes.spawn(work.in_current_span());
        match task.await {
            Ok(result) => Ok(result?),
            Err(error) => {
                tracing::error!(%error, "a write ended before its time");
                Err(Problem::new(Code::Internal))
            }
        }
    }
}
