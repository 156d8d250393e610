//! Tests that deleted contexts stay deleted, whatever is written at the same time.
//!
//! Every write is held up at each of its calls to the store and to the embedder once, and while it is, a deletion of what
//! it is about is asked for. That either ends at once, or waits until the write goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use context_manager_core::lexical::{self, Analyzer};
use context_manager_core::lifecycle::Lifecycle;
use context_manager_core::ports::{ManualClock, VectorStore};
use context_manager_core::tokens::Encoding;
use context_manager_core::{
    Config, Context, ContextEngine, ContextId, Deps, Error, ExportRequest, Filter, Imported, Level, NewContext,
    OnEmbeddingFailure, Patch, Scope, SearchRequest, TenantId,
};
use context_manager_vector_store::{EmbeddedStore, MemoryStore, QdrantStore, embedded};
use jiff::Timestamp;
use tokio::task::{JoinHandle, yield_now};

use super::faulty::{Faulty, Gate};
use super::gated_model::{DIMENSIONS, GatedModel, fingerprint};
use super::{HOUR, new, query};
use crate::standin::StandIn;

/// Write that concerns the context to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    /// The same text once more.
    Again,
    /// The same text under the same id.
    SameId,
    /// Others in its session, of which one replaces it.
    Batch,
    /// Another one that replaces it.
    Supersede,
    PatchText,
    PatchMetadata,
    DeleteId,
    DeleteTagged,
    Clear,
    DeleteSession,
    ForgetUser,
    Import,
    /// The vector that it waits for.
    Pending,
    /// Number of times that it was served.
    Accesses,
    /// Another one in its session, for which there is no room beside it in working memory.
    Overflow,
    Promote,
    Expire,
}

const WRITES: [Write; 17] = [
    Write::Again,
    Write::SameId,
    Write::Batch,
    Write::Supersede,
    Write::PatchText,
    Write::PatchMetadata,
    Write::DeleteId,
    Write::DeleteTagged,
    Write::Clear,
    Write::DeleteSession,
    Write::ForgetUser,
    Write::Import,
    Write::Pending,
    Write::Accesses,
    Write::Overflow,
    Write::Promote,
    Write::Expire,
];

const DELETIONS: [Write; 5] = [
    Write::DeleteId,
    Write::DeleteTagged,
    Write::Clear,
    Write::DeleteSession,
    Write::ForgetUser,
];

const TEXT: &str = "The user prefers dark mode in the editor on the big screen at work";
/// More calls than any write makes.
const MOST_CALLS: usize = 100;
/// Turns of the runtime in which a task that waits for nothing but others goes on.
const TURNS: usize = 50;

/// An engine of its own for a tenant of its own, on a store that is shared.
struct Case {
    engine: Arc<ContextEngine>,
    store: Arc<dyn VectorStore>,
    model: Arc<GatedModel>,
    gate: Arc<Gate>,
    clock: Arc<ManualClock>,
    scope: Scope,
}

