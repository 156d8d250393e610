//! The HiRAG engine: stores contexts, moves them between levels, and answers "what should the model know now?".
//!
//! Concurrency: whatever reads before it writes (duplicates, ids, patches, a session's order) holds the locks of the
//! keys concerned, see [`locks`]. Everything else relies on the store.

mod access;
mod change;
mod embed;
mod export;
mod forget;
mod gc;
mod import;
mod locks;
mod measure;
mod pending;
mod plan;
mod prepare;
mod read;
mod recall;
mod reembed;
mod restore;
mod search;
mod session;
mod similar;
mod store;
mod vocabulary;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use moka::sync::Cache;
use tokio::sync::RwLock;
use tokio::time::Duration;

use crate::l1::L1;
use crate::lexical::Analyzer;
use crate::lifecycle::Lifecycle;
use crate::ports::{Clock, Embedder, Leases, ListRequest, StoreError, Summarizer, TokenCounter, VectorStore};
use crate::{Config, Scope, TenantId};

pub use embed::OnEmbeddingFailure;
pub use export::{Carried, ExportRequest};
pub use forget::{Forgotten, Receipt};
pub use gc::{GcAction, GcAffected, GcReport, MAX_LISTED};
pub use import::Imported;
pub use pending::{Pending, PendingRound};
pub use read::{Stats, Usage};
pub use reembed::{ReembedPhase, ReembedProgress, ReembedSettings};
pub use restore::Restored;
pub use search::{
    AssembleRequest, AssembleResponse, DEFAULT_LIMIT, Degraded, Dropped, Found, MAX_LIMIT, MAX_TOKENS, SearchMode,
    SearchRequest, SearchResponse,
};
pub use store::Stored;

use access::Accesses;
use embed::Proof;
use locks::KeyedLocks;
use pending::PendingSignal;
use prepare::Preparer;
use recall::RecallSampling;
use vocabulary::Vocabularies;

/// How many sessions' next positions are remembered; a forgotten one costs a look-up in the store.
const REMEMBERED_TRACKS: u64 = 100_000;

/// What the engine works with.
#[derive(Debug)]
pub struct Deps {
    /// Keeps the contexts.
    pub store: Arc<dyn VectorStore>,
    /// Makes vectors.
    pub embedder: Arc<dyn Embedder>,
    /// What happens to what cannot be embedded.
    pub on_embedding_failure: OnEmbeddingFailure,
    /// Counts tokens.
    pub tokens: Arc<dyn TokenCounter>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes words into terms.
    pub analyzer: Analyzer,
}

/// Stores contexts and gets the right ones back. Cheap to share behind an [`Arc`]; all methods take `&self`.
#[derive(Debug)]
pub struct ContextEngine {
    config: Config,
    lifecycle: Lifecycle,
    store: Arc<dyn VectorStore>,
    /// Makes vectors. Whoever makes some holds it until they are stored or compared; it is taken before the locks of keys.
    model: RwLock<Arc<dyn Embedder>>,
    on_embedding_failure: OnEmbeddingFailure,
    /// Evidence that the embedder worked lately.
    proof: Proof,
    pending: PendingSignal,
    recall: RecallSampling,
    clock: Arc<dyn Clock>,
    preparer: Arc<Preparer>,
    l1: L1,
    locks: KeyedLocks,
    tracks: Cache<(TenantId, String), u32>,
    last_sequence: AtomicU64,
    /// Tenants whose newest sequence `last_sequence` is known to follow.
    seeded: Cache<TenantId, ()>,
    accesses: Accesses,
    vocabularies: Vocabularies,
    summarizer: Option<Arc<dyn Summarizer>>,
    leases: Option<Arc<dyn Leases>>,
}

