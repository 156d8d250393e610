//! Several embedded stores as one keep the contract, and never look for a tenant in the wrong one.

use std::ops::Deref;
use std::path::Path;

use context_manager_core::ports::{ModelChange, ModelFingerprint, StoredModels, VectorStore};
use context_manager_core::{Filter, Scope, TenantId};
use context_manager_vector_store::embedded::Config;
use context_manager_vector_store::{EmbeddedStore, Error, ShardedStore};
use tempfile::TempDir;

use crate::fixture::{at, contents, id, model, records, wait_for};

/// A sharded store whose folder goes away with it.
struct Temporary {
    store: ShardedStore,
    _folder: TempDir,
}

impl Deref for Temporary {
    type Target = ShardedStore;

    fn deref(&self) -> &ShardedStore {
        &self.store
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        wait_for(self.store.close()).unwrap();
    }
}

async fn new_store() -> Temporary {
    let folder = tempfile::tempdir().unwrap();
    Temporary {
        store: open(&folder.path().join("data"), 3).await,
        _folder: folder,
    }
}

mod contract {
    use super::new_store;

    context_manager_vector_store::contract!(new_store);
}

fn with(path: &Path, shards: u32) -> Config {
    Config { shards, ..at(path) }
}

async fn open(path: &Path, shards: u32) -> ShardedStore {
    ShardedStore::open(with(path, shards), &model()).await.unwrap()
}

fn scope(tenant: &str) -> Scope {
    Scope::authenticated(TenantId::try_new(tenant).unwrap())
}

/// Tenants that are in all of three shards.
const TENANTS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

async fn fill(store: &ShardedStore) {
    for tenant in TENANTS {
        store.upsert(&scope(tenant), records(1..=10)).await.unwrap();
    }
}

#[tokio::test]
async fn every_tenant_is_in_one_shard_and_found_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 3).await;
    fill(&store).await;
    store.close().await.unwrap();
    let store = open(folder.path(), 3).await;
    for tenant in TENANTS {
        assert_eq!(store.count(&scope(tenant), &Filter::default()).await.unwrap(), 10);
    }
    let mut tenants = store.tenants(&Filter::default()).await.unwrap();
    tenants.sort();
    assert_eq!(tenants.iter().map(TenantId::as_str).collect::<Vec<_>>(), TENANTS);
    store.close().await.unwrap();
    let mut used = 0;
    for number in 0..3 {
        let path = folder.path().join(format!("shard-{number}"));
        let shard = EmbeddedStore::open(at(&path), &model()).await.unwrap();
        used += usize::from(!shard.tenants(&Filter::default()).await.unwrap().is_empty());
        shard.close().await.unwrap();
    }
    assert_eq!(used, 3);
}

#[tokio::test]
async fn another_number_of_shards_is_refused_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 3).await;
    fill(&store).await;
    store.close().await.unwrap();
    let before = contents(folder.path());
    let error = ShardedStore::open(with(folder.path(), 2), &model()).await.unwrap_err();
    let message = error.to_string();
    assert!(
        ["has 3 shard", "is 2", "migrate"]
            .iter()
            .all(|part| message.contains(part)),
        "{message}"
    );
    let error = ShardedStore::open(with(folder.path(), 1), &model()).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::ShardsChanged {
                stored: 3,
                configured: 1,
                ..
            }
        ),
        "{error}"
    );
    let error = EmbeddedStore::open(at(folder.path()), &model()).await.unwrap_err();
    assert!(matches!(error, Error::Sharded { .. }), "{error}");
    assert!(contents(folder.path()) == before, "it was changed");
    open(folder.path(), 3).await.close().await.unwrap();
}

#[tokio::test]
async fn a_folder_without_shards_is_not_divided() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(at(folder.path()), &model()).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let before = contents(folder.path());
    let error = ShardedStore::open(with(folder.path(), 2), &model()).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::ShardsChanged {
                stored: 1,
                configured: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(contents(folder.path()) == before, "it was changed");
}

#[tokio::test]
async fn a_shard_that_is_missing_is_an_error_and_no_empty_shard() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), 3).await.close().await.unwrap();
    let shard = folder.path().join("shard-1");
    std::fs::rename(&shard, folder.path().join("elsewhere")).unwrap();
    let error = ShardedStore::open(with(folder.path(), 3), &model()).await.unwrap_err();
    assert!(error.to_string().contains("shard 1 of 3 is missing"), "{error}");
    assert!(!shard.exists());
}

#[tokio::test]
async fn what_was_half_made_is_made_whole_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let half = serde_json::json!({"shards": 3, "complete": false});
    std::fs::write(folder.path().join("shards.json"), half.to_string()).unwrap();
    let shard = EmbeddedStore::open(at(&folder.path().join("shard-0")), &model())
        .await
        .unwrap();
    shard.close().await.unwrap();
    drop(shard);
    let store = open(folder.path(), 3).await;
    fill(&store).await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn two_stores_never_have_the_same_shards() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 2).await;
    let error = ShardedStore::open(with(folder.path(), 2), &model()).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_change_of_the_model_reaches_all_shards_also_when_it_was_interrupted() {
    let other = ModelFingerprint {
        name: "other".to_owned(),
        dimensions: 2,
        probe: "5678".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 3).await;
    fill(&store).await;
    store.add_model(&other).await.unwrap();
    for tenant in TENANTS {
        let vectors = (1..=10).map(|number| (id(number), vec![1.0, 0.0])).collect();
        store.set_other_vectors(&scope(tenant), vectors).await.unwrap();
    }
    assert!(store.models().await.unwrap().other.unwrap().filling);
    store.close().await.unwrap();
    drop(store);

    // As if the process had ended after the first shard.
    let shard = EmbeddedStore::open(at(&folder.path().join("shard-0")), &model())
        .await
        .unwrap();
    shard.switch().await.unwrap();
    shard.close().await.unwrap();
    drop(shard);
    let stored = ShardedStore::stored_models(folder.path()).unwrap().unwrap();
    assert_eq!(stored.in_use, other);
    let store = ShardedStore::open(with(folder.path(), 3), &other).await.unwrap();
    let StoredModels { in_use, other: before } = store.models().await.unwrap();
    assert_eq!((in_use, before.unwrap().model), (other.clone(), model()));
    for tenant in TENANTS {
        let query = context_manager_core::ports::StoreQuery {
            dense: Some(vec![1.0, 0.0]),
            terms: None,
            filter: Filter::default(),
            limit: 100,
            exact: false,
        };
        assert_eq!(store.search(&scope(tenant), query).await.unwrap().len(), 10);
    }

    // And back, without an interruption.
    store.add_model(&model()).await.unwrap();
    store.switch().await.unwrap();
    assert_eq!(store.models().await.unwrap().in_use, model());
    store.close().await.unwrap();
}
