//! Comparisons of what two stores have.

use std::time::Duration;

use context_manager_core::Filter;
use context_manager_core::context::Context;
use context_manager_core::ports::{Record, VectorStore};
use context_manager_vector_store::compare::compare;
use context_manager_vector_store::{MemoryStore, contract};
use tonic::Code;

use crate::fixture::{context, id, new_store, record, records, scope};
use crate::qdrant;
use crate::standin::Fault;

#[tokio::test]
async fn stores_of_every_kind_are_the_same_through_an_outage() {
    let (embedded, server) = (new_store().await, qdrant::new_store().await);
    let everything = Filter::default();
    for store in [&*embedded as &dyn VectorStore, &*server] {
        store.upsert(&scope(), records(0..300)).await.unwrap();
    }
    let gone = || Fault::Refused(Code::Unavailable);
    // More often than the store itself repeats a call.
    server.server.faults().next(std::iter::repeat_with(gone).take(8));
    let scope = scope();
    let comparing = compare(&*embedded, &*server, &scope, &everything, |_| {});
    let compared = tokio::time::timeout(Duration::from_mins(1), comparing)
        .await
        .unwrap()
        .unwrap();
    assert!(compared.is_equal(), "{compared:?}");
    assert_eq!((compared.from.count, compared.to.count), (300, 300));
    assert_eq!(server.server.faults().left(), 0);
}

#[tokio::test]
async fn every_kind_of_difference_is_counted() {
    let stores = || MemoryStore::new(contract::DIMENSIONS);
    let (from, to, everything) = (stores(), stores(), Filter::default());
    from.upsert(&scope(), records(0..500)).await.unwrap();
    to.upsert(&scope(), records(3..505)).await.unwrap();
    let changed = [
        Record {
            dense: Some(vec![0.0, 0.0, 1.0, 0.0]),
            ..record(10)
        },
        Record {
            dense: None,
            ..record(11)
        },
        Record {
            context: Context {
                text: "changed".to_owned(),
                ..context(12)
            },
            ..record(12)
        },
        // Recomputed by every import.
        Record {
            context: Context {
                token_count: 77,
                ..context(13)
            },
            terms: record(14).terms,
            ..record(13)
        },
    ];
    to.upsert(&scope(), changed.to_vec()).await.unwrap();
    let compared = compare(&from, &to, &scope(), &everything, |_| {}).await.unwrap();
    assert_eq!((compared.missing, compared.extra, compared.different), (3, 5, 3));
    assert_eq!((compared.from.count, compared.to.count), (500, 502));
    assert!(!compared.is_equal() && compared.from.checksum != compared.to.checksum);
    let same = Filter::by_ids((100..200).map(id).collect());
    assert!(compare(&from, &to, &scope(), &same, |_| {}).await.unwrap().is_equal());
}