impl ContextEngine {
    /// An engine over these parts. `config` must have no [`Config::problems`].
    pub fn new(config: Config, deps: Deps) -> Self {
        Self {
            summarizer: None,
            leases: None,
            lifecycle: Lifecycle::default(),
            l1: L1::new(config.l1_cache_size, config.l1_max_contexts),
            recall: RecallSampling::new(config.recall_sample_ratio),
            config,
            store: deps.store,
            model: RwLock::new(deps.embedder),
            on_embedding_failure: deps.on_embedding_failure,
            proof: Proof::default(),
            pending: PendingSignal::default(),
            clock: deps.clock,
            preparer: Arc::new(Preparer {
                analyzer: deps.analyzer,
                tokens: deps.tokens,
            }),
            locks: KeyedLocks::default(),
            tracks: Cache::new(REMEMBERED_TRACKS),
            last_sequence: AtomicU64::new(0),
            seeded: Cache::new(REMEMBERED_TRACKS),
            accesses: Accesses::default(),
            vocabularies: Vocabularies::default(),
        }
    }

    /// The same engine with other settings for the life of contexts; they must have no problems.
    #[must_use]
    pub fn with_lifecycle(self, lifecycle: Lifecycle) -> Self {
        Self { lifecycle, ..self }
    }

    /// The same engine with a summarizer of promoted contexts.
    #[must_use]
    pub fn with_summarizer(self, summarizer: Arc<dyn Summarizer>) -> Self {
        Self {
            summarizer: Some(summarizer),
            ..self
        }
    }

    /// Replaces the leases; without any, this process is the only one on its store.
    #[must_use]
    pub fn with_leases(self, leases: Option<Arc<dyn Leases>>) -> Self {
        Self { leases, ..self }
    }

    /// What time it is for the engine.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Forgets working memories not used for `l1_idle_secs`, and returns how many. They stay in the store.
    pub fn evict_idle_sessions(&self) -> usize {
        self.l1.evict_idle(Duration::from_secs(self.config.l1_idle_secs))
    }

    /// How many contexts the immediate level holds in memory, for all tenants, and how many it may hold at most.
    pub fn l1_len(&self) -> (usize, usize) {
        (self.l1.len(), self.config.l1_max_contexts)
    }

    /// Has [`Self::next_sequence`] follow everything that the tenant has stored, also by a clock that was ahead.
    async fn seed_sequence(&self, scope: &Scope) -> Result<(), StoreError> {
        if self.seeded.contains_key(scope.tenant()) {
            return Ok(());
        }
        let newest = ListRequest {
            limit: 1,
            ..ListRequest::default()
        };
        if let Some(newest) = self.store.list(scope, newest).await?.items.pop() {
            self.last_sequence.fetch_max(newest.context.sequence, Ordering::Relaxed);
        }
        self.seeded.insert(scope.tenant().clone(), ());
        Ok(())
    }

    /// The next creation number: microseconds since the epoch, but always more than the last.
    fn next_sequence(&self, now: Timestamp) -> u64 {
        let micros = sequence_at(now);
        let next = |last: u64| Some(micros.max(last + 1));
        let last = self
            .last_sequence
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        // The closure never returns `None`, so the update always succeeds with the previous value.
        micros.max(last.unwrap_or_default() + 1)
    }
}

/// The creation number that belongs to a time: microseconds since the epoch.
fn sequence_at(time: Timestamp) -> u64 {
    u64::try_from(time.as_microsecond()).unwrap_or(0)
}

/// A context with `text` and nothing else, for unit tests of this crate.
#[cfg(test)]
pub(crate) fn test_context(text: &str) -> crate::Context {
    crate::Context {
        id: crate::ContextId::generate(),
        text: text.to_owned(),
        level: crate::Level::LongTerm,
        user_id: None,
        agent_id: None,
        session_id: None,
        tags: Vec::new(),
        metadata: serde_json::Map::new(),
        importance: 0.5,
        pinned: false,
        token_count: 1,
        access_count: 0,
        occurred_at: crate::Moment::default(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        last_accessed_at: None,
        expires_at: None,
        ttl_secs: None,
        embedded: false,
        derived_from: Vec::new(),
        similar_to: Vec::new(),
        superseded_by: None,
        sequence: 0,
        slot: None,
    }
}
