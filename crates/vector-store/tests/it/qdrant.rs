//! The store on a Qdrant server keeps the contract, and survives what may happen to a server. All over gRPC, against the
//! [stand-in](crate::standin).

use std::ops::Deref;
use std::time::Duration;

use context_manager_core::Filter;
use context_manager_core::context::Context;
use context_manager_core::ports::{ModelFingerprint, StoreErrorKind, VectorStore};
use context_manager_vector_store::qdrant::Config;
use context_manager_vector_store::{Error, PayloadTooLarge, QdrantStore};
use futures::future::join_all;
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::{
    CollectionConfig, CreateCollection, CreateCollectionBuilder, Distance, Modifier, SparseVectorParamsBuilder,
    SparseVectorsConfigBuilder, VectorParamsBuilder, VectorsConfigBuilder,
};
use tonic::Code;

use crate::fixture::{by_words, context, id, model, record, records, scope};
use crate::standin::{Fault, StandIn};

/// The version of the protocol that the stand-in speaks.
const VERSION: &str = "1.20.0";

/// A store, and the server that goes away with it.
pub(crate) struct Served {
    store: QdrantStore,
    server: StandIn,
}

impl Deref for Served {
    type Target = QdrantStore;

    fn deref(&self) -> &QdrantStore {
        &self.store
    }
}

pub(crate) async fn new_store() -> Served {
    with(Config::default()).await
}

/// A store with these settings.
async fn with(config: Config) -> Served {
    let server = StandIn::start(VERSION);
    let config = Config {
        url: server.config().url,
        ..config
    };
    Served {
        store: QdrantStore::connect(&config, &model()).await.unwrap(),
        server,
    }
}

mod contract_over_grpc {
    use super::new_store;

    context_manager_vector_store::contract!(new_store);
}

#[tokio::test]
async fn a_refused_call_says_whether_to_come_back() {
    let store = new_store().await;
    for (code, expected) in [
        (Code::Unavailable, true),
        (Code::DeadlineExceeded, true),
        (Code::ResourceExhausted, true),
        (Code::Internal, false),
        (Code::Unauthenticated, false),
    ] {
        store.server.faults().always(Fault::Refused(code));
        for refused in [
            store.count(&scope(), &Filter::default()).await.unwrap_err(),
            store.upsert(&scope(), records(1..=3)).await.unwrap_err(),
            store.search(&scope(), by_words(&[1])).await.unwrap_err(),
        ] {
            let later = matches!(refused.kind, StoreErrorKind::Unavailable(Some(_)));
            assert_eq!(later, expected, "{code}: {refused:?}");
        }
    }
    store.server.faults().next([Fault::Limited(30)]);
    let refused = store.count(&scope(), &Filter::default()).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Unavailable(Some(Duration::from_secs(30))));
    // Told to wait, it does not come back at once.
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_over() {
    let config = Config {
        timeout_secs: 1,
        ..Config::default()
    };
    let store = with(config).await;
    store.server.faults().always(Fault::Late(Duration::from_mins(1)));
    let (scope, everything) = (scope(), Filter::default());
    let count = store.count(&scope, &everything);
    let late = tokio::time::timeout(Duration::from_secs(10), count)
        .await
        .unwrap()
        .unwrap_err();
    assert!(matches!(late.kind, StoreErrorKind::Unavailable(Some(_))), "{late:?}");
    store.server.faults().next([]);
    assert_eq!(store.count(&scope, &everything).await.unwrap(), 0);
}

#[tokio::test]
async fn what_ends_a_call_for_a_moment_is_not_noticed() {
    let store = new_store().await;
    let gone = || Fault::Refused(Code::Unavailable);
    store.server.faults().next([gone(), gone(), Fault::None]);
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    store.server.faults().next([gone(), Fault::None]);
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 3);
    assert_eq!(store.server.faults().left(), 0);
}

#[tokio::test]
async fn an_outage_in_the_middle_of_a_deletion_fails_it_and_repeating_finishes_it() {
    let store = new_store().await;
    store.upsert(&scope(), records(0..2500)).await.unwrap();
    let gone = || Fault::Refused(Code::Unavailable);
    // The first page is found and deleted, the second is found.
    let faults = [Fault::None, Fault::None, Fault::None, gone(), gone(), gone()];
    store.server.faults().next(faults);
    let refused = store.delete(&scope(), &Filter::default()).await.unwrap_err();
    assert!(
        matches!(refused.kind, StoreErrorKind::Unavailable(Some(_))),
        "{refused:?}"
    );
    let left = store.count(&scope(), &Filter::default()).await.unwrap();
    assert_eq!(left, 1500);
    assert_eq!(store.delete(&scope(), &Filter::default()).await.unwrap(), left);
}

