//! The store on a Qdrant server: the contract and failures of the server, over gRPC against the [stand-in](crate::standin).

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::Filter;
use context_manager_core::context::Context;
use context_manager_core::ports::{Record, SharedDocuments, StoreError, StoreErrorKind, VectorStore};
use context_manager_resilience::{CircuitBreaker, CircuitBreakerConfig, CircuitState};
use context_manager_vector_store::qdrant::{Config, QdrantDocuments};
use context_manager_vector_store::{PayloadTooLarge, QdrantStore};
use tonic::Code;

use crate::fixture::{by_words, context, id, model, record, records, scope};
use crate::sharing;
use crate::standin::{Fault, StandIn};

/// Version of the protocol that the stand-in speaks.
pub(crate) const VERSION: &str = "1.20.0";

/// Store with a server of its own.
pub(crate) struct Served {
    store: QdrantStore,
    pub(crate) server: StandIn,
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

/// Checks that an operation failed in a way that tells to retry later.
#[track_caller]
fn assert_unavailable(error: &StoreError) {
    let is_unavailable = matches!(error.kind, StoreErrorKind::Unavailable(Some(_)));
    assert!(is_unavailable, "{error:?}");
}

/// Connects a store with these settings to a new server.
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
async fn a_lease_has_one_holder() {
    let one = new_store().await;
    let other = QdrantStore::connect(&one.server.config(), &model()).await.unwrap();
    sharing::a_lease_has_one_holder(&*one, &other).await;
}

/// Two processes with documents on a server without our collection.
fn documents(server: &StandIn) -> [QdrantDocuments; 2] {
    [(); 2].map(|()| QdrantDocuments::new(&server.config()).unwrap())
}

#[tokio::test]
async fn documents_are_replaced_by_readers_of_the_last_text() {
    let server = StandIn::start(VERSION);
    let [one, other] = documents(&server);
    sharing::documents_are_replaced_by_readers_of_the_last_text(&one, &other).await;
}

#[tokio::test]
async fn a_server_that_ignores_conditions_of_writes_keeps_no_documents() {
    let server = StandIn::start("1.17.9");
    let [one, _] = documents(&server);
    let refused = one.replace_document("k", "d", None, "x").await.unwrap_err();
    let source = std::error::Error::source(&refused).unwrap().to_string();
    assert!(source.contains("1.18 or later is needed"), "{source}");
}

#[tokio::test]
async fn an_outage_is_told_and_a_document_outlives_it() {
    let mut server = StandIn::start(VERSION);
    server.stop();
    let [one, other] = documents(&server);
    assert_unavailable(&one.document("k", "d").await.unwrap_err());
    assert_unavailable(&one.replace_document("k", "d", None, "x").await.unwrap_err());
    server.restart();
    let version = one.replace_document("k", "d", None, "x").await.unwrap();
    server.faults().always(Fault::NotApplied);
    assert_unavailable(&one.replace_document("k", "d", version, "y").await.unwrap_err());
    server.faults().next([]);
    assert_eq!(
        other.document("k", "d").await.unwrap().unwrap().text,
        "y",
        "it may have been applied"
    );
}

#[tokio::test]
async fn processes_respect_each_other() {
    let one = new_store().await;
    let other = QdrantStore::connect(&one.server.config(), &model()).await.unwrap();
    sharing::offsets_are_assigned_once(&one, &other).await;
    sharing::an_outdated_update_is_skipped(&*one, &other).await;
}

#[tokio::test]
async fn a_refused_call_tells_whether_to_retry() {
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
    // A call that is told to wait is not retried at once.
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
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
    assert_unavailable(&late);
    store.server.faults().next([]);
    assert_eq!(store.count(&scope, &everything).await.unwrap(), 0);
}

#[tokio::test]
async fn transient_errors_are_retried() {
    let store = new_store().await;
    let gone = || Fault::Refused(Code::Unavailable);
    store.server.faults().next([gone(), gone(), Fault::None]);
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    store.server.faults().next([gone(), Fault::None]);
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 3);
    assert_eq!(store.server.faults().left(), 0);
}

