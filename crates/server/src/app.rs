//! Puts the parts together: configuration becomes a store, an embedder, an engine and a router.
//!
//! The only place that names concrete types. Life of a process: listen, open the store in the background, serve, and on
//! the way out readiness off, a moment for load balancers to notice, no new connections, requests drained, loops ended,
//! store flushed; telemetry is flushed by who called, at the very end.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use context_manager_core::lexical::Analyzer;
use context_manager_core::ports::{StoreError, Summarizer, SystemClock};
use context_manager_core::{ContextEngine, Deps, InvalidTenant, Scope, TenantId};
use context_manager_embedding::{ChatModel, Error as EmbeddingError};
use context_manager_observability::{HealthRegistry, LogControl, Metrics, Phase, ProcessMetrics, Supervisor};
use context_manager_resilience::CircuitBreaker;
use context_manager_vector_store::Error as StoreOpenError;
use context_manager_vector_store::OpenStore;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::api::{self, ApiState, Guards, Services};
use crate::auth::Authenticator;
use crate::collection::{Collection, jittered};
use crate::config::Config;
use crate::embedders::Embedders;
use crate::health;
use crate::limits;
use crate::listen::{self, Site, Tls};
use crate::metrics::record_build_info;
use crate::pending::embed_pending;
use crate::reembedding::Reembedding;
use crate::store;
use crate::systemd;

/// The tenant of callers that bring no key.
pub(crate) const DEFAULT_TENANT: &str = "default";
/// How often accumulated metrics are moved into their buckets.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// The longest that a shutdown spends on writing how often contexts were served.
const LAST_ACCESSES: Duration = Duration::from_secs(5);
/// How long to wait before a service that did not answer at the start is asked again.
const RETRY_OPEN: Duration = Duration::from_secs(2);
/// Interval of counting what is stored: shorter than that at which Prometheus asks by default. A count that takes long, as
/// that of many tenants, takes a fiftieth of the time.
const MEASURE_INTERVAL: Duration = Duration::from_secs(10);
const MEASURE_REST: u32 = 50;

/// The engine and the store beneath it.
#[derive(Debug)]
pub struct Memory {
    /// Stores contexts and finds them.
    pub engine: Arc<ContextEngine>,
    /// Changes the embedding model.
    pub reembedding: Arc<Reembedding>,
    /// Collects contexts whose time is over.
    pub collection: Arc<Collection>,
    /// The store beneath the engine.
    pub store: OpenStore,
    embedders: Arc<Embedders>,
}

