//! What handlers share.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use context_manager_core::ports::Snapshots;
use context_manager_core::{ContextEngine, Error, Filter, NewContext, Scope};
use context_manager_observability::{HealthHandle, HealthRegistry, Metrics, Status};
use context_manager_resilience::Deadline;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::auth::Authenticator;
use crate::collection::Collection;
use crate::http::{Code, Problem};
use crate::limits::{Guards, Reservation, current_turn};
use crate::reembedding::Reembedding;

/// How long the store may take to answer a probe before it counts as down.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

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
    /// Says how the store is.
    pub store_health: HealthHandle,
}

impl Services {
    /// Asks the store for something small and says how it is. It waits two seconds at most.
    pub async fn probe(&self, scope: &Scope) {
        let read = self.engine.list(scope, Filter::default(), false, None, 1);
        let status = match Deadline::after(PROBE_TIMEOUT).run(read).await {
            Ok(Ok(_)) => Status::Up,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the store does not answer");
                Status::Down
            }
            Err(_) => {
                tracing::warn!("the store does not answer in time");
                Status::Down
            }
        };
        self.store_health.set(status);
    }
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
    /// Writes in progress; a shutdown waits for them.
    pub writes: TaskTracker,
    /// Tells who a caller is.
    pub auth: Arc<Authenticator>,
    /// Whose contexts the store is asked for, to see whether it answers.
    pub probed: Scope,
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

    /// What collects contexts, or the problem that it is not there yet.
    pub(super) fn collection(&self) -> Result<Arc<Collection>, Problem> {
        Ok(Arc::clone(&self.services()?.collection))
    }

    /// Copies of the whole store, if it makes some, or the problem that it is not open yet.
    pub(super) fn snapshots(&self) -> Result<Option<Arc<dyn Snapshots>>, Problem> {
        Ok(self.services()?.snapshots.clone())
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
