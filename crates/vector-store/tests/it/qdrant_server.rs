//! The contract, on a real Qdrant server.
//!
//! The server is at `QDRANT_URL`, with the key in `QDRANT_API_KEY` if it needs one. Every test creates a collection of its
//! own and removes it at its end. The tests are ignored by default, as the workspace has no Qdrant server: `cargo xtask
//! integration` runs them.

use std::env;
use std::ops::Deref;

use context_manager_core::Filter;
use context_manager_core::ports::VectorStore;
use context_manager_vector_store::qdrant::{Config, QdrantDocuments, Quantization};
use context_manager_vector_store::{Error, QdrantStore};
use futures::future::join_all;
use qdrant_client::Qdrant;
use uuid::Uuid;

use crate::fixture::{by_words, model, records, scope, wait_for};
use crate::sharing;

/// Store on the real server. Dropping it removes its collection.
struct OnServer {
    store: QdrantStore,
    config: Config,
}

impl Deref for OnServer {
    type Target = QdrantStore;

    fn deref(&self) -> &QdrantStore {
        &self.store
    }
}

impl Drop for OnServer {
    fn drop(&mut self) {
        let (url, name) = (
            self.config.url.clone().unwrap(),
            format!("{}_contexts", self.config.collection_prefix),
        );
        let remove = async move {
            let client = Qdrant::from_url(&url).api_key(env::var("QDRANT_API_KEY"));
            let client = client.skip_compatibility_check().build().unwrap();
            client.delete_collection(format!("{name}_leases")).await.unwrap();
            client.delete_collection(name).await.unwrap();
        };
        wait_for(remove);
    }
}

/// Returns settings with a new collection.
fn config() -> Config {
    let url = env::var("QDRANT_URL").expect("QDRANT_URL is set, as `cargo xtask integration` does");
    Config {
        url: Some(url),
        api_key: env::var("QDRANT_API_KEY").ok().map(Into::into),
        collection_prefix: format!("test_{}", Uuid::now_v7().simple()),
        timeout_secs: 30,
        ..Config::default()
    }
}

async fn connect(config: Config) -> OnServer {
    let store = QdrantStore::connect(&config, &model()).await.unwrap();
    OnServer { store, config }
}

async fn new_store() -> OnServer {
    connect(config()).await
}

mod contract {
    use super::new_store;

    context_manager_vector_store::contract!(new_store, ignored "needs a Qdrant server: cargo xtask integration");
}

#[tokio::test]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn a_lease_has_one_holder() {
    let one = new_store().await;
    let other = QdrantStore::connect(&one.config, &model()).await.unwrap();
    sharing::a_lease_has_one_holder(&*one, &other).await;
}

#[tokio::test]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn documents_are_replaced_by_readers_of_the_last_text() {
    let server = new_store().await;
    let [one, other] = [(); 2].map(|()| QdrantDocuments::new(&server.config).unwrap());
    sharing::documents_are_replaced_by_readers_of_the_last_text(&one, &other).await;
}

#[tokio::test]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn processes_respect_each_other() {
    let one = new_store().await;
    let other = QdrantStore::connect(&one.config, &model()).await.unwrap();
    sharing::offsets_are_assigned_once(&one, &other).await;
    sharing::an_outdated_update_is_skipped(&*one, &other).await;
}

#[tokio::test]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn every_setting_is_accepted() {
    for quantization in [Quantization::None, Quantization::Int8, Quantization::Binary] {
        let store = connect(Config {
            quantization,
            on_disk: true,
            shard_number: Some(2),
            hnsw_m: 8,
            hnsw_ef_construct: 32,
            ..config()
        })
        .await;
        store.upsert(&scope(), records(0..300)).await.unwrap();
        assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 300);
        assert_eq!(store.search(&scope(), by_words(&[1])).await.unwrap().len(), 100);
    }
}

#[tokio::test]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn replicas_that_start_at_once_agree() {
    let config = config();
    let model = model();
    let stores = join_all((0..8).map(|_| QdrantStore::connect(&config, &model))).await;
    let mut stores: Vec<QdrantStore> = stores.into_iter().map(Result::unwrap).collect();
    let first = OnServer {
        store: stores.remove(0),
        config: config.clone(),
    };
    for (number, store) in (1..).zip(&stores) {
        store.upsert(&scope(), records([number])).await.unwrap();
    }
    assert_eq!(first.count(&scope(), &Filter::default()).await.unwrap(), 7);
    assert_eq!(QdrantStore::stored_model(&config).await.unwrap(), Some(model));
}

#[tokio::test]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn another_model_is_refused() {
    let store = new_store().await;
    let other = context_manager_core::ports::ModelFingerprint {
        probe: "5678".to_owned(),
        ..model()
    };
    let error = QdrantStore::connect(&store.config, &other).await.unwrap_err();
    assert!(matches!(error, Error::CollectionModelChanged { .. }), "{error}");
}
