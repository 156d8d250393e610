//! Contexts in memory: loaded when they are used, evicted when memory is short, and the same as those on disk.

use std::time::Duration;

use context_manager_core::context::{Context, ContextId};
use context_manager_core::ports::{MemoryUse, Record, StoreQuery, VectorStore};
use context_manager_core::{Filter, Scope, TenantId};
use context_manager_vector_store::EmbeddedStore;
use context_manager_vector_store::embedded::Config;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::fixture::{TempStore, at, by_words, id, model, open, record, records, scope};

async fn usage_when(store: &EmbeddedStore, is_reached: impl Fn(&MemoryUse) -> bool) -> MemoryUse {
    let start = Instant::now();
    loop {
        let usage = store.memory().await.unwrap();
        if is_reached(&usage) {
            return usage;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "still {usage:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn found(store: &EmbeddedStore, scope: &Scope, query: StoreQuery) -> Vec<ContextId> {
    let found = store.search(scope, query).await.unwrap();
    let mut ids: Vec<ContextId> = found.iter().map(|found| found.record.context.id).collect();
    ids.sort_unstable();
    ids
}

fn of(number: u64) -> StoreQuery {
    by_words(&[1000 + u32::try_from(number).unwrap()])
}

fn tenant(number: usize) -> Scope {
    Scope::maintenance(TenantId::try_new(&format!("tenant-{number}")).unwrap())
}

async fn store_with(memory_bytes: u64) -> TempStore {
    let config = Config {
        memory_bytes,
        ..Config::default()
    };
    TempStore::with(config, &model()).await
}

#[tokio::test]
async fn a_tenant_is_loaded_when_it_is_used_and_finds_what_the_disk_finds() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.upsert(&scope(), records(0..2500)).await.unwrap();
    store.close().await.unwrap();

    let store = open(folder.path()).await;
    assert_eq!(store.memory().await.unwrap().tenants, 0, "nobody has asked yet");
    let on_disk = found(&store, &scope(), of(77)).await;
    usage_when(&store, |usage| usage.contexts == 2500).await;
    assert_eq!(found(&store, &scope(), of(77)).await, on_disk);

    let changed = Record {
        context: Context {
            user_id: Some("ann".to_owned()),
            ..record(77).context
        },
        ..record(3)
    };
    store.upsert(&scope(), vec![changed]).await.unwrap();
    store.delete(&scope(), &Filter::by_ids(vec![id(78)])).await.unwrap();
    let in_memory = found(&store, &scope(), of(77)).await;
    assert!(!in_memory.contains(&id(77)) && !in_memory.contains(&id(78)));
    store.close().await.unwrap();
    let without_memory = Config {
        memory_bytes: 0,
        ..at(folder.path())
    };
    let store = EmbeddedStore::open(without_memory, &model()).await.unwrap();
    assert_eq!(found(&store, &scope(), of(77)).await, in_memory);
    store.close().await.unwrap();
}

#[tokio::test]
async fn writes_while_a_tenant_is_loaded_are_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.upsert(&scope(), records(0..3000)).await.unwrap();
    store.close().await.unwrap();

    let store = open(folder.path()).await;
    found(&store, &scope(), of(1)).await;
    for number in 0..200 {
        store.upsert(&scope(), records([5000 + number])).await.unwrap();
        store.delete(&scope(), &Filter::by_ids(vec![id(number)])).await.unwrap();
    }
    let usage = usage_when(&store, |usage| usage.tenants == 1).await;
    assert_eq!(usage.contexts, 3000);
    for number in 0..200 {
        assert!(
            found(&store, &scope(), of(5000 + number))
                .await
                .contains(&id(5000 + number))
        );
        assert!(!found(&store, &scope(), of(number)).await.contains(&id(number)));
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn idle_tenants_are_evicted_when_memory_is_short() {
    let store = store_with(150_000).await;
    for number in 0..6 {
        store.upsert(&tenant(number), records(0..100)).await.unwrap();
    }
    for _ in 0..2 {
        for number in 0..6 {
            let hits = found(&store, &tenant(number), of(50)).await;
            assert!(hits.contains(&id(50)), "tenant {number}");
            let usage = usage_when(&store, |usage| usage.bytes <= usage.budget_bytes).await;
            assert!(usage.tenants < 6, "{usage:?}");
        }
    }
}

#[tokio::test]
async fn a_tenant_larger_than_the_memory_is_searched_on_disk() {
    let store = store_with(20_000).await;
    store.upsert(&scope(), records(0..300)).await.unwrap();
    assert!(found(&store, &scope(), of(250)).await.contains(&id(250)));
    let usage = store.memory().await.unwrap();
    assert_eq!((usage.tenants, usage.contexts), (0, 0));
}

#[tokio::test]
async fn accesses_are_counted_beside_the_contexts_and_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.upsert(&scope(), records(0..3)).await.unwrap();
    let served = [(id(1), 0), (id(2), 0)];
    for _ in 0..3 {
        assert!(
            store
                .count_accesses(&scope(), &served, Timestamp::UNIX_EPOCH)
                .await
                .unwrap()
        );
    }
    let counts = async |store: &EmbeddedStore| {
        let contexts = store.get(&scope(), &[id(0), id(1), id(2)]).await.unwrap();
        contexts.iter().map(|context| context.access_count).collect::<Vec<_>>()
    };
    assert_eq!(counts(&store).await, [0, 3, 3]);
    // A change writes the count into the context.
    let change = store.get(&scope(), &[id(1)]).await.unwrap();
    store.update(&scope(), change).await.unwrap();
    store.delete(&scope(), &Filter::by_ids(vec![id(2)])).await.unwrap();
    store.upsert(&scope(), records([2])).await.unwrap();
    assert_eq!(counts(&store).await, [0, 3, 0]);
    let copy = folder.path().with_extension("copy");
    crate::fixture::copy(folder.path(), &copy);
    let after_a_crash = open(&copy).await;
    assert_eq!(counts(&after_a_crash).await, [0, 3, 0]);
    after_a_crash.close().await.unwrap();
    std::fs::remove_dir_all(copy).unwrap();
    store.close().await.unwrap();
}
