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
use context_manager_core::ports::{StoreError, Summarizer, SystemClock};
use context_manager_core::{ContextEngine, Deps, InvalidTenant, Scope, TenantId};
use context_manager_embedding::{ChatModel, Error as EmbeddingError};
use context_manager_observability::{HealthRegistry, LogControl, Metrics, Phase, ProcessMetrics};
use context_manager_resilience::CircuitBreaker;
use context_manager_vector_store::Error as StoreOpenError;
use context_manager_vector_store::embedded::EmbeddedSnapshots;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{self, ApiState, Guards, Services};
use crate::auth::Authenticator;
use crate::canary::Canaries;
use crate::collection::Collection;
use crate::config::Config;
use crate::embedders::Embedders;
use crate::health;
use crate::limits;
use crate::listen::{self, Site, Tls};
use crate::metrics::record_build_info;
use crate::pending::embed_pending;
use crate::reembedding::Reembedding;
use crate::store::Store;
use crate::systemd;

/// The tenant of callers that bring no key.
pub(crate) const DEFAULT_TENANT: &str = "default";
/// How often accumulated metrics are moved into their buckets.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// The longest that a shutdown spends on writing how often contexts were served.
const LAST_ACCESSES: Duration = Duration::from_secs(5);
/// How long to wait before a service that did not answer at the start is asked again.
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
    /// Collects contexts whose time is over.
    pub collection: Arc<Collection>,
    /// Makes copies of the whole store; `None` where something else makes them.
    pub snapshots: Option<Arc<EmbeddedSnapshots>>,
    pub(crate) store: Store,
}

