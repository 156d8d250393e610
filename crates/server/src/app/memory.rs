//! Opens the store, the models and the engine: configuration becomes memory.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use context_manager_core::lexical::Analyzer;
use context_manager_core::ports::{Reranker, SessionCache, SharedDocuments, StoreError, Summarizer, SystemClock};
use context_manager_core::{ContextEngine, Deps, Scope};
use context_manager_embedding::{ChatModel, CrossEncoder, Error as EmbeddingError, HttpReranker};
use context_manager_redis::{Connection, RedisSessions, Sizes};
use context_manager_resilience::CircuitBreaker;
use context_manager_vector_store::{Error as StoreOpenError, OpenStore};
use tokio::time::{sleep, timeout};

use super::tenant::default_tenant;
use crate::config::{Config, RerankConfig};
use crate::embedders::Embedders;
use crate::health;
use crate::service::garbage_collector::GarbageCollector;
use crate::service::reembedding::Reembedding;
use crate::service::{Backend, Service};
use crate::store;

/// Maximum time that a shutdown spends on writing access counts.
const LAST_ACCESSES: Duration = Duration::from_secs(5);
/// Pause before a service that did not answer at the start is asked again.
const RETRY_OPEN: Duration = Duration::from_secs(2);

/// The engine and the store beneath it.
#[derive(Debug)]
pub struct Memory {
    /// Stores contexts and finds them.
    pub engine: Arc<ContextEngine>,
    /// Changes the embedding model.
    pub reembedding: Arc<Reembedding>,
    /// Removes contexts that have expired.
    pub garbage_collector: Arc<GarbageCollector>,
    /// The store beneath the engine.
    pub store: OpenStore,
    pub(super) embedders: Arc<Embedders>,
    /// Connection to the Redis that holds the working memory which servers share, if there is one.
    redis: Option<Arc<Connection>>,
    /// The working memory that servers share, if there is one.
    pub(super) sessions: Option<Arc<RedisSessions>>,
    /// Circuit of the reranker, if there is one.
    reranking_circuit: Option<Arc<CircuitBreaker>>,
}

impl Memory {
    /// Opens the store and puts the engine on it.
    ///
    /// # Errors
    /// When no model can be used, or not the one whose vectors are stored, or the store cannot be used or reached.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        Self::open_part_by_part(config, |_| {}).await
    }

    /// Opens the store like [`Memory::open`], and tells `waits_for` about the part that it waits for.
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
        let mut vector_db = config.vector_db.clone();
        vector_db.embedded.memory_bytes = config.memory.for_contexts();
        let store = store::open(&vector_db, &config.snapshots, model).await?;
        if serving.fingerprint().is_verified() {
            store.handle.complete_model(serving.fingerprint()).await?;
        }
        warm.await?;
        let redis = redis(config)?;
        let documents = store::documents(&config.vector_db)?;
        let sessions = redis
            .clone()
            .zip(documents)
            .map(|(connection, documents)| sessions(connection, documents, config));
        let deps = Deps {
            store: Arc::clone(&store.contexts),
            sessions: sessions.clone().map(|sessions| -> Arc<dyn SessionCache> { sessions }),
            embedder: serving,
            table: Some(embedders.table()),
            on_embedding_failure: config.embedding.on_failure,
            tokens,
            clock: Arc::new(SystemClock),
            analyzer: Analyzer::new(config.lexical.clone()),
        };
        let engine = ContextEngine::new(config.hirag.clone(), deps)
            .with_lifecycle(config.lifecycle())
            .with_leases(store.leases.clone());
        let engine = match summarizer(config)? {
            Some(summarizer) => engine.with_summarizer(summarizer),
            None => engine,
        };
        let reranker = reranker(&config.rerank).await.context("cannot use [rerank]")?;
        let (engine, reranking_circuit) = match reranker {
            Some((reranker, circuit)) => {
                let candidates = config.rerank.service.candidates;
                (engine.with_reranker(reranker, candidates), Some(circuit))
            }
            None => (engine, None),
        };
        let engine = Arc::new(engine);
        let reembedding = Reembedding::new(
            Arc::clone(&engine),
            store.models.clone(),
            Arc::clone(&embedders),
            &config.embedding,
        );
        Ok(Self {
            garbage_collector: Arc::new(GarbageCollector::new(Arc::clone(&engine))),
            engine,
            reembedding: Arc::new(reembedding),
            store,
            embedders,
            redis,
            sessions,
            reranking_circuit,
        })
    }

    /// Opens the store for a command. A server that has the data folder open must be asked instead.
    ///
    /// # Errors
    /// As [`Memory::open`].
    pub(crate) async fn open_offline(config: &Config) -> anyhow::Result<Self> {
        Self::open(config).await.context(
            "cannot open the data folder; a server that has it open can be asked itself, with --server and --api-key",
        )
    }

    /// Opens the store for a server. Waits for a Qdrant server, and for an embedding service that has to tell the size of
    /// its vectors first, so that they can be started in any order. An error that waiting cannot mend ends the process.
    pub(super) async fn open_when_reachable(config: &Config, service: &Service) -> anyhow::Result<Self> {
        let health = &service.health;
        let mut out: Option<Part> = None;
        loop {
            // A part that did not answer is named as such until it does.
            let waits_for = |part: Part| {
                if out.is_none() {
                    health.wait_for(part.name(), part.reasons()[0]);
                }
            };
            waits_for(Part::Store);
            let error = match Self::open_part_by_part(config, waits_for).await {
                Ok(memory) => return Ok(memory),
                Err(error) => error,
            };
            let Some(part) = Part::of_outage(&error) else {
                return Err(error);
            };
            health.wait_for(part.name(), part.reasons()[1]);
            service.note_outage();
            out = Some(part);
            tracing::warn!(error = format!("{error:#}"), "not ready yet, trying again");
            sleep(RETRY_OPEN).await;
        }
    }

    /// Has `service` answer from this memory, and its health checked.
    ///
    /// # Errors
    /// Never, see [`default_tenant`].
    pub fn serve(&self, service: &Service, config: &Config) -> anyhow::Result<()> {
        let backend = Backend {
            engine: Arc::clone(&self.engine),
            reembedding: Arc::clone(&self.reembedding),
            garbage_collector: Arc::clone(&self.garbage_collector),
            snapshots: Arc::clone(&self.store.snapshots),
        };
        let scope = Scope::maintenance(default_tenant()?);
        health::register(&service.health, &backend, &self.store, scope, config);
        health::register_reranker(&service.health, self.reranking_circuit.clone());
        health::register_redis(&service.health, self.redis.clone());
        service.open(backend);
        Ok(())
    }

    /// Writes the access counts, finishes all writes and flushes them to disk.
    ///
    /// # Errors
    /// When the last flush failed; acknowledged writes are still in the engine's log.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.reembedding.stop().await;
        let accesses = timeout(LAST_ACCESSES, self.flush_all_accesses()).await;
        if !matches!(accesses, Ok(Ok(()))) {
            tracing::warn!(error = ?accesses, "the latest access counts were not written");
        }
        self.store.handle.close().await.context("cannot close the store")
    }

    async fn flush_all_accesses(&self) -> Result<(), StoreError> {
        while self.engine.flush_accesses().await? > 0 {}
        Ok(())
    }
}

