//! Tests of stores that several processes share.

use std::collections::BTreeSet;
use std::time::Duration;

use context_manager_core::Filter;
use context_manager_core::context::{Context, Level};
use context_manager_core::ports::{
    Leases, MAX_DOCUMENT_BYTES, OffsetRange, SharedDocument, SharedDocuments, VectorStore,
};
use context_manager_vector_store::QdrantStore;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::fixture::{context, id, records, scope};

/// A lease belongs to one process until it is released or over, also when many ask at once.
pub(crate) async fn a_lease_has_one_holder(one: &dyn Leases, other: &dyn Leases) {
    let [mine, theirs] = [Uuid::now_v7(), Uuid::now_v7()];
    let at = |secs| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000) + SignedDuration::from_secs(secs);
    let take = async |store: &dyn Leases, name, holder, now, secs| {
        let taken = store.lease(name, holder, at(now), Duration::from_secs(secs)).await;
        taken.unwrap()
    };

    assert!(take(one, "work", mine, 0, 10).await);
    assert!(!take(other, "work", theirs, 9, 10).await, "it is taken");
    assert!(
        take(other, "other work", theirs, 9, 10).await,
        "other work has another lease"
    );
    assert!(take(one, "work", mine, 9, 10).await, "it can be renewed");
    assert!(!take(other, "work", theirs, 11, 0).await, "only the holder releases it");
    assert!(!take(other, "work", theirs, 18, 10).await);
    assert!(take(other, "work", theirs, 20, 10).await, "it is over");
    assert!(!take(one, "work", mine, 21, 10).await);
    assert!(take(other, "work", theirs, 22, 0).await);
    assert!(take(one, "work", mine, 23, 10).await, "it was released");

    let all = (0..8).map(|number| {
        let store = if number % 2 == 0 { one } else { other };
        take(store, "rush", Uuid::now_v7(), 0, 10)
    });
    let taken = join_all(all).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1);
}

fn range(count: u32, at_least: Option<u32>) -> OffsetRange {
    OffsetRange {
        session_id: "s".to_owned(),
        count,
        at_least,
    }
}

fn hours(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000 + hours)
}

async fn take(store: &dyn VectorStore, count: u32, at_least: Option<u32>) -> Option<u32> {
    let taken = store.take_offsets(&scope(), &[range(count, at_least)], hours(0)).await;
    taken.unwrap()[0]
}

/// No two processes get the same offset of a session.
pub(crate) async fn offsets_are_assigned_once(one: &QdrantStore, other: &QdrantStore) {
    assert!(one.is_shared() && other.is_shared());
    assert_eq!(take(one, 2, None).await, None, "no process has said where to start");
    assert_eq!(
        take(one, 0, Some(9)).await,
        None,
        "nothing is skipped without a counter"
    );
    assert_eq!(take(one, 2, Some(5)).await, Some(5));
    assert_eq!(take(other, 1, None).await, Some(7));
    assert_eq!(
        take(other, 1, Some(5)).await,
        Some(8),
        "an older lower bound has no effect"
    );
    assert_eq!(take(one, 0, Some(20)).await, Some(20));
    assert_eq!(take(other, 1, None).await, Some(20));

    let rush = (0..24_u32).map(|number| take([one, other][number as usize % 2], 1 + number % 3, None));
    let taken = join_all(rush).await;
    let sizes = (0..24_u32).map(|number| 1 + number % 3);
    let all: Vec<u32> = taken
        .into_iter()
        .zip(sizes)
        .flat_map(|(first, size)| first.unwrap()..first.unwrap() + size)
        .collect();
    let expected: BTreeSet<u32> = (21..69).collect();
    assert_eq!(all.len(), expected.len());
    assert_eq!(
        all.into_iter().collect::<BTreeSet<_>>(),
        expected,
        "none twice, and none left out"
    );

    // The counter does not wrap around.
    assert_eq!(take(one, 3, Some(u32::MAX - 1)).await, Some(u32::MAX - 1));
    assert_eq!(take(other, 1, None).await, Some(u32::MAX));

    // A counter that was not used for a day is removed.
    let (holder, time) = (Uuid::now_v7(), Duration::ZERO);
    one.lease("work", holder, hours(23), time).await.unwrap();
    assert_eq!(take(one, 0, Some(0)).await, Some(u32::MAX));
    one.lease("work", holder, hours(25), time).await.unwrap();
    assert_eq!(take(one, 0, Some(0)).await, None);
}

