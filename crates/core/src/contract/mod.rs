//! The contract that every [session cache](crate::ports::SessionCache) keeps, as tests.
//!
//! Each clause is a function that takes empty caches of the processes on one store, and panics if they break it.
//! [`session_cache_contract!`](crate::session_cache_contract!) makes each a test of its own. To run them against another
//! implementation, enable the feature `contract` of this crate.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a clause fails by panicking")]

mod fixture;
mod interleaved;

use std::sync::Arc;

use crate::Filter;
use crate::context::Level;
use crate::lexical::SparseVector;
use crate::ports::{Affected, Cached, Change, Record, SessionCache, SessionKey};

use fixture::{key, record};
pub use interleaved::caches_equal_the_store;

/// Makes every clause of the contract a test of the caches that the asynchronous function `$new` returns: anything that is a
/// slice of them by `AsRef`, such as an array, or a struct that also owns a server.
///
/// `session_cache_contract!(new, ignored "why")` makes tests that only run when asked for.
#[macro_export]
macro_rules! session_cache_contract {
    (@each $new:path, $attributes:tt, $($clause:ident)+) => {
        $($crate::session_cache_contract!(@test $new, $attributes, $clause);)+
    };
    (@test $new:path, [$($attribute:tt)*], $clause:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $clause() {
            let caches = $new().await;
            $crate::contract::$clause(caches.as_ref()).await;
        }
    };
    ($new:path $(, ignored $why:literal)?) => {
        $crate::session_cache_contract!(@each $new, [$(#[ignore = $why])?],
            a_filled_session_is_a_hit
            a_read_that_a_write_overtakes_is_refused
            changes_are_followed
            a_promotion_is_read_from_the_store
            deletions_are_followed
            an_unknown_outcome_is_a_miss
            a_cleared_cache_is_empty
            caches_equal_the_store
        );
    };
}

/// Reads a session as the engine does: what is missing is filled with what `stored` holds.
async fn fill(cache: &dyn SessionCache, key: &SessionKey, stored: &[Record]) -> bool {
    let Cached::Miss(ticket) = cache.get(key).await else {
        panic!("the session is cached, or being written")
    };
    let stored: Vec<Arc<Record>> = stored.iter().cloned().map(Arc::new).collect();
    cache.fill(key, ticket, &stored).await
}

async fn entries(cache: &dyn SessionCache, key: &SessionKey) -> Option<Vec<Record>> {
    match cache.get(key).await {
        Cached::Hit(entries) => Some(entries.iter().map(|entry| (**entry).clone()).collect()),
        Cached::Miss(_) => None,
        other @ (Cached::Busy | Cached::Unavailable) => panic!("nothing is being written, but the answer is {other:?}"),
    }
}

async fn write(cache: &dyn SessionCache, key: &SessionKey, changes: Vec<Change>) {
    let affected = Affected::Sessions(vec![key.session.clone()]);
    let announced = cache.begin(&key.tenant, affected).await.unwrap();
    cache.commit(announced, changes).await;
}

/// A session that one process has filled is read by all, each session of each tenant by itself.
pub async fn a_filled_session_is_a_hit(caches: &[Arc<dyn SessionCache>]) {
    let keys = [
        key("t", Some("a")),
        key("t", Some("b")),
        key("t", None),
        key("u", Some("a")),
    ];
    for (at, of) in keys.iter().enumerate() {
        let number = 10 * at as u64;
        assert!(fill(&*caches[0], of, &[record(of, number), record(of, number + 1)]).await);
    }
    for cache in caches {
        for (at, of) in keys.iter().enumerate() {
            let number = 10 * at as u64;
            assert_eq!(
                entries(&**cache, of).await.unwrap(),
                [record(of, number), record(of, number + 1)]
            );
        }
    }
}

/// A read that began before a write is not cached.
pub async fn a_read_that_a_write_overtakes_is_refused(caches: &[Arc<dyn SessionCache>]) {
    let of = key("t", Some("overtaken"));
    for (reader, writer) in [(0, caches.len() - 1), (caches.len() - 1, 0)] {
        let Cached::Miss(ticket) = caches[reader].get(&of).await else {
            panic!("nothing is cached yet")
        };
        // In process, a session that is not in memory has nothing that a write could overtake but its changes.
        write(&*caches[writer], &of, vec![Change::Updated(record(&of, 1).context)]).await;
        assert!(!caches[reader].fill(&of, ticket, &[Arc::new(record(&of, 1))]).await);
        assert_eq!(entries(&*caches[writer], &of).await, None);
    }
}

/// Every kind of change to one session shows in the next read, by any process.
pub async fn changes_are_followed(caches: &[Arc<dyn SessionCache>]) {
    let (of, other) = (key("t", Some("followed")), key("t", Some("other")));
    let (writer, reader) = (&*caches[0], &*caches[caches.len() - 1]);
    fill(writer, &of, &[record(&of, 1), record(&of, 2)]).await;
    fill(writer, &other, &[record(&other, 9)]).await;
    let mut expected = vec![record(&of, 1), record(&of, 2), record(&of, 3)];
    (expected[2].context.embedded, expected[2].dense) = (false, None);
    write(writer, &of, vec![Change::Added(expected[2].clone())]).await;
    assert_eq!(entries(reader, &of).await.unwrap(), expected);
    assert_eq!(
        entries(writer, &of).await.unwrap(),
        expected,
        "also by the process that wrote"
    );

    "another text".clone_into(&mut expected[0].context.text);
    expected[0].terms = SparseVector::new([(1, 1.0)]);
    expected[1].context.importance = 0.25;
    (expected[2].context.embedded, expected[2].dense) = (true, Some(vec![0.0, 0.0, 1.0]));
    let changes = vec![
        Change::Replaced(expected[0].clone()),
        Change::Updated(expected[1].context.clone()),
        Change::Embedded(expected[2].context.clone(), vec![0.0, 0.0, 1.0]),
    ];
    write(writer, &of, changes).await;
    assert_eq!(entries(reader, &of).await.unwrap(), expected);
    assert_eq!(entries(writer, &of).await.unwrap(), expected);

    let mut demoted = expected.remove(1).context;
    demoted.level = Level::ShortTerm;
    write(writer, &of, vec![Change::Updated(demoted)]).await;
    assert_eq!(entries(reader, &of).await.unwrap(), expected);
    assert_eq!(entries(writer, &of).await.unwrap(), expected);
    assert_eq!(
        entries(reader, &other).await.unwrap(),
        [record(&other, 9)],
        "other sessions stay"
    );
}

/// A context that comes to the level has a place between others, which only the store knows.
pub async fn a_promotion_is_read_from_the_store(caches: &[Arc<dyn SessionCache>]) {
    let of = key("t", Some("promotion"));
    fill(&*caches[0], &of, &[record(&of, 1), record(&of, 3)]).await;
    write(&*caches[0], &of, vec![Change::Updated(record(&of, 2).context)]).await;
    for cache in caches {
        assert_eq!(entries(&**cache, &of).await, None);
    }
}

/// Deleted contexts are served by no process.
pub async fn deletions_are_followed(caches: &[Arc<dyn SessionCache>]) {
    let (of, stranger) = (key("t", Some("deleted")), key("u", Some("deleted")));
    for affected in [Affected::Tenant, Affected::Sessions(vec![of.session.clone()])] {
        fill(&*caches[0], &of, &[record(&of, 1), record(&of, 2)]).await;
        for cache in caches {
            assert!(entries(&**cache, &of).await.is_some());
        }
        let announced = caches[0].begin(&of.tenant, affected).await.unwrap();
        let filter = Filter::by_ids(vec![record(&of, 1).context.id]);
        caches[0].commit(announced, vec![Change::Deleted(filter)]).await;
        for cache in caches {
            let left = entries(&**cache, &of).await;
            assert!(left.is_none_or(|left| left == [record(&of, 2)]));
        }
    }
    fill(&*caches[0], &stranger, &[record(&stranger, 1)]).await;
    let announced = caches[0].begin(&of.tenant, Affected::Tenant).await.unwrap();
    caches[0]
        .commit(announced, vec![Change::Deleted(Filter::default())])
        .await;
    assert!(
        entries(&*caches[0], &stranger).await.is_some(),
        "other tenants keep theirs"
    );
}

/// A write with an unknown outcome is read from the store.
pub async fn an_unknown_outcome_is_a_miss(caches: &[Arc<dyn SessionCache>]) {
    let of = key("t", Some("unknown"));
    fill(&*caches[0], &of, &[record(&of, 1)]).await;
    write(&*caches[0], &of, vec![Change::Unknown]).await;
    for cache in caches {
        assert_eq!(entries(&**cache, &of).await, None);
    }
}

/// Nothing is left when the store was replaced as a whole.
pub async fn a_cleared_cache_is_empty(caches: &[Arc<dyn SessionCache>]) {
    let keys = [key("t", Some("cleared")), key("u", None)];
    for of in &keys {
        fill(&*caches[0], of, &[record(of, 1)]).await;
    }
    caches[0].clear().await;
    for of in &keys {
        for cache in caches {
            assert!(!matches!(cache.get(of).await, Cached::Hit(_)));
        }
    }
}