/// Returns a connection to the Redis that servers share, if there is one.
///
/// # Errors
/// When its address cannot be used. Whether it answers does not matter: the server works without it.
pub(super) fn redis(config: &Config) -> anyhow::Result<Option<Arc<Connection>>> {
    if !config.redis.is_used() {
        return Ok(None);
    }
    let connection = Connection::new(&config.redis).context("cannot use [redis]")?;
    Ok(Some(Arc::new(connection)))
}

/// Returns the working memory that servers share.
fn sessions(connection: Arc<Connection>, documents: Arc<dyn SharedDocuments>, config: &Config) -> Arc<RedisSessions> {
    let sizes = Sizes {
        session: config.hirag.l1_cache_size,
        near: config.hirag.l1_max_contexts,
        near_idle: Duration::from_secs(config.hirag.l1_idle_secs),
    };
    Arc::new(RedisSessions::new(connection, documents, &config.redis, sizes))
}

/// Part that a start waits for.
#[derive(Debug, Clone, Copy)]
enum Part {
    Store,
    Embedder,
}

impl Part {
    /// Returns the part whose outage this error is; `None` when waiting is of no use.
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

/// Returns the reranker and its circuit breaker, if one is configured.
async fn reranker(config: &RerankConfig) -> anyhow::Result<Option<(Arc<dyn Reranker>, Arc<CircuitBreaker>)>> {
    let service = config.service.clone();
    if service.model_path.is_none() && service.api_url.is_none() {
        return Ok(None);
    }
    let circuit = Arc::new(CircuitBreaker::new("reranker", config.circuit_breaker.clone()));
    let breaker = Arc::clone(&circuit);
    let reranker: Arc<dyn Reranker> = match service.model_path.clone() {
        Some(folder) => {
            let open = move || CrossEncoder::open(&folder, service.timeout(), breaker);
            Arc::new(tokio::task::spawn_blocking(open).await??)
        }
        None => Arc::new(HttpReranker::new(&service, breaker)?),
    };
    Ok(Some((reranker, circuit)))
}

/// Returns the chat model that writes summaries, if one is configured.
fn summarizer(config: &Config) -> anyhow::Result<Option<Arc<dyn Summarizer>>> {
    let llm = &config.consolidation.llm;
    if llm.chat.api_url.is_none() {
        return Ok(None);
    }
    let breaker = CircuitBreaker::new("consolidation_llm", llm.circuit_breaker.clone());
    let model = ChatModel::new(llm.chat.clone(), Arc::new(breaker)).context("cannot use [consolidation.llm]")?;
    Ok(Some(Arc::new(model)))
}
