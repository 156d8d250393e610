//! Turns among processes that share a store.

use std::time::Duration;

use context_manager_core::ports::Leases;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A turn is one process's until it gives it back or its time is over, also when all ask at the same moment.
pub(crate) async fn a_turn_is_one_processes_until_it_ends(one: &dyn Leases, other: &dyn Leases) {
    let [mine, theirs] = [Uuid::now_v7(), Uuid::now_v7()];
    let at = |secs| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000) + SignedDuration::from_secs(secs);
    let take = async |store: &dyn Leases, what, holder, now, secs| {
        let taken = store.lease(what, holder, at(now), Duration::from_secs(secs)).await;
        taken.unwrap()
    };

    assert!(take(one, "work", mine, 0, 10).await);
    assert!(!take(other, "work", theirs, 9, 10).await, "it is taken");
    assert!(
        take(other, "other work", theirs, 9, 10).await,
        "other work has turns of its own"
    );
    assert!(take(one, "work", mine, 9, 10).await, "it can be prolonged");
    assert!(
        !take(other, "work", theirs, 11, 0).await,
        "nobody gives back what is another's"
    );
    assert!(!take(other, "work", theirs, 18, 10).await);
    assert!(take(other, "work", theirs, 20, 10).await, "it is over");
    assert!(!take(one, "work", mine, 21, 10).await);
    assert!(take(other, "work", theirs, 22, 0).await);
    assert!(take(one, "work", mine, 23, 10).await, "it was given back");

    let all = (0..8).map(|number| {
        let store = if number % 2 == 0 { one } else { other };
        take(store, "rush", Uuid::now_v7(), 0, 10)
    });
    let taken = futures::future::join_all(all).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1);
}
