//! Collaborators of the use cases.

use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ContextEngine;
use context_manager_core::ports::Snapshots;
use context_manager_observability::{HealthRegistry, LogControl, Metrics};
use context_manager_redis::RedisRates;
use tokio::sync::SetOnce;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::audit::AuditTrail;
use super::failure::Failure;
use super::garbage_collector::GarbageCollector;
use super::reembedding::Reembedding;
use crate::auth::Authenticator;
use crate::config::Config;
use crate::limits::Guards;
use crate::listen::ConnectionPermits;

/// Collaborators that exist once the store is open.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Stores contexts and finds them.
    pub engine: Arc<ContextEngine>,
    /// Changes the embedding model.
    pub reembedding: Arc<Reembedding>,
    /// Removes contexts that have expired.
    pub garbage_collector: Arc<GarbageCollector>,
    /// Copies the whole store.
    pub snapshots: Arc<dyn Snapshots>,
}

/// Collaborators that every call shares.
#[derive(Debug)]
pub struct Service {
    backend: SetOnce<Backend>,
    /// Cancelled once the start waits for a part that does not answer.
    outage: CancellationToken,
    /// Health of the parts.
    pub health: HealthRegistry,
    /// Recorded metrics.
    pub metrics: Metrics,
    /// Writes in progress; a shutdown waits for them.
    pub writes: TaskTracker,
    pub(crate) logs: LogControl,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(super) trail: Arc<AuditTrail>,
    pub(crate) guards: Guards,
    pub(crate) connections: ConnectionPermits,
    pub(crate) started: Instant,
}

impl Service {
    /// Creates a service that is about to open its store.
    pub fn new(config: &Config, metrics: Metrics, logs: LogControl, authenticator: Arc<Authenticator>) -> Self {
        Self {
            backend: SetOnce::new(),
            outage: CancellationToken::new(),
            health: HealthRegistry::new(config.health.checks.clone()),
            metrics,
            writes: TaskTracker::new(),
            logs,
            authenticator,
            trail: Arc::default(),
            guards: Guards::new(config),
            connections: ConnectionPermits::new(&config.server.connections, config.server.trusted_proxies.clone()),
            started: Instant::now(),
        }
    }

    /// Limits the calls of callers to all servers together.
    #[must_use]
    pub(crate) fn with_shared_rates(mut self, rates: RedisRates) -> Self {
        self.guards.rates.share(rates);
        self
    }

    /// Serves from this backend. Only the first one counts.
    pub fn open(&self, backend: Backend) {
        let _first = self.backend.set(backend);
    }

    /// Notes that the start takes as long as a part does not answer.
    pub(crate) fn note_outage(&self) {
        self.outage.cancel();
    }

    /// Waits while the store is being opened, at most for `patience`. Does not wait for a part that does not answer.
    pub(crate) async fn opened(&self, patience: Duration) {
        tokio::select! {
            biased;
            _backend = self.backend.wait() => {}
            () = self.outage.cancelled() => {}
            () = sleep(patience) => {}
        }
    }

    /// Returns the open store's collaborators.
    ///
    /// # Errors
    /// [`Failure::Starting`] until the store is open.
    pub(super) fn backend(&self) -> Result<&Backend, Failure> {
        self.backend.get().ok_or(Failure::Starting)
    }
}