impl Case {
    fn new(store: &Arc<dyn VectorStore>, tenant: &str) -> Self {
        let gate = Arc::<Gate>::default();
        let model = Arc::new(GatedModel::new(&gate, |_| vec![1.0, 0.0, 0.0, 0.0]));
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_700_000_000).unwrap()));
        let mut case = Self {
            engine: engine(Arc::clone(store), &model, &clock, Lifecycle::default()),
            store: Arc::clone(store),
            model,
            gate,
            clock,
            scope: Scope::authenticated(TenantId::try_new(tenant).unwrap()),
        };
        case.engine = case.another();
        case
    }

    /// An engine on the same store that knows nothing yet.
    fn another(&self) -> Arc<ContextEngine> {
        let mut lifecycle = Lifecycle::default();
        lifecycle.gc.batch_pause_ms = 0;
        let store = Faulty::over(Arc::clone(&self.store), Arc::clone(&self.gate));
        engine(Arc::new(store), &self.model, &self.clock, lifecycle)
    }

    /// Stores the context to delete, so that this write has something to do.
    async fn prepared(&mut self, write: Write) -> Context {
        let subject = || NewContext {
            level: Level::LongTerm,
            user_id: Some("ann".to_owned()),
            session_id: Some("s".to_owned()),
            tags: vec!["tagged".to_owned()],
            ..new(TEXT)
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others need nothing")]
        let subject = match write {
            Write::SameId => NewContext {
                id: Some(ContextId::generate()),
                ..subject()
            },
            Write::Overflow => NewContext {
                level: Level::Immediate,
                ..subject()
            },
            Write::Promote => NewContext {
                level: Level::ShortTerm,
                ..subject()
            },
            Write::Expire => NewContext {
                ttl_secs: Some(60),
                ..subject()
            },
            _ => subject(),
        };
        self.model.down.store(write == Write::Pending, Ordering::SeqCst);
        let context = self.engine.store(&self.scope, subject).await.unwrap().context;
        self.model.down.store(false, Ordering::SeqCst);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others need nothing")]
        match write {
            Write::Accesses => {
                let found = self.engine.search(&self.scope, query(TEXT)).await.unwrap();
                assert_eq!(found.contexts.len(), 1);
            }
            Write::Promote | Write::Expire => self.clock.advance_secs(2 * HOUR),
            _ => {}
        }
        context
    }

    /// Begins a write about `subject`, which returns whether it has stored a new context under that id.
    #[expect(clippy::too_many_lines, reason = "one arm for each write")]
    async fn begun(&self, write: Write, subject: &Context) -> JoinHandle<bool> {
        let (engine, scope, subject) = (Arc::clone(&self.engine), self.scope.clone(), subject.clone());
        let carried = if write == Write::Import {
            let everything = ExportRequest {
                after: None,
                end: engine.export_end(&scope).await.unwrap(),
                limit: 10,
                with_vectors: true,
            };
            engine.export(&scope, everything).await.unwrap().items
        } else {
            Vec::new()
        };
        tokio::spawn(async move {
            let beside = |text: &str, supersedes| NewContext {
                level: subject.level,
                user_id: subject.user_id.clone(),
                session_id: subject.session_id.clone(),
                supersedes,
                ..new(text)
            };
            let deletion = |filter: Filter| {
                let (engine, scope) = (Arc::clone(&engine), scope.clone());
                async move {
                    engine.delete(&scope, &filter).await.unwrap();
                    false
                }
            };
            let changed = |patch: Patch| {
                let (engine, scope) = (Arc::clone(&engine), scope.clone());
                async move {
                    match engine.update(&scope, subject.id, patch).await {
                        Ok(_) | Err(Error::NotFound(_)) => false,
                        Err(other) => panic!("{other}"),
                    }
                }
            };
            match write {
                Write::Again => {
                    engine.store(&scope, beside(TEXT, Vec::new())).await.unwrap();
                    false
                }
                Write::SameId => {
                    let same = NewContext {
                        id: Some(subject.id),
                        tags: subject.tags.clone(),
                        ..beside(TEXT, Vec::new())
                    };
                    !engine.store(&scope, same).await.unwrap().deduplicated
                }
                Write::Batch => {
                    let batch = vec![beside("first", Vec::new()), beside("second", vec![subject.id])];
                    engine.store_many(&scope, batch, |_| String::new()).await;
                    false
                }
                Write::Supersede => {
                    // It may be refused, as what it replaces is gone.
                    drop(engine.store(&scope, beside("light mode", vec![subject.id])).await);
                    false
                }
                Write::PatchText => {
                    let text = Some("another text".to_owned());
                    changed(Patch {
                        text,
                        ..Patch::default()
                    })
                    .await
                }
                Write::PatchMetadata => {
                    let metadata = [("new".to_owned(), true.into())].into_iter().collect();
                    changed(Patch {
                        metadata: Some(metadata),
                        ..Patch::default()
                    })
                    .await
                }
                Write::DeleteId => deletion(Filter::by_ids(vec![subject.id])).await,
                Write::DeleteTagged => {
                    let tagged = Filter {
                        tags_any: subject.tags.clone(),
                        ..Filter::default()
                    };
                    deletion(tagged).await
                }
                Write::Clear => deletion(Filter::default()).await,
                Write::DeleteSession => {
                    let of_session = Filter {
                        session_id: subject.session_id.clone(),
                        ..Filter::default()
                    };
                    deletion(of_session).await
                }
                Write::ForgetUser => {
                    engine.forget_user(&scope, "ann").await.unwrap();
                    false
                }
                Write::Import => {
                    let imported = engine.import(&scope, carried).await;
                    imported.into_iter().any(|result| result.unwrap() == Imported::Stored)
                }
                Write::Pending => {
                    engine.embed_pending(10).await.unwrap();
                    false
                }
                Write::Accesses => {
                    engine.flush_accesses().await.unwrap();
                    false
                }
                Write::Overflow => {
                    engine.store(&scope, beside("the next one", Vec::new())).await.unwrap();
                    false
                }
                Write::Promote | Write::Expire => {
                    engine.collect(&scope, false).await;
                    false
                }
            }
        })
    }

    /// Waits until a deletion has ended, or waits for the write that is held up.
    async fn settled(&self, deletion: &JoinHandle<bool>) {
        let mut idle = 0;
        while !deletion.is_finished() && idle < TURNS {
            yield_now().await;
            idle = if self.gate.running() == 0 { idle + 1 } else { 0 };
        }
    }

    async fn assert_gone(&self, subject: &Context, what: &str) {
        for engine in [&self.engine, &self.another()] {
            let got = engine.get(&self.scope, subject.id).await;
            assert!(matches!(got, Err(Error::NotFound(_))), "{what}: {got:?}");
            let of_session = SearchRequest {
                session_id: subject.session_id.clone(),
                ..query(TEXT)
            };
            let found = engine.search(&self.scope, of_session).await.unwrap().contexts;
            let is_found = found.iter().any(|found| found.context.id == subject.id);
            assert!(!is_found, "{what}: it is still served");
        }
        let stored = self.store.get(&self.scope, &[subject.id]).await.unwrap();
        assert_eq!(stored, [], "{what}");
    }
}

