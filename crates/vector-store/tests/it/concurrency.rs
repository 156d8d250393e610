//! Reads, writes and the optimiser at the same time.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use context_manager_core::context::{Context, Superseded};
use context_manager_core::ports::{ListRequest, ModelFingerprint, Record, VectorStore};
use context_manager_core::{Filter, Visibility};
use context_manager_vector_store::EmbeddedStore;
use context_manager_vector_store::embedded::Config;
use tokio::task::JoinSet;

use crate::fixture::{at, by_words, context, id, new_store, record, records, scope};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_and_readers_do_not_disturb_each_other() {
    let store = Arc::new(new_store().await);
    let mut tasks = JoinSet::new();
    for writer in 0..4_u64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mine = |number: u64| {
                let context = Context {
                    tags: vec![format!("writer-{writer}")],
                    ..context(writer * 1000 + number)
                };
                Record {
                    context,
                    ..record(writer * 1000 + number)
                }
            };
            for part in 0..20 {
                store
                    .upsert(&scope(), (part * 10..part * 10 + 10).map(mine).collect())
                    .await
                    .unwrap();
            }
            let half = Filter::by_ids((0..100).map(|number| id(writer * 1000 + number)).collect());
            let tagged = Filter {
                tags_any: vec![format!("writer-{writer}")],
                ..half
            };
            assert_eq!(store.delete(&scope(), &tagged).await.unwrap(), 100);
        });
    }
    for _ in 0..4 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..20 {
                for candidate in store.search(&scope(), by_words(&[1])).await.unwrap() {
                    assert_eq!(
                        candidate.record.context.text,
                        context(candidate.record.context.sequence).text
                    );
                }
                store.count(&scope(), &Filter::default()).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 400);
}

/// The engine moves what is updated from an optimised segment into another one. Who reads meanwhile must find it in
/// either, and not in none.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_context_under_update_is_always_found() {
    const COUNT: u64 = 3000;
    // Large vectors: the engine optimises by the megabyte.
    let model = ModelFingerprint {
        name: "large".to_owned(),
        dimensions: 1024,
        probe: "p".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        optimize_idle_secs: 1,
        hnsw_m: 4,
        hnsw_ef_construct: 8,
        ..at(folder.path())
    };
    let store = Arc::new(EmbeddedStore::open(config, &model).await.unwrap());
    for part in 0..COUNT / 100 {
        let large = |number| {
            let mut record = record(number);
            record.dense.as_mut().unwrap().resize(1024, 0.01);
            record
        };
        store
            .upsert(&scope(), (part * 100..part * 100 + 100).map(large).collect())
            .await
            .unwrap();
    }
    let optimised = async {
        while !has_graph(folder.path()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), optimised).await.unwrap();

    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        readers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), COUNT);
                let ids: Vec<_> = (0..COUNT).step_by(10).map(id).collect();
                assert_eq!(store.get(&scope(), &ids).await.unwrap().len(), ids.len());
            }
        });
    }
    for part in 0..COUNT / 100 {
        let pinned = |number| Context {
            pinned: true,
            ..context(number)
        };
        store
            .update(&scope(), (part * 100..part * 100 + 100).map(pinned).collect())
            .await
            .unwrap();
    }
    done.store(true, Ordering::Relaxed);
    readers.join_all().await;
    assert_eq!(store.search(&scope(), by_words(&[1])).await.unwrap().len(), 100);
    store.close().await.unwrap();
}

/// More records than the engine takes at once otherwise.
const MANY: u64 = 300;

/// A superseded context and its successor are one fact, which a list shows exactly once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_shows_either_a_superseded_context_or_its_successor() {
    let store = Arc::new(new_store().await);
    store.upsert(&scope(), records(0..MANY)).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        readers.spawn(async move {
            let current = Filter {
                visibility: Visibility::Current(context(0).created_at),
                ..Filter::default()
            };
            let request = ListRequest {
                filter: current,
                limit: 2 * usize::try_from(MANY).unwrap(),
                ..ListRequest::default()
            };
            let mut lists = 0;
            while !done.load(Ordering::Relaxed) {
                let page = store.list(&scope(), request.clone()).await.unwrap();
                let facts: BTreeSet<u64> = page.items.iter().map(|record| record.context.sequence % MANY).collect();
                assert_eq!(
                    (page.items.len(), facts.len()),
                    (MANY.try_into().unwrap(), MANY.try_into().unwrap())
                );
                lists += 1;
            }
            lists
        });
    }
    for round in 0..10 {
        let old = round * MANY..(round + 1) * MANY;
        let superseded = |number| {
            let by = Superseded {
                by: id(number + MANY),
                at: context(0).created_at,
            };
            Record {
                context: Context {
                    superseded_by: Some(by),
                    ..context(number)
                },
                ..record(number)
            }
        };
        let new = records(old.start + MANY..old.end + MANY);
        let replaced = store
            .replace(&scope(), new, old.map(superseded).collect())
            .await
            .unwrap();
        assert_eq!(replaced.len(), usize::try_from(MANY).unwrap());
    }
    done.store(true, Ordering::Relaxed);
    assert!(readers.join_all().await.into_iter().all(|lists| lists > 0));
}

/// Returns `true` if there is a vector index anywhere below a folder.
fn has_graph(folder: &Path) -> bool {
    // Folders of temporary segments come and go.
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let temporary = entry.file_name() == "temp_segments";
        let graph = entry.file_name().to_string_lossy().starts_with("graph");
        graph || (!temporary && entry.path().is_dir() && has_graph(&entry.path()))
    })
}

#[tokio::test]
async fn cancelled_calls_leave_the_store_intact() {
    let store = new_store().await;
    for part in 0..20 {
        let scope = scope();
        let upsert = store.upsert(&scope, records(part * 10..part * 10 + 10));
        let _given_up = tokio::time::timeout(Duration::ZERO, upsert).await;
        let search = store.search(&scope, by_words(&[1]));
        let _given_up = tokio::time::timeout(Duration::ZERO, search).await;
    }
    store.upsert(&scope(), records(0..200)).await.unwrap();
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 200);
}

#[tokio::test]
async fn a_long_listing_of_sessions_lets_writes_through() {
    const SESSIONS: u64 = 300;
    let store = new_store().await;
    let in_session = |number: u64| {
        let mut record = record(number);
        record.context.session_id = Some(format!("s{:03}", number % SESSIONS));
        record
    };
    store
        .upsert(&scope(), (0..SESSIONS).map(in_session).collect())
        .await
        .unwrap();
    let listed = AtomicBool::new(false);
    let scope = scope();
    let list = async {
        let page = store.sessions(&scope, &Filter::default(), None, 1000).await.unwrap();
        assert_eq!(page.items.len() as u64, SESSIONS);
        listed.store(true, Ordering::Relaxed);
    };
    let write = async {
        // It replaces, for which no read may run.
        for number in 0..10 {
            store.update(&scope, vec![in_session(number).context]).await.unwrap();
        }
        assert!(
            !listed.load(Ordering::Relaxed),
            "ten changes took longer than the listing"
        );
    };
    futures::future::join(list, write).await;
}