impl Memory {
    /// Opens the store and puts the engine on it.
    ///
    /// # Errors
    /// When no model can be used, or not the one whose vectors are stored, or the store cannot be used or reached.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        Self::open_part_by_part(config, |_| {}).await
    }

    /// The same, which tells `waits_for` on the way what it waits for.
    async fn open_part_by_part(config: &Config, waits_for: impl Fn(Part)) -> anyhow::Result<Self> {
        let tokens = config.tokens.encoding.counter();
        let loading = Arc::clone(&tokens);
        // The first count loads the table: better now than in the first request.
        let warm = tokio::task::spawn_blocking(move || loading.count("warm"));
        let stored = store::stored_models(&config.vector_db).await?;
        waits_for(Part::Embedder);
        let embedders = Arc::new(Embedders::connect(&config.embedding, stored.as_ref()).await?);
        let serving = embedders.serving(&config.vector_db, stored.as_ref())?;
        waits_for(Part::Store);
        let model = stored.as_ref().map_or(serving.fingerprint(), |stored| &stored.in_use);
        let store = store::open(&config.vector_db, &config.snapshots, model).await?;
        if serving.fingerprint().is_verified() {
            store.handle.complete_model(serving.fingerprint()).await?;
        }
        warm.await?;
        let deps = Deps {
            store: Arc::clone(&store.contexts),
            embedder: serving,
            on_embedding_failure: config.embedding.on_failure,
            tokens,
            clock: Arc::new(SystemClock),
            analyzer: Analyzer::new(config.lexical.clone()),
        };
        let engine = ContextEngine::new(config.hirag.clone(), deps)
            .with_lifecycle(config.lifecycle())
            .with_leases(store.leases.clone());
        let engine = Arc::new(match summarizer(config)? {
            Some(summarizer) => engine.with_summarizer(summarizer),
            None => engine,
        });
        let reembedding = Reembedding::new(
            Arc::clone(&engine),
            store.models.clone(),
            Arc::clone(&embedders),
            &config.embedding,
        );
        Ok(Self {
            collection: Arc::new(Collection::new(Arc::clone(&engine))),
            engine,
            reembedding: Arc::new(reembedding),
            store,
            embedders,
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
        self.store.handle.close().await.context("cannot close the store")
    }

    async fn flush_all_accesses(&self) -> Result<(), StoreError> {
        while self.engine.flush_accesses().await? > 0 {}
        Ok(())
    }
}

/// A part that a start waits for.
#[derive(Debug, Clone, Copy)]
enum Part {
    Store,
    Embedder,
}

impl Part {
    /// The part whose outage this error is; `None` when waiting is of no use.
    fn of_outage(error: &anyhow::Error) -> Option<Self> {
        if error.downcast_ref().is_some_and(StoreOpenError::is_outage) {
            Some(Self::Store)
        } else if matches!(error.downcast_ref(), Some(EmbeddingError::Unreachable { .. })) {
            Some(Self::Embedder)
        } else {
            None
        }
    }

    /// Its name in `/health`.
    fn name(self) -> &'static str {
        match self {
            Self::Store => health::STORE,
            Self::Embedder => health::EMBEDDER,
        }
    }

    /// Reasons for waiting: at first, and after it did not answer.
    fn reasons(self) -> [&'static str; 2] {
        match self {
            Self::Store => ["it is being opened", "it does not answer, and is tried again"],
            Self::Embedder => [
                "it is asked for its model",
                "it does not answer and is tried again, as `embedding.dimensions` does not tell the size of its vectors",
            ],
        }
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
    config: Arc<Config>,
    state: ApiState,
    stop: CancellationToken,
    supervisor: Supervisor,
}

impl App {
    /// A server that knows its keys and is about to open its store.
    ///
    /// # Errors
    /// When a file of keys cannot be used.
    pub fn new(config: Config, metrics: Metrics, logs: LogControl) -> anyhow::Result<Self> {
        let health = HealthRegistry::new(config.health.checks.clone());
        let stop = CancellationToken::new();
        let supervisor = Supervisor::new(health.clone(), stop.clone());
        let state = ApiState {
            services: Arc::new(OnceLock::new()),
            health,
            metrics,
            logs,
            writes: TaskTracker::new(),
            auth: Arc::new(Authenticator::open(&config, default_tenant()?, Arc::new(SystemClock))?),
            guards: Arc::new(Guards::new(&config)),
            started: Instant::now(),
        };
        Ok(Self {
            config: Arc::new(config),
            state,
            stop,
            supervisor,
        })
    }

    /// Serves on `listener` until `shutdown` completes, then drains and closes.
    ///
    /// # Errors
    /// When the store cannot be opened, also again after a snapshot was restored, its last flush failed, or nothing can be
    /// accepted any more.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> anyhow::Result<()> {
        let site = self.site().await?;
        self.keep_keys();
        let (config, stop) = (self.config.server.clone(), self.stop.clone());
        let listening = tokio::spawn(async move { listen::serve(listener, site, &config, stop).await });
        let mut listening = AbortOnDropHandle::new(listening);
        let mut memory = None;
        // Listening comes first, so that a probe gets an answer while a large store is read.
        let opened = async {
            memory.insert(self.serve_memory().await?).store.handle.lost().await;
            anyhow::Result::<Infallible>::Err(anyhow::anyhow!(
                "the store was closed to restore a snapshot and could not be opened again"
            ))
        };
        let ended = tokio::select! {
            Err(error) = opened => Err(error),
            () = shutdown => Ok(()),
            _ended = &mut listening => Err(anyhow::anyhow!("no connections are accepted any more")),
        };
        let closed = self.shut_down(listening, memory).await;
        // The first failure explains the second.
        ended.and(closed)
    }

    /// Ends what was begun, in the order in which nothing is lost.
    async fn shut_down(self, mut listening: AbortOnDropHandle<()>, memory: Option<Memory>) -> anyhow::Result<()> {
        tracing::info!("shutting down");
        self.state.health.enter(Phase::Stopping);
        systemd::stopping();
        if memory.is_some() {
            sleep(Duration::from_millis(self.config.server.shutdown_delay_ms)).await;
        }
        self.stop.cancel();
        if let Some(memory) = &memory {
            memory.collection.stop();
        }
        let grace = Duration::from_secs(self.config.server.shutdown_grace_secs);
        let drained = async {
            if !listening.is_finished() && timeout(grace, &mut listening).await.is_err() {
                tracing::warn!(grace_secs = grace.as_secs(), "requests still in flight were cut off");
                listening.abort();
            }
        };
        tokio::join!(drained, self.supervisor.ended(grace));
        self.state.writes.close();
        if timeout(grace, self.state.writes.wait()).await.is_err() {
            tracing::warn!("writes still in flight were cut off; none of them was acknowledged");
        }
        let auth = Arc::clone(&self.state.auth);
        tokio::task::spawn_blocking(move || auth.write_usage()).await?;
        if let Some(memory) = memory {
            memory.close().await?;
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// What is served, and to whom.
    async fn site(&self) -> anyhow::Result<Site> {
        let tls = Tls::load(&self.config.server.tls).await?.map(Arc::new);
        if let Some(tls) = tls.clone() {
            let interval = Duration::from_secs(self.config.server.tls.reload_interval_secs);
            self.supervisor.supervise("tls_reload", tls, move |tls| async move {
                tls.follow(interval).await;
            });
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
            snapshots: memory.store.snapshots.clone(),
        };
        let health = &self.state.health;
        let scope = Scope::maintenance(default_tenant()?);
        health::register(health, &services, &memory.store, scope, &self.config);
        health::register_identity_provider(health, &self.state.auth);
        // Set once, here.
        let _ = self.state.services.set(services);
        health.enter(Phase::Serving);
        tracing::info!(took_ms = start.elapsed().as_secs_f64() * 1000.0, "store opened");
        self.start_loops(&memory);
        memory.reembedding.resume().await?;
        systemd::ready();
        Ok(memory)
    }

    /// Waits for a Qdrant server, and for an embedding service that has to tell the size of its vectors first: whoever
    /// starts all at once does not have to put them in order. What they refuse ends the process.
    async fn open_memory(&self) -> anyhow::Result<Memory> {
        let health = &self.state.health;
        let mut out: Option<Part> = None;
        loop {
            // A part that did not answer is named as such until it does.
            let waits_for = |part: Part| {
                if out.is_none() {
                    health.wait_for(part.name(), part.reasons()[0]);
                }
            };
            waits_for(Part::Store);
            let error = match Memory::open_part_by_part(&self.config, waits_for).await {
                Ok(memory) => return Ok(memory),
                Err(error) => error,
            };
            let Some(part) = Part::of_outage(&error) else {
                return Err(error);
            };
            health.wait_for(part.name(), part.reasons()[1]);
            out = Some(part);
            tracing::warn!(error = format!("{error:#}"), "not ready yet, trying again");
            sleep(RETRY_OPEN).await;
        }
    }

    fn start_loops(&self, memory: &Memory) {
        let engine = || Arc::clone(&memory.engine);
        let loops = &self.supervisor;
        let gc_interval = Duration::from_secs(self.config.hirag.gc_interval_secs);
        if self.config.gc.enabled {
            let collection = Arc::clone(&memory.collection);
            loops.every("gc", jittered(gc_interval), collection, |collection| async move {
                Box::pin(collection.run_for_all()).await;
            });
        }
        loops.every("idle_sessions", gc_interval, engine(), |engine| async move {
            let evicted = engine.evict_idle_sessions();
            if evicted > 0 {
                tracing::debug!(sessions = evicted, "idle sessions left memory");
            }
        });
        let interval = Duration::from_secs(self.config.hirag.access_flush_interval_secs);
        loops.every("access_flush", interval, engine(), |engine| async move {
            if let Err(error) = engine.flush_accesses().await {
                tracing::warn!(error = %error, "how often contexts were served was not written yet");
            }
        });
        let embedding = (
            (
                Arc::clone(&self.config),
                memory.store.clone(),
                Arc::clone(&memory.embedders),
            ),
            (engine(), self.state.health.clone()),
        );
        loops.supervise("embed_pending", embedding, |(first, (engine, health))| async move {
            let (config, store, embedders) = first;
            embedders.reach(&config, &store).await;
            embed_pending(engine, config.embedding.background_texts_per_sec, health).await;
        });
        loops.supervise("recall_sampling", engine(), |engine| async move {
            engine.keep_measuring_recall().await;
        });
        loops.supervise("measure", engine(), |engine| async move {
            loop {
                let start = Instant::now();
                if let Err(error) = engine.measure().await {
                    tracing::debug!(%error, "what is stored was not counted");
                }
                sleep(MEASURE_INTERVAL.max(start.elapsed() * MEASURE_REST)).await;
            }
        });
        loops.supervise("health_checks", self.state.health.clone(), |health| async move {
            health.keep_checking().await;
        });
        loops.supervise("process_metrics", (), |()| ProcessMetrics::default().keep_recording());
        if let Some(interval) = systemd::watchdog() {
            loops.every("watchdog", interval, (), |()| async { systemd::alive() });
        }
        record_build_info();
        let metrics = self.state.metrics.clone();
        loops.every("metrics_upkeep", METRICS_UPKEEP, metrics, |metrics| async move {
            metrics.run_upkeep();
        });
        let guards = || Arc::clone(&self.state.guards);
        loops.every("rate_limits", limits::UPKEEP, guards(), |guards| async move {
            guards.rates.forget_idle();
        });
        if self.state.guards.quotas.are_set() {
            let interval = Duration::from_secs(self.config.quotas.recount_interval_secs);
            loops.every(
                "quotas",
                interval,
                (guards(), engine()),
                |(guards, engine)| async move {
                    guards.quotas.recount(&engine).await;
                },
            );
        }
    }

    /// Looks for changed keys, and writes down which were used, off the async threads as both touch files.
    fn keep_keys(&self) {
        let auth = || Arc::clone(&self.state.auth);
        let config = &self.config.auth;
        self.supervisor
            .supervise("identity_provider", auth(), |auth| async move {
                auth.follow_identity_provider().await;
            });
        let every = |name, secs, work: fn(&Authenticator)| {
            let interval = Duration::from_secs(secs);
            self.supervisor.every(name, interval, auth(), move |auth| async move {
                let done = tokio::task::spawn_blocking(move || work(&auth)).await;
                if let Err(panicked) = done {
                    // On to who supervises.
                    std::panic::resume_unwind(panicked.into_panic());
                }
            });
        };
        every(
            "key_reload",
            config.reload_interval_secs,
            Authenticator::reload_if_changed,
        );
        every(
            "key_usage",
            config.usage_flush_interval_secs,
            Authenticator::write_usage,
        );
    }
}