#[tokio::test]
async fn a_half_written_batch_is_not_acknowledged_and_repeating_makes_it_whole() {
    let store = new_store().await;
    store
        .server
        .faults()
        .next([Fault::HalfWritten, Fault::HalfWritten, Fault::HalfWritten]);
    let refused = store.upsert(&scope(), records(0..10)).await.unwrap_err();
    assert!(
        matches!(refused.kind, StoreErrorKind::Unavailable(Some(_))),
        "{refused:?}"
    );
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 5);
    store.server.faults().next([Fault::HalfWritten, Fault::None]);
    store.upsert(&scope(), records(0..10)).await.unwrap();
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 10);
}

#[tokio::test]
async fn a_write_that_was_accepted_but_not_applied_is_not_acknowledged() {
    let store = new_store().await;
    store.server.faults().always(Fault::NotApplied);
    for refused in [
        store.upsert(&scope(), records(1..=3)).await.unwrap_err(),
        store.update(&scope(), vec![context(1)]).await.unwrap_err(),
        store.delete(&scope(), &Filter::default()).await.unwrap_err(),
    ] {
        assert!(
            matches!(refused.kind, StoreErrorKind::Unavailable(Some(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn an_outage_of_the_server_is_survived_without_a_restart() {
    let mut store = new_store().await;
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    for _ in 0..3 {
        store.server.stop();
        let refused = store.count(&scope(), &Filter::default()).await.unwrap_err();
        assert!(
            matches!(refused.kind, StoreErrorKind::Unavailable(Some(_))),
            "{refused:?}"
        );
        store.server.restart();
        assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 3);
    }
}

#[tokio::test]
async fn more_than_fits_on_a_page_is_written_listed_and_deleted() {
    let store = new_store().await;
    store.upsert(&scope(), records(0..2345)).await.unwrap();
    let keys: Vec<_> = (0..2345).map(|number| context(number).content_key()).collect();
    assert_eq!(store.find_by_content(&scope(), &keys).await.unwrap().len(), 2345);
    let ids: Vec<_> = (0..2345).rev().map(id).collect();
    let got = store.get(&scope(), &ids).await.unwrap();
    assert_eq!(got.into_iter().map(|context| context.id).collect::<Vec<_>>(), ids);
    assert_eq!(store.delete(&scope(), &Filter::default()).await.unwrap(), 2345);
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let store = new_store().await;
    let large = |number, bytes: usize| Context {
        text: "x".repeat(bytes),
        ..context(number)
    };
    // In quotes, beside an empty list and an empty object.
    let most = 65_536 - 6;
    let fits = context_manager_core::ports::Record {
        context: large(1, most),
        ..record(1)
    };
    store.upsert(&scope(), vec![fits]).await.unwrap();
    let refused = store.update(&scope(), vec![large(1, most + 1)]).await.unwrap_err();
    let source = std::error::Error::source(&refused).unwrap();
    let too_large: &PayloadTooLarge = source.downcast_ref().unwrap();
    assert_eq!((too_large.actual, too_large.maximum), (65_537, 65_536));
}

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
    assert_eq!(indexes.len(), 10);
    assert_eq!(QdrantStore::stored_model(&config).await.unwrap(), Some(model));
}

/// Connecting fails, the collection is left exactly as it was, and the message names it.
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
            "context-manager reembed".to_owned(),
        ];
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 3);
}

/// Makes a collection under the name of ours.
async fn occupy(server: &StandIn, collection: CreateCollection) {
    let url = server.config().url.unwrap();
    let mut collections = CollectionsClient::connect(url).await.unwrap();
    collections.create(collection).await.unwrap();
}

fn foreign(size: u64, distance: Distance, metadata: &CollectionConfig) -> CreateCollection {
    let mut vectors = VectorsConfigBuilder::default();
    vectors.add_named_vector_params("dense", VectorParamsBuilder::new(size, distance));
    let mut words = SparseVectorsConfigBuilder::default();
    words.add_named_vector_params("text", SparseVectorParamsBuilder::default().modifier(Modifier::Idf));
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
