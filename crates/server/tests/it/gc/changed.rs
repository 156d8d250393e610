//! Tests that two processes on one store do not undo each other's changes.
//!
//! One change is held up at each of its calls to the store and to the embedder once, and the other one is made meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use context_manager_core::lexical::{self, Analyzer};
use context_manager_core::ports::{ListRequest, SystemClock, VectorStore};
use context_manager_core::tokens::Encoding;
use context_manager_core::{
    Config, ContextEngine, ContextId, Deps, Filter, Level, NewContext, OnEmbeddingFailure, Patch, Scope, TenantId,
};
use context_manager_vector_store::{MemoryStore, QdrantStore};

use super::faulty::{Faulty, Gate};
use super::gated_model::{DIMENSIONS, GatedModel, fingerprint};
use crate::standin::StandIn;

/// More calls than any change makes.
const MOST_CALLS: usize = 50;
const TEXT: &str = "as it was stored";
const CHANGED: &str = "as it was changed";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Text,
    Tags,
    Metadata(&'static str),
    /// The vector that the context waits for.
    Vector,
}

/// The change that is held up, and the one that is made meanwhile.
const PAIRS: [[Change; 2]; 9] = [
    [Change::Tags, Change::Metadata("other")],
    [Change::Metadata("held"), Change::Metadata("other")],
    [Change::Tags, Change::Text],
    [Change::Text, Change::Tags],
    [Change::Text, Change::Metadata("other")],
    [Change::Vector, Change::Tags],
    [Change::Vector, Change::Text],
    [Change::Tags, Change::Vector],
    [Change::Text, Change::Vector],
];

/// Tells the two texts apart.
fn vector(text: &str) -> Vec<f32> {
    let is_changed = f32::from(u8::from(text == CHANGED));
    vec![1.0 - is_changed, is_changed, 0.0, 0.0]
}

/// One of the processes on a store; its calls pass the gate.
fn process(store: &Arc<dyn VectorStore>, gate: &Arc<Gate>) -> (Arc<ContextEngine>, Arc<GatedModel>) {
    let model = Arc::new(GatedModel::new(gate, vector));
    let deps = Deps {
        sessions: None,
        store: Arc::new(Faulty::over(Arc::clone(store), Arc::clone(gate))),
        embedder: Arc::clone(&model) as _,
        table: None,
        on_embedding_failure: OnEmbeddingFailure::Pending,
        tokens: Encoding::Heuristic.counter(),
        clock: Arc::new(SystemClock),
        analyzer: Analyzer::new(lexical::Config::default()),
    };
    (Arc::new(ContextEngine::new(Config::default(), deps)), model)
}

async fn change(engine: &ContextEngine, scope: &Scope, id: ContextId, change: Change) {
    let mut patch = Patch::default();
    match change {
        Change::Text => patch.text = Some(CHANGED.to_owned()),
        Change::Tags => patch.tags = Some(vec!["changed".to_owned()]),
        Change::Metadata(key) => patch.metadata = Some([(key.to_owned(), true.into())].into_iter().collect()),
        Change::Vector => {
            engine.embed_pending(10).await.unwrap();
            return;
        }
    }
    engine.update(scope, id, patch).await.unwrap();
}

async fn both_changes_survive(store: Arc<dyn VectorStore>) {
    let mut held_up = 0;
    for [held, other] in PAIRS {
        for calls in 0..MOST_CALLS {
            let what = format!("{held:?}, held up after {calls} calls, and {other:?}");
            let name = format!("t{held_up}-{calls}");
            let scope = Scope::authenticated(TenantId::try_new(&name).unwrap());
            let gate = Arc::default();
            let ((one, model), (two, _)) = (process(&store, &gate), process(&store, &Arc::default()));
            model
                .down
                .store([held, other].contains(&Change::Vector), Ordering::SeqCst);
            let new = NewContext {
                text: TEXT.to_owned(),
                level: Level::LongTerm,
                ..NewContext::default()
            };
            let id = one.store(&scope, new).await.unwrap().context.id;
            model.down.store(false, Ordering::SeqCst);

            let mut holding = tokio::spawn({
                let (one, scope) = (Arc::clone(&one), scope.clone());
                async move { change(&one, &scope, id, held).await }
            });
            // The task has not run yet: this runtime has one thread.
            gate.hold(calls);
            let ended = tokio::select! {
                () = gate.reached() => false,
                ended = &mut holding => { ended.unwrap(); true }
            };
            gate.hold(usize::MAX);
            change(&two, &scope, id, other).await;
            if !ended {
                gate.release();
                holding.await.unwrap();
                held_up += 1;
            }
            // A vector gives way to a change of the context, and comes with the next round.
            change(&two, &scope, id, Change::Vector).await;

            let request = ListRequest {
                filter: Filter::by_ids(vec![id]),
                limit: 1,
                with_vectors: true,
                ..ListRequest::default()
            };
            let record = store.list(&scope, request).await.unwrap().items.remove(0);
            let stored = record.context;
            let text = if [held, other].contains(&Change::Text) {
                CHANGED
            } else {
                TEXT
            };
            assert_eq!(stored.text, text, "{what}");
            assert!(stored.embedded, "{what}");
            assert_eq!(record.dense, Some(vector(text)), "{what}");
            for change in [held, other] {
                match change {
                    Change::Tags => assert_eq!(stored.tags, ["changed"], "{what}"),
                    Change::Metadata(key) => assert!(stored.metadata.contains_key(key), "{what}"),
                    Change::Text | Change::Vector => {}
                }
            }
            if ended {
                break;
            }
        }
    }
    assert!(held_up > 3 * PAIRS.len(), "{held_up}");
}

#[tokio::test]
async fn in_memory_both_changes_survive() {
    both_changes_survive(Arc::new(MemoryStore::new(DIMENSIONS))).await;
}

#[tokio::test]
async fn on_a_qdrant_server_both_changes_survive() {
    let server = StandIn::start("1.18.3");
    let store = QdrantStore::connect(&server.config(), &fingerprint()).await.unwrap();
    both_changes_survive(Arc::new(store)).await;
}
