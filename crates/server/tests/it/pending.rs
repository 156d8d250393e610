//! Texts that cannot be embedded, with an embedder that fails on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use context_manager_core::lexical::{self, Analyzer};
use context_manager_core::ports::{
    EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, QueryEmbedding, SystemClock, VectorStore,
};
use context_manager_core::tokens::Encoding;
use context_manager_core::{
    Config, ContextEngine, Deps, Error, ErrorKind, Filter, Level, NewContext, OnEmbeddingFailure, Patch, Scope,
    SearchMode, SearchRequest, TenantId,
};
use context_manager_vector_store::MemoryStore;
use tokio::sync::Notify;
use tokio::time::{Duration, advance};

/// Fails while it is down; refuses what is said to be bad, breaks down over poison, and waits where it is told to.
#[derive(Debug)]
struct Scripted {
    fingerprint: ModelFingerprint,
    down: AtomicBool,
    waits: AtomicBool,
    asked: Notify,
    go_on: Notify,
    calls: AtomicUsize,
}

#[async_trait]
impl Embedder for Scripted {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.waits.load(Ordering::Relaxed) {
            self.asked.notify_one();
            self.go_on.notified().await;
        }
        let poisoned = texts.iter().any(|text| text.contains("poison"));
        let one = |text: &String| match text {
            _ if poisoned || self.down.load(Ordering::Relaxed) => Err(EmbedErrorKind::Unavailable(None).into()),
            bad if bad.contains("bad") => Err(EmbedErrorKind::Refused.into()),
            _ => Ok(vec![1.0, 0.0]),
        };
        texts.iter().map(one).collect()
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let vector = self.embed_documents(&[text.to_owned()]).await.remove(0)?;
        Ok(QueryEmbedding::new(vector))
    }
}

fn engine(on_embedding_failure: OnEmbeddingFailure) -> (Arc<Scripted>, Arc<ContextEngine>) {
    let scripted = Arc::new(Scripted {
        fingerprint: ModelFingerprint {
            name: "scripted".to_owned(),
            dimensions: 2,
            probe: String::new(),
        },
        down: AtomicBool::new(false),
        waits: AtomicBool::new(false),
        asked: Notify::new(),
        go_on: Notify::new(),
        calls: AtomicUsize::new(0),
    });
    let deps = Deps {
        sessions: None,
        store: Arc::new(MemoryStore::new(2)) as Arc<dyn VectorStore>,
        embedder: Arc::clone(&scripted) as _,
        table: None,
        on_embedding_failure,
        tokens: Encoding::Heuristic.counter(),
        clock: Arc::new(SystemClock),
        analyzer: Analyzer::new(lexical::Config::default()),
    };
    (scripted, Arc::new(ContextEngine::new(Config::default(), deps)))
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

async fn count(engine: &ContextEngine, scope: &Scope) -> u64 {
    let stats = engine.stats(scope, Filter::default()).await.unwrap();
    stats.contexts.iter().sum()
}

async fn found_by_vector(engine: &ContextEngine, scope: &Scope) -> usize {
    let request = SearchRequest {
        query: "anything".to_owned(),
        mode: SearchMode::Dense,
        ..SearchRequest::default()
    };
    engine.search(scope, request).await.unwrap().contexts.len()
}

#[tokio::test]
async fn what_waits_is_embedded_for_every_tenant() {
    let (scripted, engine) = engine(OnEmbeddingFailure::Pending);
    scripted.down.store(true, Ordering::Relaxed);
    let scopes = ["a", "b"].map(tenant);
    for scope in &scopes {
        for n in 0..5 {
            assert!(
                !engine
                    .store(scope, text(&format!("note {n}")))
                    .await
                    .unwrap()
                    .context
                    .embedded
            );
        }
    }
    assert_eq!(engine.pending().await.unwrap().contexts, 10);
    assert!(engine.embed_pending(3).await.unwrap().unavailable.is_some());

    scripted.down.store(false, Ordering::Relaxed);
    assert_eq!(engine.embed_pending(3).await.unwrap().embedded, 6, "three of each");
    assert_eq!(engine.embed_pending(3).await.unwrap().embedded, 4);
    let (round, left) = (engine.embed_pending(3).await.unwrap(), engine.pending().await.unwrap());
    assert_eq!((round.tried, left.contexts, left.oldest), (0, 0, None));
    for scope in &scopes {
        assert_eq!(found_by_vector(&engine, scope).await, 5);
    }
}

#[tokio::test]
async fn one_bad_text_does_not_keep_the_others_waiting() {
    let (scripted, engine) = engine(OnEmbeddingFailure::Pending);
    let scope = tenant("a");
    scripted.down.store(true, Ordering::Relaxed);
    for words in ["bad", "poison", "one", "two"] {
        engine.store(&scope, text(words)).await.unwrap();
    }
    scripted.down.store(false, Ordering::Relaxed);
    assert!(
        engine.embed_pending(4).await.unwrap().unavailable.is_some(),
        "the poison fails all"
    );
    // The refused one, the poison, and then the others.
    let mut embedded = 0;
    for _ in 0..4 {
        embedded += engine.embed_pending(1).await.unwrap().embedded;
    }
    assert_eq!(embedded, 2);
    assert_eq!(
        engine.pending().await.unwrap().contexts,
        2,
        "both are still found by their words"
    );
}

#[tokio::test]
async fn a_vector_of_what_was_said_before_is_not_stored() {
    let (scripted, engine) = engine(OnEmbeddingFailure::Pending);
    let scope = tenant("a");
    scripted.down.store(true, Ordering::Relaxed);
    let [changed, deleted] = ["changed", "deleted"].map(text);
    let changed = engine.store(&scope, changed).await.unwrap().context;
    let deleted = engine.store(&scope, deleted).await.unwrap().context;
    scripted.waits.store(true, Ordering::Relaxed);
    let round = {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { engine.embed_pending(10).await.unwrap() })
    };
    scripted.asked.notified().await;
    scripted.waits.store(false, Ordering::Relaxed);
    let patch = Patch {
        text: Some("in other words".to_owned()),
        ..Patch::default()
    };
    engine.update(&scope, changed.id, patch).await.unwrap();
    engine.delete(&scope, &Filter::by_ids(vec![deleted.id])).await.unwrap();
    scripted.down.store(false, Ordering::Relaxed);
    scripted.go_on.notify_one();
    assert_eq!(round.await.unwrap().embedded, 0);
    assert!(!engine.get(&scope, changed.id).await.unwrap().embedded);
    assert_eq!(count(&engine, &scope).await, 1, "what was deleted does not come back");
}

