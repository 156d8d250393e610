//! Slow, silent and broken connections to a Qdrant server, against the [stand-in](crate::standin).

use std::time::Duration;

use context_manager_core::Filter;
use context_manager_core::ports::{StoreErrorKind, VectorStore};
use context_manager_vector_store::QdrantStore;
use context_manager_vector_store::qdrant::Config;
use tokio::time::Instant;

use crate::fixture::{model, record, records, scope};
use crate::proxy::{Proxy, Way};
use crate::qdrant::VERSION;
use crate::standin::StandIn;

/// Connects a store to its server through a proxy, with this timeout.
async fn behind_proxy(timeout_secs: u64) -> (QdrantStore, Proxy, StandIn) {
    let server = StandIn::start(VERSION);
    let url = server.config().url.unwrap();
    let proxy = Proxy::start(url.trim_start_matches("http://").to_owned()).await;
    let config = Config {
        url: Some(format!("http://{}", proxy.address)),
        timeout_secs,
        ..Config::default()
    };
    let store = QdrantStore::connect(&config, &model()).await.unwrap();
    (store, proxy, server)
}

async fn count(store: &QdrantStore) -> Result<u64, StoreErrorKind> {
    let counted = store.count(&scope(), &Filter::default()).await;
    counted.map_err(|error| error.kind)
}

#[tokio::test]
async fn a_broken_connection_is_replaced_without_an_error() {
    let (store, proxy, _server) = behind_proxy(10).await;
    for number in 0..20 {
        proxy.be(Way::Broken);
        proxy.be(Way::Open);
        store.upsert(&scope(), vec![record(number)]).await.unwrap();
    }
    assert_eq!(count(&store).await, Ok(20));
}

#[tokio::test]
async fn calls_fail_while_connections_break_and_work_again_afterwards() {
    let (store, proxy, _server) = behind_proxy(10).await;
    store.upsert(&scope(), records(0..10)).await.unwrap();
    proxy.be(Way::Broken);
    assert!(matches!(count(&store).await, Err(StoreErrorKind::Unavailable(Some(_)))));
    let refused = store.upsert(&scope(), records(10..20)).await.unwrap_err();
    assert!(
        matches!(refused.kind, StoreErrorKind::Unavailable(Some(_))),
        "{refused:?}"
    );
    proxy.be(Way::Open);
    assert_eq!(count(&store).await, Ok(10));
}

#[tokio::test]
async fn a_slow_connection_is_waited_for() {
    let (store, proxy, _server) = behind_proxy(10).await;
    let delay = Duration::from_millis(150);
    proxy.be(Way::Slow(delay));
    let started = Instant::now();
    store.upsert(&scope(), records(0..10)).await.unwrap();
    assert!(started.elapsed() >= delay);
    assert_eq!(count(&store).await, Ok(10));
}

#[tokio::test]
async fn a_silent_connection_times_out_and_is_used_again_once_it_answers() {
    let (store, proxy, _server) = behind_proxy(1).await;
    store.upsert(&scope(), records(0..10)).await.unwrap();
    proxy.be(Way::Silent);
    let started = Instant::now();
    assert!(matches!(count(&store).await, Err(StoreErrorKind::Unavailable(Some(_)))));
    assert!(started.elapsed() < Duration::from_secs(5));
    proxy.be(Way::Open);
    let recovered = async {
        while count(&store).await != Ok(10) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), recovered).await.unwrap();
}
