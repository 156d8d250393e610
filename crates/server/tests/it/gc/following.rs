//! Writes that do not wait for their model.

use std::sync::Arc;
use std::time::Duration;

use context_manager_core::lexical::{self, Analyzer};
use context_manager_core::lifecycle::{DedupPolicy, Lifecycle};
use context_manager_core::ports::{ListRequest, Order, SystemClock, VectorStore};
use context_manager_core::tokens::Encoding;
use context_manager_core::{
    Config, Context, ContextEngine, Deps, ExportRecord, Filter, Level, Moment, NewContext, OnEmbeddingFailure, Patch,
    ReembedSettings, Scope, SearchMode, SearchRequest, TenantId,
};
use context_manager_vector_store::{EmbeddedStore, MemoryStore, embedded};
use jiff::Timestamp;
use tokio::time::timeout;

use super::faulty::{Faulty, Gate};
use super::gated_model::{DIMENSIONS, GatedModel, fingerprint};

const HERON: usize = 0;
const OWL: usize = 1;

/// A text tells its vector.
fn vector(text: &str) -> Vec<f32> {
    let about = |bird: &str| f32::from(u8::from(text.contains(bird)));
    vec![about("heron"), about("owl"), 0.1, 0.1]
}

/// An engine whose model and whose store pass a gate each.
struct Bench {
    engine: Arc<ContextEngine>,
    store: Arc<dyn VectorStore>,
    model: Arc<Gate>,
    calls: Arc<Gate>,
}

impl Bench {
    fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new(DIMENSIONS)))
    }

    fn on(store: Arc<dyn VectorStore>) -> Self {
        Self::with(store, OnEmbeddingFailure::Pending, DedupPolicy::Keep)
    }

    fn with(store: Arc<dyn VectorStore>, on_embedding_failure: OnEmbeddingFailure, policy: DedupPolicy) -> Self {
        let (model, calls) = (Arc::default(), Arc::default());
        let deps = Deps {
            sessions: None,
            store: Arc::new(Faulty::over(Arc::clone(&store), Arc::clone(&calls))),
            embedder: Arc::new(GatedModel::following("gated", &model, vector)),
            table: None,
            on_embedding_failure,
            tokens: Encoding::Heuristic.counter(),
            clock: Arc::new(SystemClock),
            analyzer: Analyzer::new(lexical::Config::default()),
        };
        let mut lifecycle = Lifecycle::default();
        lifecycle.dedup.policy = policy;
        let engine = ContextEngine::new(Config::default(), deps).with_lifecycle(lifecycle);
        Self {
            engine: Arc::new(engine),
            store,
            model,
            calls,
        }
    }

    async fn store(&self, scope: &Scope, new: NewContext) -> Context {
        self.engine.store(scope, new).await.unwrap().context
    }

    async fn store_many(&self, scope: &Scope, count: usize) {
        let new = (0..count).map(|n| text(&format!("heron number {n}"))).collect();
        let stored = self.engine.store_many(scope, new, |_| String::new()).await;
        assert!(stored.into_iter().all(|stored| !stored.unwrap().context.embedded));
    }

    /// Embeds until nothing is tried any more, and returns how many got their vectors.
    async fn drain(&self) -> usize {
        let mut embedded = 0;
        loop {
            let round = self.engine.embed_pending(32).await.unwrap();
            embedded += round.embedded;
            if round.tried == 0 {
                return embedded;
            }
            assert!(round.unpaced);
        }
    }

    async fn waiting(&self, scope: &Scope) -> u64 {
        self.engine.stats(scope, Filter::default()).await.unwrap().pending
    }
}

fn tenant(name: &str) -> Scope {
    Scope::authenticated(TenantId::try_new(name).unwrap())
}

fn text(text: &str) -> NewContext {
    NewContext {
        text: text.to_owned(),
        level: Level::LongTerm,
        ..NewContext::default()
    }
}

fn question(query: &str, mode: SearchMode) -> SearchRequest {
    SearchRequest {
        query: query.to_owned(),
        mode,
        ..SearchRequest::default()
    }
}

/// Returns what is stored, each text with the greatest dimension of its vector.
async fn stored(store: &dyn VectorStore, scope: &Scope) -> Vec<(String, Option<usize>)> {
    let request = ListRequest {
        order: Order::OldestFirst,
        limit: 10,
        with_vectors: true,
        ..ListRequest::default()
    };
    let records = store.list(scope, request).await.unwrap().items.into_iter();
    let greatest = |vector: Vec<f32>| (0..vector.len()).max_by(|a, b| vector[*a].total_cmp(&vector[*b]));
    records
        .map(|record| (record.context.text, record.dense.and_then(greatest)))
        .collect()
}

