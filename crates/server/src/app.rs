//! Puts the parts together: configuration becomes a store, an embedder, an engine and a router.
//!
//! The only place that names concrete types. Life of a process: listen, open the store in the background, serve, and on
//! the way out readiness off, a moment for load balancers to notice, no new connections, requests drained, loops ended,
//! store flushed; telemetry is flushed by who called, at the very end.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use context_manager_core::lexical::Analyzer;
use context_manager_core::ports::{StoreError, SystemClock};
use context_manager_core::{ContextEngine, Deps, Scope, TenantId};
use context_manager_embedding::Error as EmbeddingError;
use context_manager_observability::{HealthRegistry, LogControl, Metrics, Phase, ProcessMetrics};
use context_manager_vector_store::EmbeddedStore;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{self, ApiState, Limits, Services};
use crate::config::Config;
use crate::embedders::Embedders;
use crate::health;
use crate::metrics::record_build_info;
use crate::pending::embed_pending;
use crate::reembedding::Reembedding;
use crate::systemd;

/// The tenant of callers that bring no key.
const DEFAULT_TENANT: &str = "default";
/// How often accumulated metrics are moved into their buckets.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// The longest that a shutdown spends on writing how often contexts were served.
const LAST_ACCESSES: Duration = Duration::from_secs(5);
/// How long to wait before an embedding service that did not answer at the start is asked again.
const RETRY_OPEN: Duration = Duration::from_secs(2);
/// How often what is stored is counted, and how many times its duration is waited at least: many tenants take a while.
const MEASURE_INTERVAL: Duration = Duration::from_mins(1);
const MEASURE_REST: u32 = 20;

/// The engine and the store beneath it.
#[derive(Debug)]
pub struct Memory {
    /// Stores contexts and finds them.
    pub engine: Arc<ContextEngine>,
    /// Changes the embedding model.
    pub reembedding: Arc<Reembedding>,
    store: Arc<EmbeddedStore>,
}

impl Memory {
    /// Opens the store and puts the engine on it.
    ///
    /// # Errors
    /// When no model can be used, or not the one whose vectors are stored, or the data folder cannot be used.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let tokens = config.tokens.encoding.counter();
        let loading = Arc::clone(&tokens);
        // The first count loads the table: better now than in the first request.
        let warm = tokio::task::spawn_blocking(move || loading.count("warm"));
        let path = &config.vector_db.embedded.path;
        let stored = EmbeddedStore::stored_models(path)?;
        let embedders = Embedders::connect(&config.embedding, stored.as_ref()).await?;
        let serving = embedders.serving(path, stored.as_ref())?;
        let store = EmbeddedStore::open(config.vector_db.embedded.clone(), serving.fingerprint()).await?;
        let store = Arc::new(store);
        warm.await?;
        let deps = Deps {
            store: Arc::clone(&store) as _,
            embedder: serving,
            on_embedding_failure: config.embedding.on_failure,
            tokens,
            clock: Arc::new(SystemClock),
            analyzer: Analyzer::new(config.lexical.clone()),
        };
        let engine = Arc::new(ContextEngine::new(config.hirag.clone(), deps));
        let models = Arc::clone(&store) as _;
        let reembedding = Reembedding::new(Arc::clone(&engine), models, embedders, &config.embedding);
        Ok(Self {
            engine,
            reembedding: Arc::new(reembedding),
            store,
        })
    }

    /// Writes what is still to be written about accesses, finishes all writes and flushes them to disk.
    ///
    /// # Errors
    /// When the last flush failed; what was acknowledged before is still in the engine's log.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.reembedding.stop().await;
        let accesses = tokio::time::timeout(LAST_ACCESSES, self.flush_all_accesses()).await;
        if !matches!(accesses, Ok(Ok(()))) {
            tracing::warn!(error = ?accesses, "how often contexts were served lately is not known to the next start");
        }
        self.store.close().await.context("cannot close the store")
    }

    async fn flush_all_accesses(&self) -> Result<(), StoreError> {
        while self.engine.flush_accesses().await? > 0 {}
        Ok(())
    }
}

/// The scope of callers that bring no key.
///
/// # Errors
/// Never, as the name is a constant that fits.
pub fn anonymous_scope() -> anyhow::Result<Scope> {
    Ok(Scope::authenticated(TenantId::try_new(DEFAULT_TENANT)?))
}

/// A server that listens.
#[derive(Debug)]
pub struct App {
    config: Config,
    state: ApiState,
    stop: CancellationToken,
    loops: TaskTracker,
}

impl App {
    /// A server that is about to open its store.
    ///
    /// # Errors
    /// Never in practice, see [`anonymous_scope`].
    pub fn new(config: Config, metrics: Metrics, logs: LogControl) -> anyhow::Result<Self> {
        let health = HealthRegistry::new(config.health.checks.clone());
        let state = ApiState {
            services: Arc::new(OnceLock::new()),
            health,
            metrics,
            logs,
            writes: TaskTracker::new(),
            anonymous: anonymous_scope()?,
            started: Instant::now(),
        };
        Ok(Self {
            config,
            state,
            stop: CancellationToken::new(),
            loops: TaskTracker::new(),
        })
    }

