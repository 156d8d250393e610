//! The state of the engine, and the composition of the rooms that work with it.

use std::sync::Arc;

use tokio::time::Duration;

use super::backlog::Backlog;
use super::contexts::Contexts;
use super::documents::Documents;
use super::events::EventLog;
use super::lifecycle::{Accesses, Collector, Summaries};
use super::locks::KeyedLocks;
use super::model_in_use::{Models, OnEmbeddingFailure};
use super::models::{Backoff, PendingVectors};
use super::prepare::Preparer;
use super::reindex::Reindexing;
use super::search::{Ranker, RecallSampling, Reranking, Retrieval, Searcher};
use super::sequences::Sequences;
use super::store::{Changer, Storing, Writer};
use super::transfer::{Importer, Purge};
use super::vocabulary::Vocabularies;
use super::watched_store::WatchedStore;
use super::working_memory::{Coherence, WorkingMemory};
use crate::Config;
use crate::l1::L1;
use crate::lexical::{self, Analyzer};
use crate::lifecycle::Lifecycle;
use crate::ports::{
    Clock, Embedder, Leases, SessionCache, Summarizer, SystemClock, TokenCounter, TokenTable, VectorStore,
};
use crate::tokens::Encoding;

/// Dependencies of the engine.
#[derive(Debug)]
pub struct Deps {
    /// Store of the contexts.
    pub store: Arc<dyn VectorStore>,
    /// Cache of working memory that all processes on the store share. Without one, a store that is not shared has a cache in
    /// memory, and working memory is read from a shared store each time.
    pub sessions: Option<Arc<dyn SessionCache>>,
    /// Embedding model.
    pub embedder: Arc<dyn Embedder>,
    /// Table of token vectors to compare questions and contexts by at search time.
    pub table: Option<Arc<dyn TokenTable>>,
    /// Treatment of texts that cannot be embedded.
    pub on_embedding_failure: OnEmbeddingFailure,
    /// Counter of tokens.
    pub tokens: Arc<dyn TokenCounter>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Maker of sparse vectors.
    pub analyzer: Analyzer,
}

impl Deps {
    /// Combines a store and an embedder with defaults: no shared cache, no token table, exact token counts, the machine's clock, and languages
    /// detected text by text.
    pub fn new(store: Arc<dyn VectorStore>, embedder: Arc<dyn Embedder>) -> Self {
        Self {
            store,
            sessions: None,
            embedder,
            table: None,
            on_embedding_failure: OnEmbeddingFailure::default(),
            tokens: Encoding::default().counter(),
            clock: Arc::new(SystemClock),
            analyzer: Analyzer::new(lexical::Config::default()),
        }
    }
}

/// The parts of an engine.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) lifecycle: Lifecycle,
    pub(super) store: Arc<dyn VectorStore>,
    pub(super) events: Arc<EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) models: Models,
    pub(super) backlog: Backlog,
    pub(super) memory: WorkingMemory,
    pub(super) recall: RecallSampling,
    pub(super) summarizer: Option<Arc<dyn Summarizer>>,
    pub(super) leases: Option<Arc<dyn Leases>>,
    pub(super) reranking: Option<Reranking>,
    table: Option<Arc<dyn TokenTable>>,
    pub(super) text: Arc<Preparer>,
    pub(super) reindexing: Reindexing,
    backoff: Backoff,
    locks: Arc<KeyedLocks>,
    document_locks: KeyedLocks,
    sequences: Sequences,
    pub(super) accesses: Accesses,
    vocabularies: Vocabularies,
}