#[tokio::test]
async fn a_write_is_acknowledged_while_the_model_hangs_and_what_changes_meanwhile_keeps_no_old_vector() {
    let (bench, scope) = (Bench::new(), tenant("a"));
    bench.model.hold(0);
    let changed = bench.store(&scope, text("a heron by the lake")).await;
    let deleted = bench.store(&scope, text("a heron in the reeds")).await;
    assert!(!changed.embedded);
    timeout(Duration::from_secs(9), bench.engine.pending_arrived())
        .await
        .expect("the worker is told");
    let round = tokio::spawn({
        let engine = Arc::clone(&bench.engine);
        async move { engine.embed_pending(32).await.unwrap() }
    });
    bench.model.reached().await;
    let found = bench
        .engine
        .search(&scope, question("lake", SearchMode::Lexical))
        .await
        .unwrap();
    assert_eq!(
        found.contexts[0].context.text, "a heron by the lake",
        "its words find it"
    );
    let patch = Patch {
        text: Some("an owl by the lake".to_owned()),
        ..Patch::default()
    };
    assert!(!bench.engine.update(&scope, changed.id, patch).await.unwrap().embedded);
    bench
        .engine
        .delete(&scope, &Filter::by_ids(vec![deleted.id]))
        .await
        .unwrap();
    bench.model.release();
    assert_eq!(round.await.unwrap().embedded, 0);
    assert_eq!(bench.waiting(&scope).await, 1);

    assert_eq!(bench.drain().await, 1);
    let kept = stored(&*bench.store, &scope).await;
    assert_eq!(kept, [("an owl by the lake".to_owned(), Some(OWL))]);
    assert_eq!(bench.waiting(&scope).await, 0);
}

#[tokio::test]
async fn who_comes_later_with_a_few_does_not_wait_for_who_came_with_many() {
    let (bench, greedy, modest) = (Bench::new(), tenant("a"), tenant("b"));
    bench.store_many(&greedy, 1000).await;
    bench.store_many(&modest, 3).await;
    let round = bench.engine.embed_pending(32).await.unwrap();
    assert_eq!((round.embedded, round.arrived), (35, 1003));
    assert_eq!((bench.waiting(&greedy).await, bench.waiting(&modest).await), (968, 0));
}

#[tokio::test]
async fn thousands_take_three_calls_a_batch_and_a_restart_a_list_for_eight() {
    let (count, batches) = (3_200, 100);
    let store: Arc<dyn VectorStore> = Arc::new(MemoryStore::new(DIMENSIONS));
    let (bench, scope) = (Bench::on(Arc::clone(&store)), tenant("a"));
    assert_eq!(bench.drain().await, 0, "it has looked at the store");
    for _ in 0..2 {
        bench.store_many(&scope, count / 2).await;
        bench.engine.delete(&scope, &Filter::default()).await.unwrap();
    }
    bench.store_many(&scope, count).await;
    bench.calls.take_calls();
    assert_eq!(bench.drain().await, count);
    let calls = bench.calls.take_calls();
    // What was deleted is only read.
    assert!(calls <= 3 * batches + batches + 1, "{calls}");

    bench.store_many(&tenant("b"), count).await;
    drop(bench);
    let bench = Bench::on(store);
    assert_eq!(bench.drain().await, count, "as after kill -9");
    let calls = bench.calls.take_calls();
    assert!(calls <= 3 * batches + batches / 8 + 3, "{calls}");
    assert_eq!(bench.drain().await, 0);
    assert_eq!(bench.calls.take_calls(), 0, "nothing waits, and nobody is asked");
}

#[tokio::test]
async fn a_search_knows_what_no_vector_finds_yet_and_asks_for_it_only_then() {
    let (bench, scope) = (Bench::new(), tenant("a"));
    bench.drain().await;
    let calls = async || {
        bench.calls.take_calls();
        let found = bench
            .engine
            .search(&scope, question("stork", SearchMode::Hybrid))
            .await
            .unwrap();
        (found.searched[Level::LongTerm.index()], bench.calls.take_calls())
    };
    assert_eq!(calls().await.0, 0);
    let (_, before) = calls().await;
    bench.store(&scope, text("a heron by the lake")).await;
    bench.store(&tenant("b"), text("a heron in the reeds")).await;
    let (candidates, during) = calls().await;
    assert_eq!(candidates, 1, "though it has none of the words, and no vector");
    bench.drain().await;
    let (candidates, after) = calls().await;
    assert_eq!((candidates, after < during, before < during), (1, true, true));
}