    /// Serves on `listener` until `shutdown` completes, then drains and closes.
    ///
    /// # Errors
    /// When the store cannot be opened, or its last flush failed.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> anyhow::Result<()> {
        let limits = Limits {
            request_timeout: Duration::from_millis(self.config.server.request_timeout_ms),
            max_body_bytes: self.config.server.max_body_bytes,
        };
        let router = api::router(self.state.clone(), limits);
        let stop_accepting = self.stop.clone();
        let server = axum::serve(listener, router).with_graceful_shutdown(stop_accepting.cancelled_owned());
        let mut server = tokio::spawn(server.into_future());

        tokio::pin!(shutdown);
        // Listening comes first, so that a probe gets an answer while a large store is read.
        let memory = tokio::select! {
            opened = self.serve_memory() => opened?,
            () = &mut shutdown => return Ok(()),
        };
        shutdown.await;
        tracing::info!("shutting down");
        self.state.health.enter(Phase::Stopping);
        systemd::stopping();
        tokio::time::sleep(Duration::from_millis(self.config.server.shutdown_delay_ms)).await;
        self.stop.cancel();
        let grace = Duration::from_secs(self.config.server.shutdown_grace_secs);
        if tokio::time::timeout(grace, &mut server).await.is_err() {
            tracing::warn!(grace_secs = grace.as_secs(), "requests still in flight were cut off");
            server.abort();
        }
        self.state.writes.close();
        if tokio::time::timeout(grace, self.state.writes.wait()).await.is_err() {
            tracing::warn!("writes still in flight were cut off; none of them was acknowledged");
        }
        self.loops.close();
        self.loops.wait().await;
        memory.close().await?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Opens the store, starts the background loops and turns readiness on.
    async fn serve_memory(&self) -> anyhow::Result<Memory> {
        let start = Instant::now();
        let memory = self.open_memory().await?;
        let services = Services {
            engine: Arc::clone(&memory.engine),
            reembedding: Arc::clone(&memory.reembedding),
        };
        // Set once, here.
        let _ = self.state.services.set(services);
        let health = &self.state.health;
        health::register(health, &memory.engine, self.state.anonymous.clone(), &self.config);
        health.enter(Phase::Serving);
        tracing::info!(took_ms = start.elapsed().as_secs_f64() * 1000.0, "store opened");
        self.start_loops(&memory);
        memory.reembedding.resume().await?;
        systemd::ready();
        Ok(memory)
    }

    /// Waits for an embedding service that has to tell the size of its vectors first: whoever starts both at once does not
    /// have to put them in order.
    async fn open_memory(&self) -> anyhow::Result<Memory> {
        loop {
            let error = match Memory::open(&self.config).await {
                Ok(memory) => return Ok(memory),
                Err(error) => error,
            };
            let Some(EmbeddingError::Unreachable { .. }) = error.downcast_ref() else {
                return Err(error);
            };
            tracing::warn!(error = format!("{error:#}"), "not ready yet, trying again");
            tokio::time::sleep(RETRY_OPEN).await;
        }
    }

    fn start_loops(&self, memory: &Memory) {
        let engine = Arc::clone(&memory.engine);
        self.every(Duration::from_secs(self.config.hirag.gc_interval_secs), move || {
            let evicted = engine.evict_idle_sessions();
            if evicted > 0 {
                tracing::debug!(sessions = evicted, "idle sessions left memory");
            }
            std::future::ready(())
        });
        let engine = Arc::clone(&memory.engine);
        let interval = Duration::from_secs(self.config.hirag.access_flush_interval_secs);
        self.every(interval, move || {
            let engine = Arc::clone(&engine);
            async move {
                if let Err(error) = engine.flush_accesses().await {
                    tracing::warn!(error = %error, "how often contexts were served was not written yet");
                }
            }
        });
        let worker = embed_pending(
            Arc::clone(&memory.engine),
            self.config.embedding.background_texts_per_sec,
            self.state.health.clone(),
        );
        self.until_stopped(worker);
        let engine = Arc::clone(&memory.engine);
        self.until_stopped(async move { engine.keep_measuring_recall().await });
        let engine = Arc::clone(&memory.engine);
        self.until_stopped(async move {
            loop {
                let start = Instant::now();
                if let Err(error) = engine.measure().await {
                    tracing::debug!(%error, "what is stored was not counted");
                }
                tokio::time::sleep(MEASURE_INTERVAL.max(start.elapsed() * MEASURE_REST)).await;
            }
        });
        let health = self.state.health.clone();
        self.until_stopped(async move { health.keep_checking().await });
        self.until_stopped(ProcessMetrics::default().keep_recording());
        if let Some(interval) = systemd::watchdog() {
            self.every(interval, || async { systemd::alive() });
        }
        record_build_info();
        let metrics = self.state.metrics.clone();
        self.every(METRICS_UPKEEP, move || {
            metrics.run_upkeep();
            std::future::ready(())
        });
    }

    /// Runs `work` until it ends or the server stops.
    fn until_stopped(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.loops.spawn(self.stop.clone().run_until_cancelled_owned(work));
    }

    /// Runs `work` after each `interval` until the server stops.
    fn every<F: Future<Output = ()> + Send>(&self, interval: Duration, mut work: impl FnMut() -> F + Send + 'static) {
        let stop = self.stop.clone();
        self.loops.spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
                work().await;
            }
        });
    }
}
