//! Tests of what processes that share a store do not do to each other.

use std::collections::BTreeSet;

use context_manager_core::context::{Context, Level};
use context_manager_core::ports::{Leases, PositionRange, VectorStore};
use context_manager_vector_store::QdrantStore;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::fixture::{context, id, records, scope};

fn range(count: u32, at_least: Option<u32>) -> PositionRange {
    PositionRange {
        session_id: "s".to_owned(),
        count,
        at_least,
    }
}

fn hours(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000 + hours)
}

async fn take(store: &dyn VectorStore, count: u32, at_least: Option<u32>) -> Option<u32> {
    let taken = store
        .take_positions(&scope(), &[range(count, at_least)], hours(0))
        .await;
    taken.unwrap()[0]
}

/// Every position of a session is given out once, whoever asks and at whatever moment.
pub(crate) async fn positions_are_given_out_once(one: &QdrantStore, other: &QdrantStore) {
    assert!(one.is_shared() && other.is_shared());
    assert_eq!(take(one, 2, None).await, None, "nobody has said where it begins");
    assert_eq!(
        take(one, 0, Some(9)).await,
        None,
        "where nothing is counted, nothing is passed over"
    );
    assert_eq!(take(one, 2, Some(5)).await, Some(5));
    assert_eq!(take(other, 1, None).await, Some(7));
    assert_eq!(
        take(other, 1, Some(5)).await,
        Some(8),
        "a look that is older is of no use"
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

    // The end is no beginning.
    assert_eq!(take(one, 3, Some(u32::MAX - 1)).await, Some(u32::MAX - 1));
    assert_eq!(take(other, 1, None).await, Some(u32::MAX));

    // What was not used for a day is counted anew.
    let holder = uuid::Uuid::now_v7();
    let time = std::time::Duration::ZERO;
    one.lease("work", holder, hours(23), time).await.unwrap();
    assert_eq!(take(one, 0, Some(0)).await, Some(u32::MAX));
    one.lease("work", holder, hours(25), time).await.unwrap();
    assert_eq!(take(one, 0, Some(0)).await, None);
}

/// Checks that writing what was read a while ago does not undo what another process did meanwhile.
pub(crate) async fn a_change_is_not_overwritten_by_who_has_not_seen_it(one: &dyn VectorStore, other: &dyn VectorStore) {
    let scope = scope();
    one.upsert(&scope, records(1..=3)).await.unwrap();
    let patched = Context {
        tags: vec!["patched".to_owned()],
        ..context(1)
    };
    other.update(&scope, vec![patched.clone()]).await.unwrap();
    let by_id = context_manager_core::Filter::by_ids(vec![id(2)]);
    other.delete(&scope, &by_id).await.unwrap();
    let moved = |number| Context {
        level: Level::ShortTerm,
        ..context(number)
    };
    let changes = (1..=3).map(|number| (context(number), moved(number)));
    one.update_unchanged(&scope, changes.collect()).await.unwrap();
    let stored = other.get(&scope, &[id(1), id(2), id(3)]).await.unwrap();
    assert_eq!(stored, [patched.clone(), moved(3)]);
    // Once it was read again it can be moved.
    let again = Context {
        level: Level::ShortTerm,
        ..patched.clone()
    };
    one.update_unchanged(&scope, vec![(patched, again.clone())])
        .await
        .unwrap();
    assert_eq!(other.get(&scope, &[id(1)]).await.unwrap(), [again]);
}