#[tokio::test(start_paused = true)]
async fn an_embedder_that_takes_too_long_is_not_waited_for() {
    let (scripted, engine) = engine(OnEmbeddingFailure::Pending);
    scripted.waits.store(true, Ordering::Relaxed);
    let stored = engine.store(&tenant("a"), text("patience")).await.unwrap();
    assert!(!stored.context.embedded);
    advance(Duration::from_millis(1)).await;
    let woken = tokio::time::timeout(Duration::from_millis(1), engine.pending_arrived()).await;
    assert!(woken.is_ok(), "the worker is told");
}

#[tokio::test]
async fn who_wants_vectors_or_nothing_gets_nothing() {
    let (scripted, engine) = engine(OnEmbeddingFailure::Reject);
    let scope = tenant("a");
    let both = vec![text("good"), text("bad")];
    let results = engine.store_many(&scope, both, |at| format!("/{at}")).await;
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::Invalid);
    let id = results[0].as_ref().unwrap().context.id;

    scripted.down.store(true, Ordering::Relaxed);
    let refused = engine.store(&scope, text("later")).await.unwrap_err();
    assert!(matches!(refused, Error::Embedding(_)));
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let patch = Patch {
        text: Some("other words".to_owned()),
        ..Patch::default()
    };
    assert_eq!(
        engine.update(&scope, id, patch).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        engine.get(&scope, id).await.unwrap().text,
        "good",
        "nothing was changed"
    );
    assert_eq!(count(&engine, &scope).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_embedder_that_works_is_not_asked_only_to_be_checked() {
    let (scripted, engine) = engine(OnEmbeddingFailure::Pending);
    let scope = tenant("a");
    let minute = Duration::from_mins(1);
    let check = async || {
        let works = engine.check_embedder(minute).await.is_ok();
        (works, scripted.calls.load(Ordering::Relaxed))
    };
    assert_eq!(check().await, (true, 1), "nothing was embedded before");
    assert_eq!(check().await, (true, 1));
    advance(minute).await;
    engine.store(&scope, text("stored")).await.unwrap();
    found_by_vector(&engine, &scope).await;
    assert_eq!(check().await, (true, 3), "by a text and a question of callers");
    // What fails for callers is checked at once.
    scripted.down.store(true, Ordering::Relaxed);
    engine.store(&scope, text("stored without a vector")).await.unwrap();
    assert_eq!(check().await, (false, 5));
    assert_eq!(check().await, (false, 6));
    scripted.down.store(false, Ordering::Relaxed);
    assert_eq!(check().await, (true, 7));
    assert_eq!(check().await, (true, 7));
}