#[tokio::test]
async fn an_outage_during_a_deletion_fails_it_and_a_retry_finishes_it() {
    let store = new_store().await;
    store.upsert(&scope(), records(0..2500)).await.unwrap();
    let gone = || Fault::Refused(Code::Unavailable);
    // The first page is found and deleted, the second is found.
    let faults = [Fault::None, Fault::None, Fault::None, gone(), gone(), gone()];
    store.server.faults().next(faults);
    let refused = store.delete(&scope(), &Filter::default()).await.unwrap_err();
    assert_unavailable(&refused);
    let left = store.count(&scope(), &Filter::default()).await.unwrap();
    assert_eq!(left, 1500);
    assert_eq!(store.delete(&scope(), &Filter::default()).await.unwrap(), left);
}

#[tokio::test]
async fn a_half_written_batch_fails_and_a_retry_completes_it() {
    let store = new_store().await;
    store
        .server
        .faults()
        .next([Fault::HalfWritten, Fault::HalfWritten, Fault::HalfWritten]);
    let refused = store.upsert(&scope(), records(0..10)).await.unwrap_err();
    assert_unavailable(&refused);
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 5);
    store.server.faults().next([Fault::HalfWritten, Fault::None]);
    store.upsert(&scope(), records(0..10)).await.unwrap();
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 10);
}

#[tokio::test]
async fn a_write_that_was_accepted_but_not_applied_fails() {
    let store = new_store().await;
    store.server.faults().always(Fault::NotApplied);
    for refused in [
        store.upsert(&scope(), records(1..=3)).await.unwrap_err(),
        store.update(&scope(), vec![context(1)]).await.unwrap_err(),
        store.delete(&scope(), &Filter::default()).await.unwrap_err(),
    ] {
        assert_unavailable(&refused);
    }
}

#[tokio::test]
async fn an_outage_of_the_server_needs_no_restart() {
    let mut store = new_store().await;
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    for _ in 0..3 {
        store.server.stop();
        let refused = store.count(&scope(), &Filter::default()).await.unwrap_err();
        assert_unavailable(&refused);
        store.server.restart();
        assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 3);
    }
}

#[tokio::test]
async fn a_failing_server_opens_the_circuit() {
    let server = StandIn::start(VERSION);
    let circuit = CircuitBreakerConfig {
        consecutive_failures: 2,
        open_ms: 200,
        ..CircuitBreakerConfig::default()
    };
    let circuit = Arc::new(CircuitBreaker::new("qdrant", circuit));
    let (config, model) = (server.config(), model());
    let connect = QdrantStore::connect_through(&config, Some(Arc::clone(&circuit)), &model);
    let store = connect.await.unwrap();
    let (scope, everything) = (scope(), Filter::default());
    // An invalid argument is no failure of the server.
    server.faults().always(Fault::Refused(Code::InvalidArgument));
    for _ in 0..5 {
        store.count(&scope, &everything).await.unwrap_err();
    }
    assert_eq!(circuit.state(), CircuitState::Closed);
    server.faults().always(Fault::Refused(Code::Unavailable));
    for _ in 0..2 {
        store.count(&scope, &everything).await.unwrap_err();
    }
    assert_eq!(circuit.state(), CircuitState::Open);
    server.faults().next([]);
    let refused = store.count(&scope, &everything).await.unwrap_err();
    assert_unavailable(&refused);
    // It recovers by itself.
    let recovered = async {
        while store.count(&scope, &everything).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), recovered).await.unwrap();
}

#[tokio::test]
async fn many_pages_are_written_listed_and_deleted() {
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
async fn a_context_that_is_too_large_is_not_sent() {
    let store = new_store().await;
    let large = |number, bytes: usize| Context {
        text: "x".repeat(bytes),
        ..context(number)
    };
    // In quotes, beside an empty list and an empty object.
    let most = 65_536 - 6;
    let fits = Record {
        context: large(1, most),
        ..record(1)
    };
    store.upsert(&scope(), vec![fits]).await.unwrap();
    let refused = store.update(&scope(), vec![large(1, most + 1)]).await.unwrap_err();
    let source = std::error::Error::source(&refused).unwrap();
    let too_large: &PayloadTooLarge = source.downcast_ref().unwrap();
    assert_eq!((too_large.actual, too_large.maximum), (65_537, 65_536));
}
