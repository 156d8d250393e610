//! Creation and checks of the collection, against the [stand-in](crate::standin).

use std::collections::HashMap;

use context_manager_core::Filter;
use context_manager_core::ports::{ModelFingerprint, VectorStore};
use context_manager_vector_store::qdrant::Config;
use context_manager_vector_store::{Error, QdrantStore, StoreHandle};
use futures::future::join_all;
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::{
    CollectionConfig, CreateCollection, CreateCollectionBuilder, Distance, SparseVectorParamsBuilder,
    SparseVectorsConfigBuilder, VectorParamsBuilder, VectorsConfigBuilder,
};
use serde_json::json;

use crate::fixture::{model, records, scope};
use crate::qdrant::{VERSION, new_store};
use crate::standin::StandIn;

#[tokio::test]
async fn replicas_that_start_at_once_agree() {
    let server = StandIn::start(VERSION);
    let config = server.config();
    let model = model();
    let stores = join_all((0..8).map(|_| QdrantStore::connect(&config, &model))).await;
    for (number, store) in (1..).zip(&stores) {
        let store = store.as_ref().unwrap();
        store.upsert(&scope(), records([number])).await.unwrap();
    }
    let first = stores[0].as_ref().unwrap();
    assert_eq!(first.count(&scope(), &Filter::default()).await.unwrap(), 8);
    let (_, indexes) = server.collection("context_manager_contexts").unwrap();
    assert_eq!(indexes.len(), 11);
    assert_eq!(QdrantStore::stored_model(&config).await.unwrap(), Some(model));
}

/// Checks that connecting fails with a message that names the collection and leaves it unchanged.
async fn refused(server: &StandIn, model: &ModelFingerprint) -> Error {
    let before = server.collection("context_manager_contexts");
    let error = QdrantStore::connect(&server.config(), model).await.unwrap_err();
    assert!(
        server.collection("context_manager_contexts") == before,
        "it was changed: {error}"
    );
    assert!(error.to_string().contains("context_manager_contexts"), "{error}");
    error
}

#[tokio::test]
async fn another_model_is_refused_with_the_ways_out() {
    let store = new_store().await;
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    for other in [
        ModelFingerprint {
            name: "other".to_owned(),
            ..model()
        },
        ModelFingerprint {
            dimensions: 8,
            ..model()
        },
    ] {
        let error = refused(&store.server, &other).await;
        assert!(matches!(error, Error::CollectionModelChanged { .. }), "{error}");
        let message = error.to_string();
        let parts = [
            model().to_string(),
            other.to_string(),
            "vector_db.collection_prefix".to_owned(),
        ];
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 3);
}

#[tokio::test]
async fn an_unverified_model_is_completed_once_and_by_no_other() {
    let server = StandIn::start(VERSION);
    let config = server.config();
    let unverified = ModelFingerprint::unverified(model().name, model().dimensions);
    let stores = join_all((0..2).map(|_| QdrantStore::connect(&config, &unverified))).await;
    let [one, other] = [&stores[0], &stores[1]].map(|store| store.as_ref().unwrap());
    one.complete_model(&model()).await.unwrap();
    other.complete_model(&model()).await.unwrap();
    let later = ModelFingerprint {
        probe: "5678".to_owned(),
        ..model()
    };
    let error = other.complete_model(&later).await.unwrap_err();
    assert!(matches!(error, Error::CollectionModelChanged { .. }), "{error}");
    assert_eq!(QdrantStore::stored_model(&config).await.unwrap(), Some(model()));
    QdrantStore::connect(&config, &model()).await.unwrap();
}

/// Creates another collection with the name of ours.
async fn occupy(server: &StandIn, collection: CreateCollection) {
    let url = server.config().url.unwrap();
    let mut collections = CollectionsClient::connect(url).await.unwrap();
    collections.create(collection).await.unwrap();
}

fn foreign(size: u64, distance: Distance, metadata: &CollectionConfig) -> CreateCollection {
    let mut vectors = VectorsConfigBuilder::default();
    vectors.add_named_vector_params("dense", VectorParamsBuilder::new(size, distance));
    let mut words = SparseVectorsConfigBuilder::default();
    words.add_named_vector_params("text", SparseVectorParamsBuilder::default());
    CreateCollection {
        metadata: metadata.metadata.clone(),
        ..CreateCollectionBuilder::new("context_manager_contexts")
            .vectors_config(vectors)
            .sparse_vectors_config(words)
            .build()
    }
}

#[tokio::test]
async fn a_foreign_collection_is_refused_and_untouched() {
    let ours = new_store().await;
    let (ours, _) = ours.server.collection("context_manager_contexts").unwrap();
    let unmarked = CollectionConfig::default();
    let manifest = json!({ "format": 1, "model": model(), "groups": 8 }).to_string();
    let by_tenant = CollectionConfig {
        metadata: HashMap::from([("context_manager".to_owned(), manifest.into())]),
        ..CollectionConfig::default()
    };
    let bare = CreateCollection {
        metadata: ours.metadata.clone(),
        ..CreateCollectionBuilder::new("context_manager_contexts").build()
    };
    for (collection, difference) in [
        (
            foreign(4, Distance::Cosine, &unmarked),
            "no `context_manager` in its metadata",
        ),
        (foreign(4, Distance::Dot, &ours), "not compared by cosine"),
        (
            foreign(8, Distance::Cosine, &ours),
            "has 8 dimensions, and its metadata says 4",
        ),
        (bare, "no vector `dense`"),
        (
            foreign(4, Distance::Cosine, &by_tenant),
            "it is sharded by tenant, which this version does not read",
        ),
    ] {
        let server = StandIn::start(VERSION);
        occupy(&server, collection).await;
        let error = refused(&server, &model()).await;
        assert!(matches!(error, Error::ForeignCollection { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(difference), "{message}");
        assert!(message.contains("vector_db.collection_prefix"), "{message}");
    }
}

#[tokio::test]
async fn installations_share_a_server_by_their_prefixes() {
    let server = StandIn::start(VERSION);
    let prefixed = |prefix: &str| Config {
        collection_prefix: prefix.to_owned(),
        ..server.config()
    };
    let first = QdrantStore::connect(&prefixed("a"), &model()).await.unwrap();
    let second = QdrantStore::connect(&prefixed("b"), &model()).await.unwrap();
    first.upsert(&scope(), records(1..=3)).await.unwrap();
    assert_eq!(second.count(&scope(), &Filter::default()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    let server = StandIn::start("1.17.1");
    let error = QdrantStore::connect(&server.config(), &model()).await.unwrap_err();
    assert!(matches!(error, Error::ServerTooOld { .. }), "{error}");
    assert_eq!(server.collection("context_manager_contexts"), None);
    let server = StandIn::start("1.18.0");
    QdrantStore::connect(&server.config(), &model()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let mut server = StandIn::start(VERSION);
    server.stop();
    let error = QdrantStore::connect(&server.config(), &model()).await.unwrap_err();
    assert!(matches!(error, Error::Server { .. }), "{error}");
    assert!(error.to_string().contains(&server.config().url.unwrap()), "{error}");
}