impl Memory {
    /// Opens the store and puts the engine on it.
    ///
    /// # Errors
    /// When no model can be used, or not the one whose vectors are stored, or the store cannot be used or reached.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let tokens = config.tokens.encoding.counter();
        let loading = Arc::clone(&tokens);
        // The first count loads the table: better now than in the first request.
        let warm = tokio::task::spawn_blocking(move || loading.count("warm"));
        let stored = Store::stored_models(&config.vector_db).await?;
        let embedders = Embedders::connect(&config.embedding, stored.as_ref()).await?;
        let serving = embedders.serving(&config.vector_db, stored.as_ref())?;
        let store = Store::open(&config.vector_db, serving.fingerprint()).await?;
        warm.await?;
        let deps = Deps {
            store: store.contexts(),
            embedder: serving,
            on_embedding_failure: config.embedding.on_failure,
            tokens,
            clock: Arc::new(SystemClock),
            analyzer: Analyzer::new(config.lexical.clone()),
        };
        let engine = ContextEngine::new(config.hirag.clone(), deps).with_lifecycle(config.lifecycle());
        let engine = Arc::new(match summarizer(config)? {
            Some(summarizer) => engine.with_summarizer(summarizer),
            None => engine,
        });
        let reembedding = Reembedding::new(Arc::clone(&engine), store.models(), embedders, &config.embedding);
        Ok(Self {
            collection: Arc::new(Collection::new(Arc::clone(&engine))),
            engine,
            reembedding: Arc::new(reembedding),
            snapshots: store.snapshots(&config.snapshots),
            store,
        })
    }

    /// The same for a command. A server that has the data folder open is to be asked instead.
    ///
    /// # Errors
    /// As [`Memory::open`].
    pub(crate) async fn open_offline(config: &Config) -> anyhow::Result<Self> {
        Self::open(config).await.context(
            "cannot open the data folder; a server that has it open can be asked itself, with --url and --api-key",
        )
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

/// The chat model that writes what is made of many contexts, if one is configured.
fn summarizer(config: &Config) -> anyhow::Result<Option<Arc<dyn Summarizer>>> {
    let llm = &config.consolidation.llm;
    if llm.chat.api_url.is_none() {
        return Ok(None);
    }
    let breaker = CircuitBreaker::new("consolidation_llm", llm.circuit_breaker.clone());
    let model = ChatModel::new(llm.chat.clone(), Arc::new(breaker)).context("cannot use [consolidation.llm]")?;
    Ok(Some(Arc::new(model)))
}

/// The tenant of callers where no keys are asked for.
///
/// # Errors
/// Never, as the name is a constant that fits.
pub fn default_tenant() -> Result<TenantId, InvalidTenant> {
    TenantId::try_new(DEFAULT_TENANT)
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
    /// A server that knows its keys and is about to open its store.
    ///
    /// # Errors
    /// When a file of keys cannot be used.
    pub fn new(config: Config, metrics: Metrics, logs: LogControl) -> anyhow::Result<Self> {
        let data = &config.vector_db.embedded.path;
        let health = HealthRegistry::new(config.health.checks.clone());
        let state = ApiState {
            services: Arc::new(OnceLock::new()),
            health,
            metrics,
            logs,
            writes: TaskTracker::new(),
            auth: Arc::new(Authenticator::open(
                &config.auth,
                data,
                default_tenant()?,
                Arc::new(SystemClock),
            )?),
            guards: Arc::new(Guards::new(&config)),
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
        let site = self.site().await?;
        self.keep_keys();
        let (config, stop_accepting) = (self.config.server.clone(), self.stop.clone());
        let mut server = tokio::spawn(async move { listen::serve(listener, site, &config, stop_accepting).await });

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
        memory.collection.stop();
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
        let auth = Arc::clone(&self.state.auth);
        tokio::task::spawn_blocking(move || auth.write_usage()).await?;
        memory.close().await?;
        tracing::info!("stopped");
        Ok(())
    }

    /// What is served, and to whom.
    async fn site(&self) -> anyhow::Result<Site> {
        let tls = Tls::load(&self.config.server.tls).await?.map(Arc::new);
        if let Some(tls) = tls.clone() {
            let interval = Duration::from_secs(self.config.server.tls.reload_interval_secs);
            let stop = self.stop.clone();
            self.loops
                .spawn(async move { stop.run_until_cancelled(tls.follow(interval)).await });
        }
        Ok(Site {
            router: api::router(self.state.clone(), &self.config),
            places: self.state.guards.places.clone(),
            tls,
        })
    }

    /// Opens the store, starts the background loops and turns readiness on.
    async fn serve_memory(&self) -> anyhow::Result<Memory> {
        let start = Instant::now();
        let memory = self.open_memory().await?;
        let services = Services {
            engine: Arc::clone(&memory.engine),
            reembedding: Arc::clone(&memory.reembedding),
            collection: Arc::clone(&memory.collection),
            snapshots: memory.snapshots.clone().map(|snapshots| snapshots as _),
        };
        let health = &self.state.health;
        health::register(health, &services, Scope::maintenance(default_tenant()?), &self.config);
        health::register_identity_provider(health, &self.state.auth);
        // Set once, here.
        let _ = self.state.services.set(services);
        health.enter(Phase::Serving);
        tracing::info!(took_ms = start.elapsed().as_secs_f64() * 1000.0, "store opened");
        self.start_loops(&memory);
        self.start_canaries(&memory).await?;
        memory.reembedding.resume().await?;
        systemd::ready();
        Ok(memory)
    }

    /// Waits for a Qdrant server, and for an embedding service that has to tell the size of its vectors first: whoever
    /// starts all at once does not have to put them in order. What they refuse ends the process.
    async fn open_memory(&self) -> anyhow::Result<Memory> {
        loop {
            let error = match Memory::open(&self.config).await {
                Ok(memory) => return Ok(memory),
                Err(error) => error,
            };
            let is_outage = error.downcast_ref().is_some_and(StoreOpenError::is_outage)
                || matches!(error.downcast_ref(), Some(EmbeddingError::Unreachable { .. }));
            if !is_outage {
                return Err(error);
            }
            tracing::warn!(error = format!("{error:#}"), "not ready yet, trying again");
            tokio::time::sleep(RETRY_OPEN).await;
        }
    }

    /// Looks for leaks between tenants, if that is wanted.
    async fn start_canaries(&self, memory: &Memory) -> anyhow::Result<()> {
        if !self.config.auth.canaries {
            return Ok(());
        }
        let store = memory.store.contexts();
        let canaries = Canaries::plant(Arc::clone(&memory.engine), store).await;
        let canaries = Arc::new(canaries.context("cannot plant canaries")?);
        self.every(Duration::from_secs(self.config.auth.canary_interval_secs), move || {
            let canaries = Arc::clone(&canaries);
            async move {
                if let Err(error) = canaries.look().await {
                    tracing::warn!(%error, "the canaries could not be looked for");
                }
            }
        });
        Ok(())
    }

    fn start_loops(&self, memory: &Memory) {
        let gc_interval = Duration::from_secs(self.config.hirag.gc_interval_secs);
        if self.config.gc.enabled {
            let collection = Arc::clone(&memory.collection).every(gc_interval);
            self.loops
                .spawn(self.stop.clone().run_until_cancelled_owned(collection));
        }
        let engine = Arc::clone(&memory.engine);
        self.every(gc_interval, move || {
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
        self.start_limit_loops(memory);
    }

    /// Runs `work` until it ends or the server stops.
    fn until_stopped(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.loops.spawn(self.stop.clone().run_until_cancelled_owned(work));
    }

    /// Looks for changed keys, and writes down which were used, off the async threads as both touch files.
    fn keep_keys(&self) {
        let auth = &self.state.auth;
        let (reloaded, used, followed) = (Arc::clone(auth), Arc::clone(auth), Arc::clone(auth));
        self.until_stopped(async move { followed.follow_identity_provider().await });
        self.every(Duration::from_secs(self.config.auth.reload_interval_secs), move || {
            let auth = Arc::clone(&reloaded);
            async move { drop(tokio::task::spawn_blocking(move || auth.reload_if_changed()).await) }
        });
        self.every(
            Duration::from_secs(self.config.auth.usage_flush_interval_secs),
            move || {
                let auth = Arc::clone(&used);
                async move { drop(tokio::task::spawn_blocking(move || auth.write_usage()).await) }
            },
        );
    }

    fn start_limit_loops(&self, memory: &Memory) {
        let guards = Arc::clone(&self.state.guards);
        self.every(limits::UPKEEP, move || {
            guards.rates.forget_idle();
            std::future::ready(())
        });
        if self.state.guards.quotas.are_set() {
            let (guards, engine) = (Arc::clone(&self.state.guards), Arc::clone(&memory.engine));
            let interval = Duration::from_secs(self.config.quotas.recount_interval_secs);
            self.every(interval, move || {
                let (guards, engine) = (Arc::clone(&guards), Arc::clone(&engine));
                async move { guards.quotas.recount(&engine).await }
            });
        }
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
