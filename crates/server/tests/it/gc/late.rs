//! Searches with a deadline, of which one part after the other does not answer.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{RerankError, Reranker, VectorStore};
use context_manager_core::{
    Config, ContextEngine, Degraded, Deps, Error, Level, NewContext, Scope, SearchMode, SearchRequest, TenantId,
};
use context_manager_vector_store::MemoryStore;
use tokio::time::{Duration, Instant};

use super::faulty::{Faulty, Gate};
use super::gated_model::{DIMENSIONS, GatedModel};

const NEAR: &str = "the lamp is red";
const FAR: &str = "a red door";
const PATIENCE: Duration = Duration::from_millis(300);

/// Prefers doors; its calls pass the gate.
#[derive(Debug)]
struct Doors(Arc<Gate>);

#[async_trait]
impl Reranker for Doors {
    async fn rerank(&self, _: &str, texts: &[&str]) -> Result<Vec<f32>, RerankError> {
        let _call = self.0.pass().await;
        Ok(texts
            .iter()
            .map(|text| f32::from(text.contains("door")) - 5.0)
            .collect())
    }
}

/// An engine whose every call to another part passes the gate.
fn engine(store: &Arc<dyn VectorStore>, gate: &Arc<Gate>) -> ContextEngine {
    let deps = Deps::new(
        Arc::new(Faulty::over(Arc::clone(store), Arc::clone(gate))),
        Arc::new(GatedModel::new(gate, |_| vec![1.0, 0.0, 0.0, 0.0])),
    );
    ContextEngine::new(Config::default(), deps).with_reranker(Arc::new(Doors(Arc::clone(gate))), 10)
}

struct Room {
    store: Arc<dyn VectorStore>,
    gate: Arc<Gate>,
    engine: ContextEngine,
    scope: Scope,
}

impl Room {
    /// One context in working memory, and one in the store alone.
    async fn new() -> Self {
        let store: Arc<dyn VectorStore> = Arc::new(MemoryStore::new(DIMENSIONS));
        let gate = Arc::new(Gate::default());
        let room = Self {
            engine: engine(&store, &gate),
            store,
            gate,
            scope: Scope::authenticated(TenantId::try_new("t").unwrap()),
        };
        for (text, level, session) in [(NEAR, Level::Immediate, "s"), (FAR, Level::LongTerm, "earlier")] {
            let new = NewContext {
                text: text.to_owned(),
                level,
                session_id: Some(session.to_owned()),
                ..NewContext::default()
            };
            room.engine.store(&room.scope, new).await.unwrap();
        }
        room
    }

    /// Another process on the same store, which has nothing in memory.
    fn restarted(self) -> Self {
        Self {
            engine: engine(&self.store, &self.gate),
            ..self
        }
    }

    /// Searches in time while the call after so many others does not answer, and returns the texts and what is missing.
    async fn search(&self, held: usize, session: &str) -> Result<(Vec<String>, Vec<Degraded>), Error> {
        let start = Instant::now();
        self.gate.hold(held);
        let request = SearchRequest {
            query: "which lamp is red?".to_owned(),
            session_id: Some(session.to_owned()),
            deadline: Some(start + PATIENCE),
            ..SearchRequest::default()
        };
        let answer = self.engine.search(&self.scope, request).await;
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        let answer = answer?;
        let texts = answer.contexts.into_iter().map(|found| found.context.text);
        Ok((texts.collect(), answer.degraded))
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_hangs_costs_itself_alone() {
    use Degraded::{Deadline, Embedding, L1, Rerank, VectorStore};
    let (reranked, ranked) = (&[FAR, NEAR][..], &[NEAR, FAR][..]);
    for (held, part, texts, degraded) in [
        (0, "vocabulary", reranked, &[Deadline][..]),
        (1, "embedding", reranked, &[Embedding, Deadline]),
        (2, "search", &[NEAR], &[VectorStore, Deadline]),
        (3, "pending", reranked, &[Deadline]),
        (4, "neighbours", reranked, &[Deadline]),
        (5, "rerank", ranked, &[Rerank, Deadline]),
        (6, "nothing", reranked, &[]),
    ] {
        let found = Room::new().await.search(held, "s").await.unwrap();
        assert_eq!(
            found,
            (texts.iter().map(ToString::to_string).collect(), degraded.to_vec()),
            "{part}"
        );
    }
    let room = Room::new().await.restarted();
    let found = room.search(2, "s").await.unwrap();
    assert_eq!(found, (vec![FAR.to_owned()], vec![L1, Deadline]), "working memory");
}

#[tokio::test(start_paused = true)]
async fn only_without_working_memory_is_there_no_answer() {
    let room = Room::new().await.restarted();
    // The working memory of another session is read, and is empty.
    let found = room.search(3, "other").await.unwrap();
    assert_eq!(found, (Vec::new(), vec![Degraded::VectorStore, Degraded::Deadline]));

    let room = Room::new().await.restarted();
    let hold_the_next_one = async {
        room.gate.reached().await;
        room.gate.hold(0);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        found = room.search(2, "s") => assert!(matches!(found, Err(Error::DeadlineExceeded)), "{found:?}"),
        () = hold_the_next_one => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_reranker_orders_hybrid_searches_and_leaves_scores_alone() {
    let room = Room::new().await;
    let search = async |mode, min_score| {
        let request = SearchRequest {
            query: "which lamp is red?".to_owned(),
            session_id: Some("s".to_owned()),
            mode,
            min_score,
            ..SearchRequest::default()
        };
        let answer = room.engine.search(&room.scope, request).await.unwrap();
        let found = answer.contexts.into_iter();
        found
            .map(|found| (found.context.text, found.score, found.parts.rerank))
            .collect::<Vec<_>>()
    };
    let hybrid = search(SearchMode::Hybrid, None).await;
    let rerank: Vec<_> = hybrid
        .iter()
        .map(|(text, _, rerank)| (text.as_str(), *rerank))
        .collect();
    assert_eq!(rerank, [(FAR, Some(-4.0)), (NEAR, Some(-5.0))]);
    assert!(hybrid[0].1 < hybrid[1].1, "{hybrid:?}");
    // What does not reach the minimum is not brought up.
    let good = search(SearchMode::Hybrid, Some(hybrid[1].1)).await;
    assert_eq!(good, [(NEAR.to_owned(), hybrid[1].1, None)]);
    for mode in [SearchMode::Dense, SearchMode::Lexical] {
        assert!(search(mode, None).await.iter().all(|(_, _, rerank)| rerank.is_none()));
    }
}
