//! Lists in pages, and counts.

use std::sync::Arc;

use context_manager_core::context::{ContextId, Level};
use context_manager_core::ports::{ListRequest, Order, Record, VectorStore};
use context_manager_core::{Cursor, Filter, Scope};

use super::fixture::{
    acme, all, context, context_with, count, delete, fill, id, level, list, put, record, update, words,
};

/// Returns the pages of a request.
async fn pages_of(store: &dyn VectorStore, scope: &Scope, mut request: ListRequest) -> Vec<Vec<ContextId>> {
    let mut pages = Vec::new();
    loop {
        let page = store.list(scope, request.clone()).await.unwrap();
        pages.push(page.items.into_iter().map(|record| record.context.id).collect());
        request.after = page.next;
        if request.after.is_none() {
            return pages;
        }
    }
}

/// Returns the pages from `after` on, newest first.
async fn pages(store: &dyn VectorStore, scope: &Scope, after: Option<Cursor>, limit: usize) -> Vec<Vec<ContextId>> {
    let request = ListRequest {
        after,
        limit,
        ..ListRequest::default()
    };
    pages_of(store, scope, request).await
}

/// With pages of any size, each context is on exactly one, newest first, and the last page has no successor.
pub async fn pages_visit_everything_once_newest_first(store: &dyn VectorStore) {
    let scope = acme();
    // Not in the order of their sequence numbers.
    let mut numbers: Vec<u64> = (1..=57).map(|number| number * 23 % 59).collect();
    fill(store, &scope, numbers.clone()).await;
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    let newest_first: Vec<ContextId> = numbers.into_iter().map(id).collect();
    for (limit, count) in [(1, 57), (10, 6), (19, 3), (56, 2), (57, 1), (1000, 1)] {
        let pages = pages(store, &scope, None, limit).await;
        assert_eq!(pages.len(), count, "pages of {limit}");
        assert!(pages.iter().all(|page| page.len() <= limit), "pages of {limit}");
        assert_eq!(pages.concat(), newest_first, "pages of {limit}");
    }
    let older = pages(store, &scope, Some(Cursor(0)), 10).await;
    assert_eq!(older, [vec![]], "no sequence number is below 0");
    assert_eq!(list(store, &scope, Filter::default(), None, 0).await.items, []);
}

/// Oldest first, each context is on exactly one page too.
pub async fn lists_can_begin_with_the_oldest(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, [40, 10, 30]).await;
    let same_time = [2, 3].map(|number| context_with(number, |context| context.sequence = 20));
    put(store, &scope, same_time).await;
    let oldest_first = ListRequest {
        order: Order::OldestFirst,
        limit: 2,
        ..ListRequest::default()
    };
    let pages = pages_of(store, &scope, oldest_first).await;
    assert_eq!(pages, [[10, 2, 3].map(id).to_vec(), [30, 40].map(id).to_vec()]);
}

/// Matching contexts are found by their offsets in sessions.
pub async fn offsets_in_sessions_are_looked_up(store: &dyn VectorStore) {
    let scope = acme();
    let at = |number, slot| context_with(number, |context| context.slot = Some(slot));
    let mut short_term = at(2, -7);
    short_term.level = Level::ShortTerm;
    put(store, &scope, [at(1, i64::MAX - 1), short_term, at(3, 0), context(4)]).await;
    let look_up = async |slots: &[i64], filter: Filter| {
        let mut found = store.at_offsets(&scope, slots, &filter).await.unwrap();
        found.sort_by_key(|record| record.context.id);
        let has_vectors = |record: &Arc<Record>| record.dense.is_some() && !record.terms.is_empty();
        assert!(found.iter().all(has_vectors));
        found.into_iter().map(|record| record.context.id).collect::<Vec<_>>()
    };
    let many: Vec<i64> = (1_000..1_400).chain([i64::MAX - 1, i64::MAX, -7, -7]).collect();
    assert_eq!(look_up(&many, Filter::default()).await, [1, 2].map(id));
    assert_eq!(look_up(&many, level(Level::LongTerm)).await, [id(1)]);
    assert_eq!(look_up(&[1], Filter::default()).await, []);
    assert_eq!(look_up(&[], Filter::default()).await, [], "without an offset");
}

/// Contexts stored while a client reads pages do not move the later pages.
pub async fn lists_stay_stable_while_newer_contexts_come(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, 1..=10).await;
    let mut seen = Vec::new();
    let mut after = None;
    for newer in 100.. {
        let page = list(store, &scope, Filter::default(), after, 3).await;
        seen.extend(page.items.into_iter().map(|record| record.context.id));
        fill(store, &scope, [newer]).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=10).rev().map(id).collect::<Vec<_>>());
}

