//! Copies of everything from one store into another, interrupted, repeated and compared.

use std::time::Duration;

use context_manager_core::Filter;
use context_manager_core::context::Level;
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Record, VectorStore};
use context_manager_vector_store::copy::{Copied, compare, copy};
use context_manager_vector_store::{MemoryStore, contract};
use serde_json::json;
use tonic::Code;

use crate::fixture::{context, id, new_store, record, records, scope};
use crate::qdrant;
use crate::standin::Fault;

/// Records with everything that a context can have.
fn rich(numbers: std::ops::Range<u64>) -> Vec<Record> {
    let rich = |number| {
        let mut record = record(number);
        let context = &mut record.context;
        context.level = Level::ALL[usize::try_from(number % 3).unwrap()];
        context.session_id = Some(format!("session {}", number % 7));
        context.user_id = Some("ü".to_owned());
        context.tags = vec!["b".to_owned(), "a".to_owned()];
        let metadata = json!({"z": u64::MAX, "a": {"y": [1.5, null], "x": "…"}});
        context.metadata.clone_from(metadata.as_object().unwrap());
        context.importance = 0.3;
        context.derived_from = vec![id(number + 1)];
        context.slot = Some(i64::MIN + i64::try_from(number).unwrap());
        if number % 5 == 0 {
            // Not embedded yet.
            context.embedded = false;
            record.dense = None;
        }
        record
    };
    numbers.map(rich).collect()
}

#[tokio::test]
async fn everything_comes_through_both_ways() {
    let (embedded, server, back) = (new_store().await, qdrant::new_store().await, new_store().await);
    embedded.upsert(&scope(), rich(0..700)).await.unwrap();
    let copied = copy(&*embedded, &*server, &scope(), |_| {}).await.unwrap();
    assert_eq!(
        copied,
        Copied {
            read: 700,
            written: 700
        }
    );
    let copied = copy(&*server, &*back, &scope(), |_| {}).await.unwrap();
    assert_eq!(
        copied,
        Copied {
            read: 700,
            written: 700
        }
    );
    for (from, to) in [
        (&*embedded as &dyn VectorStore, &*server as &dyn VectorStore),
        (&*embedded, &*back),
    ] {
        let compared = compare(from, to, &scope(), |_| {}).await.unwrap();
        assert!(compared.is_equal(), "{compared:?}");
        assert_eq!((compared.from.count, compared.to.count), (700, 700));
    }
}

#[tokio::test]
async fn an_interrupted_copy_goes_on_where_it_was() {
    let (from, to) = (new_store().await, MemoryStore::new(contract::DIMENSIONS));
    from.upsert(&scope(), records(0..1000)).await.unwrap();
    // Given up in the middle.
    let mut done = 0;
    {
        let (scope, halfway) = (scope(), tokio::sync::Notify::new());
        let copying = copy(&*from, &to, &scope, |count| {
            done += count;
            if done == 600 {
                halfway.notify_one();
            }
        });
        tokio::select! {
            biased;
            () = halfway.notified() => {}
            _ = copying => panic!("it was to be interrupted"),
        }
    }
    let there = to.count(&scope(), &Filter::default()).await.unwrap();
    assert!((600..1000).contains(&there), "{there}");
    // And some of it was lost, or changed.
    to.delete(&scope(), &Filter::by_ids(vec![id(3), id(400)]))
        .await
        .unwrap();
    to.update(&scope(), vec![context_with_other_text(5)]).await.unwrap();
    let copied = copy(&*from, &to, &scope(), |_| {}).await.unwrap();
    assert_eq!(
        copied,
        Copied {
            read: 1000,
            written: 1000 - there + 3
        }
    );
    assert!(compare(&*from, &to, &scope(), |_| {}).await.unwrap().is_equal());
    let copied = copy(&*from, &to, &scope(), |_| {}).await.unwrap();
    assert_eq!(copied, Copied { read: 1000, written: 0 });
}

fn context_with_other_text(number: u64) -> context_manager_core::context::Context {
    context_manager_core::context::Context {
        text: "changed".to_owned(),
        ..context(number)
    }
}

#[tokio::test]
async fn an_outage_is_waited_out() {
    let (from, to) = (new_store().await, qdrant::new_store().await);
    from.upsert(&scope(), records(0..300)).await.unwrap();
    let gone = || Fault::Refused(Code::Unavailable);
    // More often than the store itself repeats a call.
    to.server.faults().next(std::iter::repeat_with(gone).take(8));
    let scope = scope();
    let copying = copy(&*from, &*to, &scope, |_| {});
    let copied = tokio::time::timeout(Duration::from_mins(1), copying)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(copied.written, 300);
    assert_eq!(to.server.faults().left(), 0);
}

#[tokio::test]
async fn every_kind_of_difference_is_counted() {
    let (from, to) = (
        MemoryStore::new(contract::DIMENSIONS),
        MemoryStore::new(contract::DIMENSIONS),
    );
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
            terms: SparseVector::new([(1, 2.0)]),
            ..record(12)
        },
        Record {
            context: context_with_other_text(13),
            ..record(13)
        },
    ];
    to.upsert(&scope(), changed.to_vec()).await.unwrap();
    let compared = compare(&from, &to, &scope(), |_| {}).await.unwrap();
    assert_eq!((compared.missing, compared.extra, compared.different), (3, 5, 4));
    assert_eq!((compared.from.count, compared.to.count), (500, 502));
    assert!(!compared.is_equal() && compared.from.checksum != compared.to.checksum);
}

#[tokio::test]
async fn the_source_is_only_read() {
    let (from, to) = (new_store().await, MemoryStore::new(contract::DIMENSIONS));
    from.upsert(&scope(), records(0..100)).await.unwrap();
    let kept = MemoryStore::new(contract::DIMENSIONS);
    copy(&*from, &kept, &scope(), |_| {}).await.unwrap();
    // What only the target has does not come back.
    to.upsert(&scope(), records(200..210)).await.unwrap();
    copy(&*from, &to, &scope(), |_| {}).await.unwrap();
    assert!(compare(&*from, &kept, &scope(), |_| {}).await.unwrap().is_equal());
}