fn engine(
    store: Arc<dyn VectorStore>,
    model: &Arc<GatedModel>,
    clock: &Arc<ManualClock>,
    lifecycle: Lifecycle,
) -> Arc<ContextEngine> {
    let deps = Deps {
        sessions: None,
        store,
        embedder: Arc::clone(model) as _,
        table: None,
        on_embedding_failure: OnEmbeddingFailure::Pending,
        tokens: Encoding::Heuristic.counter(),
        clock: Arc::clone(clock) as _,
        analyzer: Analyzer::new(lexical::Config::default()),
    };
    let config = Config {
        l1_cache_size: 1,
        ..Config::default()
    };
    Arc::new(ContextEngine::new(config, deps).with_lifecycle(lifecycle))
}

/// Interleaves every write with every deletion, and returns what was deleted.
async fn deleted(store: Arc<dyn VectorStore>) -> Vec<(Scope, ContextId)> {
    let mut gone = Vec::new();
    let mut held = 0;
    for write in WRITES {
        for deletion in DELETIONS {
            for calls in 0..MOST_CALLS {
                let what = format!("{write:?}, held up after {calls} calls, and {deletion:?}");
                let mut case = Case::new(&store, &format!("{write:?}-{deletion:?}-{calls}"));
                let subject = case.prepared(write).await;
                let mut writing = case.begun(write, &subject).await;
                // The task has not had its turn yet: this runtime has one thread.
                case.gate.hold(calls);
                let ended = tokio::select! {
                    () = case.gate.reached() => None,
                    ended = &mut writing => Some(ended.unwrap()),
                };
                case.gate.hold(usize::MAX);
                let deleting = case.begun(deletion, &subject).await;
                case.settled(&deleting).await;
                let is_last = ended.is_some();
                let stored_anew = if let Some(stored_anew) = ended {
                    stored_anew
                } else {
                    case.gate.release();
                    writing.await.unwrap()
                };
                deleting.await.unwrap();
                // What says that it was stored after the deletion may be there.
                if !stored_anew {
                    case.assert_gone(&subject, &what).await;
                    gone.push((case.scope, subject.id));
                }
                if is_last {
                    break;
                }
                held += 1;
            }
        }
    }
    assert!(held > 2 * WRITES.len() * DELETIONS.len(), "{held}");
    gone
}

async fn assert_none_is_back(store: &dyn VectorStore, gone: Vec<(Scope, ContextId)>) {
    for (scope, id) in gone {
        assert_eq!(store.get(&scope, &[id]).await.unwrap(), [], "{scope:?}");
    }
}

#[tokio::test]
async fn in_memory_nothing_deleted_comes_back() {
    deleted(Arc::new(MemoryStore::new(DIMENSIONS))).await;
}

#[tokio::test]
async fn in_a_data_folder_nothing_deleted_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let config = embedded::Config {
            path: folder.path().join("data"),
            ..embedded::Config::default()
        };
        async move { EmbeddedStore::open(config, &fingerprint()).await.unwrap() }
    };
    let store = Arc::new(open().await);
    let gone = deleted(Arc::clone(&store) as _).await;
    store.close().await.unwrap();
    drop(store);
    let store = open().await;
    assert_none_is_back(&store, gone).await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn on_a_server_nothing_deleted_comes_back() {
    let mut server = StandIn::start("1.18.3");
    let store = QdrantStore::connect(&server.config(), &fingerprint()).await.unwrap();
    let gone = deleted(Arc::new(store)).await;
    server.restart();
    let store = QdrantStore::connect(&server.config(), &fingerprint()).await.unwrap();
    assert_none_is_back(&store, gone).await;
}