/// An update of an outdated context does not undo the change of another process.
pub(crate) async fn an_outdated_update_is_skipped(one: &dyn VectorStore, other: &dyn VectorStore) {
    let scope = scope();
    one.upsert(&scope, records(1..=3)).await.unwrap();
    let patched = Context {
        tags: vec!["patched".to_owned()],
        ..context(1)
    };
    other.update(&scope, vec![patched.clone()]).await.unwrap();
    let by_id = Filter::by_ids(vec![id(2)]);
    other.delete(&scope, &by_id).await.unwrap();
    let moved = |number| Context {
        level: Level::ShortTerm,
        ..context(number)
    };
    let changes = (1..=3).map(|number| (context(number), moved(number)));
    one.update_unchanged(&scope, changes.collect()).await.unwrap();
    let stored = other.get(&scope, &[id(1), id(2), id(3)]).await.unwrap();
    assert_eq!(stored, [patched.clone(), moved(3)]);
    // With the current context it is applied.
    let again = Context {
        level: Level::ShortTerm,
        ..patched.clone()
    };
    one.update_unchanged(&scope, vec![(patched, again.clone())])
        .await
        .unwrap();
    assert_eq!(other.get(&scope, &[id(1)]).await.unwrap(), [again]);
}

/// A document is replaced only by a process that has read its last text, also when many try at once.
pub(crate) async fn documents_are_replaced_by_readers_of_the_last_text(
    one: &dyn SharedDocuments,
    other: &dyn SharedDocuments,
) {
    assert_eq!(one.document("k", "d").await.unwrap(), None);
    assert_eq!(one.document_version("k", "d").await.unwrap(), None);
    let stranger = Some(Uuid::now_v7());
    assert_eq!(one.replace_document("k", "d", stranger, "x").await.unwrap(), None);
    assert_eq!(
        other.document("k", "d").await.unwrap(),
        None,
        "an update creates nothing"
    );

    let first = one.replace_document("k", "d", None, "first\n").await.unwrap();
    let kept = SharedDocument {
        version: first.unwrap(),
        text: "first\n".to_owned(),
    };
    assert_eq!(other.document("k", "d").await.unwrap().as_ref(), Some(&kept));
    assert_eq!(other.document_version("k", "d").await.unwrap(), first);
    for outdated in [None, stranger] {
        assert_eq!(other.replace_document("k", "d", outdated, "x").await.unwrap(), None);
    }
    let second = other.replace_document("k", "d", first, "").await.unwrap();
    assert!(second.is_some() && second != first);
    assert_eq!(one.replace_document("k", "d", first, "x").await.unwrap(), None);
    // The same text again is another version.
    let third = one.replace_document("k", "d", second, "").await.unwrap();
    assert!(third.is_some() && third != second);
    assert_eq!(one.document("k", "other").await.unwrap(), None);
    assert_eq!(one.document("l", "d").await.unwrap(), None);

    let rush = (0..8).map(async |number: usize| {
        let store = [one, other][number % 2];
        loop {
            let read = store.document("k", "rush").await.unwrap();
            let (version, text) = read.map_or((None, String::new()), |read| (Some(read.version), read.text));
            let longer = format!("{text}{number} ");
            if store
                .replace_document("k", "rush", version, &longer)
                .await
                .unwrap()
                .is_some()
            {
                break;
            }
        }
    });
    join_all(rush).await;
    let text = one.document("k", "rush").await.unwrap().unwrap().text;
    let written: BTreeSet<&str> = text.split_whitespace().collect();
    assert_eq!((written.len(), text.len()), (8, 16), "each has written once: {text}");

    let most = "k".repeat(MAX_DOCUMENT_BYTES);
    assert!(one.replace_document("k", "large", None, &most).await.unwrap().is_some());
    assert_eq!(other.document("k", "large").await.unwrap().unwrap().text, most);
    let refused = one.replace_document("k", "large", None, &format!("{most}k")).await;
    let source = std::error::Error::source(&refused.unwrap_err()).unwrap().to_string();
    assert!(source.contains("4194305 bytes"), "{source}");

    let small = one.replace_document("l", "d", None, "small").await.unwrap().unwrap();
    let listed = other.documents("l").await.unwrap();
    let expected = SharedDocument {
        version: small,
        text: "small".to_owned(),
    };
    assert_eq!(listed, [("d".to_owned(), expected)]);
    assert_eq!(other.documents("m").await.unwrap(), []);
    let names: BTreeSet<String> = other
        .documents("k")
        .await
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["d", "large", "rush"].map(str::to_owned).into());
    for _ in 0..2 {
        other.delete_document("k", "large").await.unwrap();
        assert_eq!(one.document("k", "large").await.unwrap(), None);
    }
    assert!(one.document("k", "d").await.unwrap().is_some());
}