impl Parts {
    pub(super) fn new(config: Config, deps: Deps) -> Self {
        let Deps { store, clock, .. } = deps;
        let events = Arc::<EventLog>::default();
        let is_shared = store.is_shared();
        let in_memory = || -> Arc<dyn SessionCache> { Arc::new(L1::new(config.l1_max_contexts)) };
        let cache = deps.sessions.or_else(|| (!is_shared).then(in_memory));
        let coherence = Coherence::new(cache.clone(), is_shared);
        let store: Arc<dyn VectorStore> = Arc::new(WatchedStore::new(store, Arc::clone(&events), coherence));
        let locks = Arc::default();
        let timeout = Duration::from_millis(config.embed_timeout_ms);
        Self {
            memory: WorkingMemory::new(&config, &store, cache, &clock, &locks),
            models: Models::new(deps.embedder, deps.on_embedding_failure, timeout),
            backlog: Backlog::default(),
            recall: RecallSampling::new(config.recall_sample_ratio),
            document_locks: KeyedLocks::default(),
            sequences: Sequences::new(Arc::clone(&store)),
            table: deps.table,
            text: Arc::new(Preparer {
                analyzer: deps.analyzer,
                tokens: deps.tokens,
            }),
            lifecycle: Lifecycle::default(),
            reindexing: Reindexing::default(),
            backoff: Backoff::default(),
            accesses: Accesses::default(),
            vocabularies: Vocabularies::default(),
            summarizer: None,
            leases: None,
            reranking: None,
            config,
            events,
            store,
            clock,
            locks,
        }
    }

    pub(super) fn contexts(&self) -> Contexts<'_> {
        Contexts {
            store: &*self.store,
            clock: &*self.clock,
            locks: &self.locks,
            models: &self.models,
            backlog: &self.backlog,
            memory: &self.memory,
            sequences: &self.sequences,
            vocabularies: &self.vocabularies,
        }
    }

    pub(super) fn storing(&self) -> Storing<'_> {
        Storing {
            contexts: self.contexts(),
            text: &self.text,
            dedup: &self.lifecycle.dedup,
            writer: Writer {
                contexts: self.contexts(),
                short_term_ttl_secs: self.config.short_term_ttl_secs(),
                superseded_ttl_secs: self.lifecycle.gc.superseded_ttl_secs,
            },
        }
    }

    pub(super) fn changer(&self) -> Changer<'_> {
        Changer {
            contexts: self.contexts(),
            text: &self.text,
            dedup: &self.lifecycle.dedup,
            short_term_ttl_secs: self.config.short_term_ttl_secs(),
        }
    }

    pub(super) fn documents(&self) -> Documents<'_> {
        Documents {
            contexts: self.contexts(),
            storing: self.storing(),
            changer: self.changer(),
            locks: &self.document_locks,
        }
    }

    pub(super) fn searcher(&self) -> Searcher<'_> {
        Searcher {
            config: &self.config,
            clock: &*self.clock,
            text: &self.text,
            accesses: &self.accesses,
            ranker: Ranker {
                retrieval: Retrieval {
                    config: &self.config,
                    contexts: self.contexts(),
                    recall: &self.recall,
                    table: self.table.as_deref(),
                    analyzer: &self.text.analyzer,
                },
            },
            reranking: self.reranking.as_ref(),
        }
    }

    pub(super) fn collector(&self) -> Collector<'_> {
        Collector {
            config: &self.config,
            gc: &self.lifecycle.gc,
            contexts: self.contexts(),
            accesses: &self.accesses,
            summaries: self.summarizer.as_deref().map(|summarizer| Summaries {
                summarizer,
                rules: &self.lifecycle.consolidation,
                text: &self.text,
                storing: self.storing(),
            }),
        }
    }

    pub(super) fn pending_vectors(&self) -> PendingVectors<'_> {
        PendingVectors {
            contexts: self.contexts(),
            backoff: &self.backoff,
        }
    }

    pub(super) fn importer(&self) -> Importer<'_> {
        Importer {
            contexts: self.contexts(),
            text: &self.text,
        }
    }

    pub(super) fn purge(&self) -> Purge<'_> {
        Purge {
            contexts: self.contexts(),
            backoff: &self.backoff,
            accesses: &self.accesses,
        }
    }
}