/// A page never ends between contexts with the same sequence number, as the next page starts below it.
pub async fn contexts_stored_at_once_share_a_page(store: &dyn VectorStore) {
    let scope = acme();
    let numbered = |(number, sequence)| context_with(number, |context| context.sequence = sequence);
    let contexts = [(1, 10), (2, 20), (3, 20), (4, 20), (5, 20), (6, 30), (7, 40)].map(numbered);
    put(store, &scope, contexts).await;
    let check = async |limit, expected: &[&[u64]]| {
        let expected: Vec<Vec<_>> = expected
            .iter()
            .map(|page| page.iter().copied().map(id).collect())
            .collect();
        assert_eq!(pages(store, &scope, None, limit).await, expected, "pages of {limit}");
    };
    check(3, &[&[7, 6, 2, 3, 4, 5], &[1]]).await;
    check(2, &[&[7, 6], &[2, 3, 4, 5], &[1]]).await;
    delete(store, &scope, &[1]).await;
    check(3, &[&[7, 6, 2, 3, 4, 5]]).await;
}

/// A list has vectors only if the request asks for them.
pub async fn lists_have_vectors_only_on_request(store: &dyn VectorStore) {
    let scope = acme();
    let mut stored = record(context(1));
    stored.dense = Some(vec![0.0, 3.0, 0.0, 4.0]);
    stored.terms = words(&[3, 9]);
    store.upsert(&scope, vec![stored.clone()]).await.unwrap();
    for with_vectors in [true, false] {
        let request = ListRequest {
            limit: 10,
            with_vectors,
            ..ListRequest::default()
        };
        let listed = store.list(&scope, request).await.unwrap().items.remove(0);
        assert_eq!(listed.context, stored.context);
        if with_vectors {
            let dense = listed.dense.unwrap();
            let mut numbers = dense.iter().zip([0.0, 0.6, 0.0, 0.8]);
            assert!(numbers.all(|(a, b)| (a - b).abs() < 1e-6), "vectors have length 1");
            assert_eq!(listed.terms, stored.terms);
        } else {
            assert_eq!((listed.dense, listed.terms), (None, words(&[])));
        }
    }
}

/// An offset that was looked up while it was empty is found once a context is stored or moved there, even if lookups and
/// writes run concurrently.
pub async fn offsets_are_found_once_filled(store: &dyn VectorStore) {
    let scope = acme();
    let at = |number, slot| context_with(number, |context| context.slot = Some(slot));
    let everything = Filter::default();
    let found_at = async |slots: &[i64]| {
        let found = store.at_offsets(&scope, slots, &everything).await.unwrap();
        let mut ids: Vec<_> = found.iter().map(|record| record.context.id).collect();
        ids.sort();
        ids
    };
    for number in 0..50 {
        let slot = i64::try_from(number).unwrap();
        assert_eq!(found_at(&[slot, slot + 1]).await, [], "offset {slot}");
        let stored = store.upsert(&scope, vec![record(at(number, slot))]);
        let looked = async {
            for _ in 0..5 {
                found_at(&[slot, slot + 1]).await;
            }
        };
        let (stored, ()) = tokio::join!(stored, looked);
        stored.unwrap();
        assert_eq!(found_at(&[slot, slot + 1]).await, [id(number)], "offset {slot}");
    }
    assert_eq!(found_at(&[100]).await, []);
    update(store, &scope, at(7, 100)).await;
    assert_eq!(found_at(&[100]).await, [id(7)]);
    assert_eq!(found_at(&[7]).await, []);
}

/// Counts reflect every acknowledged write.
pub async fn counts_are_exact(store: &dyn VectorStore) {
    let scope = acme();
    let everything = Filter::default();
    let immediate = level(Level::Immediate);
    fill(store, &scope, 0..1200).await;
    assert_eq!(count(store, &scope, &everything).await, 1200);
    let moved = (0..300).map(|number| context_with(number, |context| context.level = Level::Immediate));
    store.update(&scope, moved.collect()).await.unwrap();
    fill(store, &scope, 200..400).await;
    assert_eq!(count(store, &scope, &everything).await, 1200);
    assert_eq!(count(store, &scope, &immediate).await, 200);
    assert_eq!(all(store, &scope, immediate).await.len(), 200);
}
