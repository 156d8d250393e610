//! Lists, page by page, and counts.

use context_manager_core::context::{Context, ContextId, Level};
use context_manager_core::ports::{ListRequest, Order, VectorStore};
use context_manager_core::{Cursor, Filter, Scope};

use super::fixture::{acme, all, context, fill, id, list, record, words};

/// The pages from `after` on.
async fn pages(store: &dyn VectorStore, scope: &Scope, mut after: Option<Cursor>, limit: usize) -> Vec<Vec<ContextId>> {
    let mut pages = Vec::new();
    loop {
        let page = list(store, scope, Filter::default(), after, limit).await;
        pages.push(page.items.into_iter().map(|record| record.context.id).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

/// Whatever the size of the pages, everything is on exactly one of them, newest first, and the last one says so.
pub async fn pages_visit_everything_once_newest_first(store: &dyn VectorStore) {
    let scope = acme();
    // Stored in another order than that of their creation.
    fill(store, &scope, (1..=57).map(|number| number * 23 % 59)).await;
    let newest_first: Vec<ContextId> = {
        let mut numbers: Vec<u64> = (1..=57).map(|number| number * 23 % 59).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.into_iter().map(id).collect()
    };
    for (limit, count) in [(1, 57), (10, 6), (19, 3), (56, 2), (57, 1), (1000, 1)] {
        let pages = pages(store, &scope, None, limit).await;
        assert_eq!(pages.len(), count, "pages of {limit}");
        assert!(pages.iter().all(|page| page.len() <= limit), "pages of {limit}");
        assert_eq!(pages.concat(), newest_first, "pages of {limit}");
    }
    assert_eq!(
        pages(store, &scope, Some(Cursor(0)), 10).await,
        [vec![]],
        "nothing is older than everything"
    );
    assert_eq!(list(store, &scope, Filter::default(), None, 0).await.items, []);
}

/// Asked for from the other end, everything is there once too, and pages end where they may.
pub async fn lists_can_begin_with_the_oldest(store: &dyn VectorStore) {
    let scope = acme();
    let same_time = |number| {
        record(Context {
            sequence: 20,
            ..context(number)
        })
    };
    fill(store, &scope, [40, 10, 30]).await;
    store.upsert(&scope, vec![same_time(2), same_time(3)]).await.unwrap();
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let request = ListRequest {
            order: Order::OldestFirst,
            after,
            limit: 2,
            ..ListRequest::default()
        };
        let page = store.list(&scope, request).await.unwrap();
        pages.push(
            page.items
                .into_iter()
                .map(|record| record.context.id)
                .collect::<Vec<_>>(),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [[10, 2, 3].map(id).to_vec(), [30, 40].map(id).to_vec()]);
}

/// Places in sessions are looked up by number, as far as what stands there matches.
pub async fn places_in_sessions_are_looked_up(store: &dyn VectorStore) {
    let scope = acme();
    let at = |number, slot| {
        record(Context {
            slot: Some(slot),
            level: if number == 2 { Level::ShortTerm } else { Level::LongTerm },
            ..context(number)
        })
    };
    let records = vec![at(1, i64::MAX - 1), at(2, -7), at(3, 0), record(context(4))];
    store.upsert(&scope, records).await.unwrap();
    let look_up = async |slots: &[i64], filter: Filter| {
        let mut found = store.at_slots(&scope, slots, &filter).await.unwrap();
        found.sort_by_key(|record| record.context.id);
        assert!(
            found
                .iter()
                .all(|record| record.dense.is_some() && !record.terms.is_empty())
        );
        found.into_iter().map(|record| record.context.id).collect::<Vec<_>>()
    };
    let many: Vec<i64> = (1_000..1_400).chain([i64::MAX - 1, i64::MAX, -7, -7]).collect();
    assert_eq!(look_up(&many, Filter::default()).await, [1, 2].map(id));
    let long_term = Filter {
        levels: vec![Level::LongTerm],
        ..Filter::default()
    };
    assert_eq!(look_up(&many, long_term).await, [id(1)]);
    assert_eq!(look_up(&[1], Filter::default()).await, []);
    assert_eq!(
        look_up(&[], Filter::default()).await,
        [],
        "no place is no condition to meet"
    );
}

/// What is stored while somebody turns the pages does not move the pages to come.
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

/// A page never ends between contexts with the same sequence number: the next one starts below it.
pub async fn contexts_stored_at_once_share_a_page(store: &dyn VectorStore) {
    let scope = acme();
    let numbered = |(number, sequence)| {
        record(Context {
            sequence,
            ..context(number)
        })
    };
    let records = [(1, 10), (2, 20), (3, 20), (4, 20), (5, 20), (6, 30), (7, 40)].map(numbered);
    store.upsert(&scope, records.to_vec()).await.unwrap();
    let expected = |pages: &[&[u64]]| {
        pages
            .iter()
            .map(|page| page.iter().copied().map(id).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        pages(store, &scope, None, 3).await,
        expected(&[&[7, 6, 2, 3, 4, 5], &[1]])
    );
    assert_eq!(
        pages(store, &scope, None, 2).await,
        expected(&[&[7, 6], &[2, 3, 4, 5], &[1]])
    );
    store.delete(&scope, &Filter::by_ids(vec![id(1)])).await.unwrap();
    assert_eq!(pages(store, &scope, None, 3).await, expected(&[&[7, 6, 2, 3, 4, 5]]));
}

/// Vectors and words are there when they were asked for, and only then.
pub async fn lists_bring_vectors_only_when_asked(store: &dyn VectorStore) {
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
            let length_one = listed
                .dense
                .unwrap()
                .iter()
                .zip([0.0, 0.6, 0.0, 0.8])
                .all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(length_one, "vectors are kept at length 1");
            assert_eq!(listed.terms, stored.terms);
        } else {
            assert_eq!((listed.dense, listed.terms), (None, words(&[])));
        }
    }
}

/// A place that was looked at while nothing stood there is no longer empty once something was put into it, by storing it
/// or by changing it, however often both happen at the same time.
pub async fn places_that_were_empty_are_found_filled(store: &dyn VectorStore) {
    let scope = acme();
    let at = |number: u64, slot: i64| Context {
        slot: Some(slot),
        ..context(number)
    };
    let everything = Filter::default();
    let standing = async |slots: &[i64]| {
        let found = store.at_slots(&scope, slots, &everything).await.unwrap();
        let mut ids: Vec<_> = found.iter().map(|record| record.context.id).collect();
        ids.sort();
        ids
    };
    for number in 0..50 {
        let slot = i64::try_from(number).unwrap();
        assert_eq!(standing(&[slot, slot + 1]).await, [], "place {slot}");
        let stored = store.upsert(&scope, vec![record(at(number, slot))]);
        let looked = async {
            for _ in 0..5 {
                standing(&[slot, slot + 1]).await;
            }
        };
        let (stored, ()) = futures::join!(stored, looked);
        stored.unwrap();
        assert_eq!(standing(&[slot, slot + 1]).await, [id(number)], "place {slot}");
    }
    assert_eq!(standing(&[100]).await, []);
    store.update(&scope, vec![at(7, 100)]).await.unwrap();
    assert_eq!(standing(&[100]).await, [id(7)]);
    assert_eq!(standing(&[7]).await, []);
}

/// Counts are those of what is stored at this moment.
pub async fn counts_are_exact(store: &dyn VectorStore) {
    let scope = acme();
    let everything = Filter::default();
    let immediate = Filter {
        levels: vec![Level::Immediate],
        ..Filter::default()
    };
    fill(store, &scope, 0..1200).await;
    assert_eq!(store.count(&scope, &everything).await.unwrap(), 1200);
    let moved = (0..300)
        .map(|number| Context {
            level: Level::Immediate,
            ..context(number)
        })
        .collect();
    store.update(&scope, moved).await.unwrap();
    fill(store, &scope, 200..400).await;
    assert_eq!(store.count(&scope, &everything).await.unwrap(), 1200);
    assert_eq!(store.count(&scope, &immediate).await.unwrap(), 200);
    assert_eq!(all(store, &scope, immediate).await.len(), 200);
}
