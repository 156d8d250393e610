//! The embedded store keeps the contract, and what it keeps survives.

use context_manager_core::Filter;
use context_manager_core::context::Context;
use context_manager_core::ports::{ListRequest, StoreErrorKind, VectorStore};
use context_manager_vector_store::EmbeddedStore;
use context_manager_vector_store::embedded::{Config, Durability};
use futures::future::{join, join_all};

use crate::fixture::{TempStore, at, by_words, context, copy, id, model, new_store, open, records, scope};

mod contract {
    use super::new_store;

    context_manager_vector_store::contract!(new_store);
}

/// Tenants that do not fit into memory are searched by the engine.
mod contract_without_memory {
    use super::{Config, TempStore, model};

    async fn new_store() -> TempStore {
        let config = Config {
            memory_bytes: 0,
            ..Config::default()
        };
        TempStore::with(config, &model()).await
    }

    context_manager_vector_store::contract!(new_store);
}

/// Everything there is to see in a store.
async fn everything(store: &EmbeddedStore) -> Vec<context_manager_core::ports::Record> {
    let request = ListRequest {
        limit: 10_000,
        with_vectors: true,
        ..ListRequest::default()
    };
    store.list(&scope(), request).await.unwrap().items
}

#[tokio::test]
async fn everything_is_there_after_closing_and_opening() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.upsert(&scope(), records(1..=300)).await.unwrap();
    store
        .update(
            &scope(),
            vec![Context {
                pinned: true,
                ..context(7)
            }],
        )
        .await
        .unwrap();
    assert_eq!(store.delete(&scope(), &Filter::by_ids(vec![id(8)])).await.unwrap(), 1);
    store.set_analyzer("1:auto").await.unwrap();
    let before = everything(&store).await;
    assert_eq!(before.len(), 299);
    store.close().await.unwrap();

    for _ in 0..2 {
        let store = open(folder.path()).await;
        assert_eq!(everything(&store).await, before);
        assert_eq!(store.analyzer().await.unwrap().as_deref(), Some("1:auto"));
        assert_eq!(
            store.search(&scope(), by_words(&[1299])).await.unwrap()[0]
                .record
                .context,
            context(299)
        );
        store.close().await.unwrap();
    }
}

/// Copies the folder of an open store that was never flushed, as a killed process would leave it.
async fn acknowledged_writes_are_in_a_copy_of_the_folder(config: Config) {
    let (store_folder, copy_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = store_folder.path().join("data");
    let store = EmbeddedStore::open(
        Config {
            path: path.clone(),
            ..config
        },
        &model(),
    )
    .await
    .unwrap();
    store.upsert(&scope(), records(1..=500)).await.unwrap();
    store
        .update(
            &scope(),
            vec![Context {
                pinned: true,
                ..context(7)
            }],
        )
        .await
        .unwrap();
    assert_eq!(
        store
            .delete(&scope(), &Filter::by_ids(vec![id(8), id(9)]))
            .await
            .unwrap(),
        2
    );
    let before = everything(&store).await;
    copy(&path, copy_folder.path());
    // Not a word to the first one about it.
    let recovered = open(copy_folder.path()).await;
    assert_eq!(everything(&recovered).await, before);
    assert_eq!(recovered.count(&scope(), &Filter::default()).await.unwrap(), 498);
    recovered.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn acknowledged_writes_survive_a_killed_process() {
    let never = 1_000_000;
    let config = Config {
        flush_interval_secs: never,
        optimize_idle_secs: never,
        ..Config::default()
    };
    acknowledged_writes_are_in_a_copy_of_the_folder(config).await;
}

#[tokio::test]
async fn with_fsync_acknowledged_writes_are_flushed() {
    let never = 1_000_000;
    let fsync = Config {
        durability: Durability::Fsync,
        optimize_idle_secs: never,
        ..Config::default()
    };
    acknowledged_writes_are_in_a_copy_of_the_folder(fsync.clone()).await;

    // The log is what the engine has not flushed: without it, only what was flushed is there.
    let (store_folder, copy_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = store_folder.path().join("data");
    let store = EmbeddedStore::open(
        Config {
            path: path.clone(),
            ..fsync
        },
        &model(),
    )
    .await
    .unwrap();
    let scope = scope();
    let upserts = join_all((0..20).map(|part| store.upsert(&scope, records(part * 10..part * 10 + 10)))).await;
    assert!(upserts.iter().all(Result::is_ok));
    copy(&path, copy_folder.path());
    std::fs::remove_dir_all(copy_folder.path().join("shard/wal")).unwrap();
    let recovered = open(copy_folder.path()).await;
    assert_eq!(everything(&recovered).await.len(), 200);
    recovered.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_store_accepts_nothing_and_can_be_closed_again() {
    let store = new_store().await;
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    for refused in [
        store.upsert(&scope(), records(4..=4)).await.unwrap_err(),
        store.count(&scope(), &Filter::default()).await.unwrap_err(),
        store.flush().await.unwrap_err(),
        store.size_bytes().await.unwrap_err(),
    ] {
        assert_eq!(refused.kind, StoreErrorKind::Unavailable(None), "{refused}");
    }
}

#[tokio::test]
async fn queued_writes_are_applied_on_close() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let scope = scope();
    let writes = (0..50).map(|part| store.upsert(&scope, records(part * 10..part * 10 + 10)));
    let (written, closed) = join(join_all(writes), store.close()).await;
    closed.unwrap();
    let acknowledged = written.iter().filter(|result| result.is_ok()).count();
    assert!(acknowledged > 0);
    let store = open(folder.path()).await;
    assert_eq!(
        store.count(&scope, &Filter::default()).await.unwrap(),
        acknowledged as u64 * 10
    );
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_store_saves_everything_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.upsert(&scope(), records(1..=10)).await.unwrap();
    drop(store);
    let store = loop {
        match EmbeddedStore::open(at(folder.path()), &model()).await {
            Ok(store) => break store,
            Err(context_manager_vector_store::Error::InUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 10);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_is_not_filled_up() {
    let store = TempStore::with(
        Config {
            min_free_bytes: u64::MAX,
            ..Config::default()
        },
        &model(),
    )
    .await;
    let refused = store.upsert(&scope(), records(1..=3)).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::DiskFull);
    assert!(
        std::error::Error::source(&refused)
            .unwrap()
            .to_string()
            .contains("bytes left")
    );
    assert_eq!(
        store.count(&scope(), &Filter::default()).await.unwrap(),
        0,
        "reads go on"
    );
}

#[tokio::test]
async fn a_full_queue_refuses_writes() {
    let config = Config {
        write_queue: 1,
        durability: Durability::Fsync,
        ..Config::default()
    };
    let store = TempStore::with(config, &model()).await;
    let scope = scope();
    let writes = (0..200).map(|part| store.upsert(&scope, records([part])));
    let refused: Vec<_> = join_all(writes).await.into_iter().filter_map(Result::err).collect();
    assert!(!refused.is_empty());
    assert!(
        refused
            .iter()
            .all(|error| matches!(error.kind, StoreErrorKind::Unavailable(Some(_)))),
        "{refused:?}"
    );
    let stored = store.count(&scope, &Filter::default()).await.unwrap();
    assert_eq!(stored, 200 - refused.len() as u64);
}

#[tokio::test]
async fn the_size_is_that_of_the_folder() {
    let store = new_store().await;
    let before = store.size_bytes().await.unwrap();
    assert!(before > 0);
    store.upsert(&scope(), records(1..=2000)).await.unwrap();
    store.flush().await.unwrap();
    assert!(store.size_bytes().await.unwrap() > before);
}
