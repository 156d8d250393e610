//! The composition root, the only place that names concrete types: configuration becomes a store, an embedder, an engine,
//! a service and a router.
//!
//! Life of a process: listen, open the store in the background, serve. On the way out: readiness off, a moment for load
//! balancers to notice, no new connections, requests drained, loops ended, store flushed. The caller of [`App::run`]
//! flushes telemetry at the very end.

mod endpoint;
mod key_places;
mod loops;
mod memory;
mod pending;
mod reindex;
mod tenant;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::SystemClock;
use context_manager_observability::{LogControl, Metrics, Phase, Supervisor};
use context_manager_redis::RedisRates;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::api;
use crate::auth::{Authenticator, NewKey};
use crate::config::Config;
use crate::health;
use crate::listen::{self, Site, Tls};
use crate::service::Service;
use crate::systemd;

pub(crate) use endpoint::{Endpoint, loopback};
pub use key_places::key_places;
pub use memory::Memory;
pub(crate) use tenant::DEFAULT_TENANT;
pub use tenant::default_tenant;

/// Maximum time that a shutdown spends on writing when keys were used last.
const LAST_USAGE: Duration = Duration::from_secs(5);

/// A server that listens.
#[derive(Debug)]
pub struct App {
    config: Arc<Config>,
    service: Arc<Service>,
    /// Key for processes beside this one; `None` for a server that others have keys for.
    own_key: Option<NewKey>,
    /// True if the data folder names this server to other processes.
    is_found: bool,
    stop: CancellationToken,
    supervisor: Supervisor,
}

impl App {
    /// Creates a server that knows its keys and is about to open its store.
    ///
    /// # Errors
    /// When a file of keys cannot be used.
    pub fn new(config: Config, metrics: Metrics, logs: LogControl) -> anyhow::Result<Self> {
        Self::with(config, metrics, logs, None, true)
    }

    /// Creates a server for the user of this process alone: for those who hold its own key, which the data folder names to
    /// other processes of the user if `is_found`, and those who hold a key of the files.
    ///
    /// # Errors
    /// As [`App::new`].
    pub(crate) fn for_own_user(
        config: Config,
        metrics: Metrics,
        logs: LogControl,
        own_key: NewKey,
        is_found: bool,
    ) -> anyhow::Result<Self> {
        Self::with(config, metrics, logs, Some(own_key), is_found)
    }

    fn with(
        config: Config,
        metrics: Metrics,
        logs: LogControl,
        own_key: Option<NewKey>,
        is_found: bool,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let authenticator =
            Authenticator::open(&config, key_places(&config)?, default_tenant()?, Arc::new(SystemClock))?;
        let authenticator = match &own_key {
            Some(key) => authenticator.with_own_key(key.hash),
            None => authenticator,
        };
        let service = Service::new(&config, metrics, logs, Arc::new(authenticator));
        let service = match memory::redis(&config)? {
            Some(connection) => service.with_shared_rates(RedisRates::new(connection, &config.redis)),
            None => service,
        };
        Ok(Self {
            own_key,
            is_found,
            supervisor: Supervisor::new(service.health.clone(), stop.clone()),
            service: Arc::new(service),
            config: Arc::new(config),
            stop,
        })
    }

    /// Returns whether callers have to bring a key.
    pub(crate) fn needs_keys(&self) -> bool {
        self.service.authenticator.needs_keys()
    }

    /// Serves on `listener` until `shutdown` completes, then drains and closes.
    ///
    /// # Errors
    /// When the store cannot be opened, also again after a snapshot was restored, its last flush failed, or nothing can be
    /// accepted any more.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> anyhow::Result<()> {
        let site = self.site().await?;
        loops::keep_keys(&self.supervisor, &self.service.authenticator, &self.config.auth);
        let endpoint = Endpoint::new(&self.config, listener.local_addr()?, self.own_key.as_ref());
        let (config, stop) = (self.config.server.clone(), self.stop.clone());
        let listening = tokio::spawn(async move { listen::serve(listener, site, &config, stop).await });
        let mut listening = AbortOnDropHandle::new(listening);
        let mut memory = None;
        // Listening comes first, so that a probe gets an answer while a large store is read.
        let opened = async {
            let memory = memory.insert(self.serve_memory().await?);
            if self.is_found {
                endpoint.publish();
            }
            memory.store.handle.lost().await;
            anyhow::Result::<Infallible>::Err(anyhow::anyhow!(
                "the store was closed to restore a snapshot and could not be opened again"
            ))
        };
        let ended = tokio::select! {
            Err(error) = opened => Err(error),
            () = shutdown => Ok(()),
            _ended = &mut listening => Err(anyhow::anyhow!("no connections are accepted any more")),
        };
        if self.is_found {
            endpoint.withdraw();
        }
        let closed = self.shut_down(listening, memory).await;
        // The first failure explains the second.
        ended.and(closed)
    }

    /// Ends everything, in an order that loses nothing.
    async fn shut_down(self, mut listening: AbortOnDropHandle<()>, memory: Option<Memory>) -> anyhow::Result<()> {
        tracing::info!("shutting down");
        self.service.health.enter(Phase::Stopping);
        systemd::stopping();
        if memory.is_some() {
            sleep(Duration::from_millis(self.config.server.shutdown_delay_ms)).await;
        }
        self.stop.cancel();
        if let Some(memory) = &memory {
            memory.engine.end_followers();
            memory.garbage_collector.stop();
        }
        let grace = Duration::from_secs(self.config.server.shutdown_grace_secs);
        let drained = async {
            if !listening.is_finished() && timeout(grace, &mut listening).await.is_err() {
                tracing::warn!(grace_secs = grace.as_secs(), "requests still in flight were cut off");
                listening.abort();
            }
        };
        tokio::join!(drained, self.supervisor.ended(grace));
        self.service.writes.close();
        if timeout(grace, self.service.writes.wait()).await.is_err() {
            tracing::warn!("writes still in flight were cut off; none of them was acknowledged");
        }
        if timeout(LAST_USAGE, self.service.authenticator.write_usage())
            .await
            .is_err()
        {
            tracing::warn!("when keys were used last was not written");
        }
        if let Some(memory) = memory {
            memory.close().await?;
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Prepares the router and TLS.
    async fn site(&self) -> anyhow::Result<Site> {
        let tls = Tls::load(&self.config.server.tls).await?.map(Arc::new);
        if let Some(tls) = tls.clone() {
            let interval = Duration::from_secs(self.config.server.tls.reload_interval_secs);
            self.supervisor.supervise("tls_reload", tls, move |tls| async move {
                tls.follow(interval).await;
            });
        }
        Ok(Site {
            router: api::router(Arc::clone(&self.service), &self.config),
            permits: self.service.connections.clone(),
            tls,
        })
    }

    /// Opens the store, starts the background loops and turns readiness on.
    async fn serve_memory(&self) -> anyhow::Result<Memory> {
        let start = Instant::now();
        let health = &self.service.health;
        let memory = Memory::open_when_reachable(&self.config, &self.service).await?;
        loops::keys_known(&self.service.authenticator, health).await;
        memory.serve(&self.service, &self.config)?;
        health::register_identity_provider(health, &self.service.authenticator);
        health::register_shared_keys(health, &self.service.authenticator);
        health.enter(Phase::Serving);
        tracing::info!(took_ms = start.elapsed().as_secs_f64() * 1000.0, "store opened");
        loops::start(&self.supervisor, &self.service, &memory, &self.config);
        memory.reembedding.resume().await?;
        systemd::ready();
        Ok(memory)
    }
}