#[tokio::test]
async fn working_memory_gets_vectors_without_being_read_again() {
    let (bench, scope) = (Bench::new(), tenant("a"));
    let turn = |words: &str| NewContext {
        level: Level::Immediate,
        session_id: Some("s".to_owned()),
        ..text(words)
    };
    let long_ago = NewContext {
        occurred_at: Some(Moment::from_millisecond(1_000_000_000_000)),
        ..turn("an owl in the barn")
    };
    for new in [long_ago, turn("a heron by the lake")] {
        bench.store(&scope, new).await;
    }
    let best = async || {
        let request = SearchRequest {
            session_id: Some("s".to_owned()),
            levels: vec![Level::Immediate],
            ..question("owl", SearchMode::Dense)
        };
        let mut found = bench.engine.search(&scope, request).await.unwrap().contexts;
        found.remove(0).context
    };
    assert_eq!(best().await.text, "a heron by the lake", "the newest");
    assert_eq!(bench.drain().await, 2);
    bench.calls.take_calls();
    let best = best().await;
    assert_eq!((best.text.as_str(), best.embedded), ("an owl in the barn", true));
    assert_eq!(bench.calls.take_calls(), 0);
}

#[tokio::test]
async fn who_needs_the_vector_at_once_waits_for_it() {
    let scope = tenant("a");
    let store = || Arc::new(MemoryStore::new(DIMENSIONS));
    let strict = Bench::with(store(), OnEmbeddingFailure::Reject, DedupPolicy::Keep);
    assert!(strict.store(&scope, text("a heron")).await.embedded);
    let reporting = Bench::with(store(), OnEmbeddingFailure::Pending, DedupPolicy::Report);
    let first = reporting.store(&scope, text("a heron by the lake")).await;
    let second = reporting.store(&scope, text("a heron by the pond")).await;
    let similar: Vec<_> = second.similar_to.iter().map(|similar| similar.id).collect();
    assert_eq!(similar, [first.id]);
}

#[tokio::test]
async fn what_is_imported_waits_since_its_import() {
    let (bench, scope) = (Bench::new(), tenant("a"));
    bench.drain().await;
    let long_ago = Timestamp::from_second(1_000_000_000).unwrap();
    let mut context = bench.store(&scope, text("a heron")).await;
    bench.engine.delete(&scope, &Filter::default()).await.unwrap();
    bench.drain().await;
    let start = bench.engine.now();
    context.updated_at = long_ago;
    let carried = ExportRecord { context, vector: None };
    bench.engine.import(&scope, vec![carried]).await.remove(0).unwrap();
    let pending = bench.engine.pending().await.unwrap();
    assert!(pending.contexts == 1 && pending.oldest >= Some(start), "{pending:?}");
    // Another process does not know.
    bench.drain().await;
    let pending = bench.engine.pending().await.unwrap();
    assert_eq!((pending.contexts, pending.oldest), (0, None));
}

#[tokio::test]
async fn the_model_is_changed_while_contexts_wait_for_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = embedded::Config {
        path: folder.path().join("data"),
        ..embedded::Config::default()
    };
    let store = Arc::new(EmbeddedStore::open(config, &fingerprint()).await.unwrap());
    let (bench, scope) = (Bench::on(Arc::clone(&store) as _), tenant("a"));
    bench.store(&scope, text("a heron by the lake")).await;
    bench.drain().await;
    bench.store(&scope, text("a heron in the reeds")).await;
    let next = Arc::new(GatedModel::following("next", &Arc::default(), |text| {
        let mut vector = vector(text);
        vector.swap(HERON, OWL);
        vector
    }));
    let settings = ReembedSettings {
        batch: 10,
        texts_per_sec: 10_000,
    };
    let change = bench.engine.reembed(&*store, next, settings, |_| {});
    change.await.unwrap();
    bench.store(&scope, text("a heron in flight")).await;
    bench.drain().await;
    assert_eq!(bench.engine.model().await.name, "next");
    let stored = stored(&*store, &scope).await;
    let is_of_next = |(_, greatest): &(String, Option<usize>)| *greatest == Some(OWL);
    assert!(stored.len() == 3 && stored.iter().all(is_of_next), "{stored:?}");
    drop(bench);
    store.close().await.unwrap();
}
