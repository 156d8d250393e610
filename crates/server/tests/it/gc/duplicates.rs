//! What is said twice.

use std::sync::Arc;

use context_manager_core::lifecycle::{ECHO_TAG, NearDuplicates};
use context_manager_core::{Error, Level, NewContext, SearchRequest};

use super::{Bench, new, query};

fn with(policy: NearDuplicates) -> Bench {
    Bench::with(|_, lifecycle| {
        lifecycle.dedup.policy = policy;
        lifecycle.dedup.similarity_threshold = 0.9;
    })
}

fn long(text: &str) -> NewContext {
    NewContext {
        level: Level::LongTerm,
        ..new(text)
    }
}

const SAID: &str = "The user prefers dark mode in the editor on the big screen at work";
const AGAIN: &str = "User prefers dark mode, in his editor on the big screens at work!";
const OTHERWISE: &str = "The user does not prefer dark mode in the editor on the big screen at work";

#[tokio::test]
async fn a_near_duplicate_replaces_the_other_and_takes_over_what_was_known() {
    let bench = with(NearDuplicates::Merge);
    let first = NewContext {
        tags: vec!["preference".to_owned()],
        metadata: [("source".to_owned(), "chat".into())].into_iter().collect(),
        importance: Some(0.9),
        ..long(SAID)
    };
    let first = bench.store(first).await;
    let contrary = bench.store(long(OTHERWISE)).await;
    let merged = bench.store(long(AGAIN)).await;
    assert_eq!(merged.derived_from, [first.id]);
    assert_eq!(
        (merged.tags.as_slice(), merged.metadata.len()),
        (["preference".to_owned()].as_slice(), 1)
    );
    assert_eq!(merged.importance.to_bits(), 0.9_f32.to_bits());
    let replaced = bench.get(first.id).await.expect("the source is kept");
    assert_eq!(replaced.superseded_by.unwrap().by, merged.id);
    let mut current: Vec<_> = bench
        .found(query("dark mode"))
        .await
        .iter()
        .map(|context| context.id)
        .collect();
    current.sort_unstable();
    assert_eq!(current, [contrary.id, merged.id], "a contradiction is no duplicate");
}

#[tokio::test]
async fn a_pinned_one_is_never_merged_and_scopes_are_kept_apart() {
    let bench = with(NearDuplicates::Merge);
    let pinned = NewContext {
        pinned: true,
        ..long(SAID)
    };
    let pinned = bench.store(pinned).await;
    assert!(bench.store(long(AGAIN)).await.derived_from.is_empty());
    assert!(bench.get(pinned.id).await.unwrap().superseded_by.is_none());
    let of_ann = NewContext {
        user_id: Some("ann".to_owned()),
        ..long(AGAIN)
    };
    assert!(bench.store(of_ann).await.derived_from.is_empty());
}

#[tokio::test]
async fn a_near_duplicate_is_found_behind_any_number_of_other_peoples() {
    let bench = with(NearDuplicates::Reject);
    let own = bench.store(long(SAID)).await;
    let others = (0..200).map(|n| NewContext {
        user_id: Some(format!("user-{n}")),
        ..long(SAID)
    });
    bench
        .engine
        .store_many(&bench.scope, others.collect(), |_| String::new())
        .await;
    let refused = bench.engine.store(&bench.scope, long(AGAIN)).await;
    assert!(
        matches!(refused, Err(Error::NearDuplicate(id)) if id == own.id),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_near_duplicates_sent_at_once_one_is_left() {
    for policy in [NearDuplicates::Merge, NearDuplicates::Reject] {
        let bench = with(policy);
        let calls = (0..64).map(|n| {
            let (engine, scope) = (Arc::clone(&bench.engine), bench.scope.clone());
            // Spaces are part of a text, and nothing that it says.
            let text = SAID.replacen(' ', &" ".repeat(n + 1), 1);
            tokio::spawn(async move { engine.store(&scope, long(&text)).await.is_ok() })
        });
        let mut stored = 0;
        for call in calls.collect::<Vec<_>>() {
            stored += u64::from(call.await.unwrap());
        }
        let page = bench
            .engine
            .list(&bench.scope, context_manager_core::Filter::default(), false, None, 100);
        assert_eq!(page.await.unwrap().items.len(), 1, "{policy:?}");
        assert_eq!(
            bench.stored().await,
            if policy == NearDuplicates::Merge { 64 } else { 1 }
        );
        assert_eq!(stored, bench.stored().await);
    }
}

#[tokio::test]
async fn within_a_batch_they_are_seen_too() {
    let bench = with(NearDuplicates::Reject);
    let results = bench
        .engine
        .store_many(&bench.scope, vec![long(SAID), long(AGAIN), long(OTHERWISE)], |_| {
            String::new()
        })
        .await;
    let stored: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, false, true]);
}

#[tokio::test]
async fn what_a_session_was_just_served_is_recognised_when_it_comes_back() {
    let bench = Bench::new();
    let known = bench.store(long(SAID)).await;
    let asked = SearchRequest {
        session_id: Some("s".to_owned()),
        ..query("dark mode")
    };
    assert_eq!(bench.found(asked).await[0].id, known.id);
    let in_session = |session: &str, text: &str| NewContext {
        session_id: Some(session.to_owned()),
        ..long(text)
    };
    let echo = bench.store(in_session("s", AGAIN)).await;
    assert_eq!(
        (echo.tags.as_slice(), echo.derived_from.as_slice()),
        ([ECHO_TAG.to_owned()].as_slice(), [known.id].as_slice())
    );
    let again = NewContext {
        id: Some(echo.id),
        ..in_session("s", AGAIN)
    };
    assert!(
        bench.engine.store(&bench.scope, again).await.unwrap().deduplicated,
        "the same id, sent unchanged"
    );
    for own in [in_session("s", OTHERWISE), in_session("elsewhere", AGAIN)] {
        assert!(bench.store(own).await.tags.is_empty());
    }
}
