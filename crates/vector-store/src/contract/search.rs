//! Search, and its scores.

use context_manager_core::context::{Context, ContextId, Level, Superseded};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Record, StoreQuery, VectorStore};
use context_manager_core::{Filter, Visibility};

use super::fixture::{
    FORWARD, acme, assert_near, by_vector, by_words, context, current, direction, fill, found, id, nothing, record,
    scope, search, time, words,
};

/// The score by vector is the cosine, whatever the length of the vectors.
pub async fn search_by_vector_scores_by_cosine(store: &dyn VectorStore) {
    let scope = acme();
    let with_vector = |(number, vector): (u64, [f32; 4])| Record {
        dense: Some(vector.to_vec()),
        ..record(context(number))
    };
    let vectors = [
        [3.0, 4.0, 0.0, 0.0],
        [0.1, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 1.0],
        [-2.0, 0.0, 0.0, 0.0],
        [0.0; 4],
    ];
    store
        .upsert(&scope, (1..).zip(vectors).map(with_vector).collect())
        .await
        .unwrap();
    let found = search(store, &scope, by_vector(&[10.0, 0.0, 0.0, 0.0])).await;
    for (candidate, cosine) in found.iter().zip([0.6, 1.0, 0.0, -1.0, 0.0]) {
        assert_near(candidate.dense, cosine);
        assert_eq!(candidate.lexical, None);
    }
    assert_eq!(found.len(), 5);
}

/// An exact search finds the very nearest, with the scores that any search gives them.
pub async fn an_exact_search_finds_the_nearest(store: &dyn VectorStore) {
    let scope = acme();
    let records = (1..=200_u16).map(|number| Record {
        dense: Some(direction(number)),
        ..record(context(u64::from(number)))
    });
    store.upsert(&scope, records.collect()).await.unwrap();
    let exact = StoreQuery {
        limit: 5,
        exact: true,
        ..by_vector(&FORWARD)
    };
    let found = search(store, &scope, exact.clone()).await;
    let ids: Vec<ContextId> = found.iter().map(|candidate| candidate.record.context.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5].map(id));
    let approximate = search(
        store,
        &scope,
        StoreQuery {
            exact: false,
            ..exact.clone()
        },
    )
    .await;
    assert_near(found[0].dense, approximate[0].dense.unwrap());
    // What the filter leaves out is not found either.
    let filter = Filter::by_ids(vec![id(7), id(9)]);
    assert_eq!(
        self::found(store, &scope, StoreQuery { filter, ..exact }).await,
        [7, 9].map(id)
    );
}

/// The score by words is the sum, over the words in common, of both weights' product: whatever else is stored, of this
/// tenant or another, changes nothing.
pub async fn search_by_words_scores_by_weights(store: &dyn VectorStore) {
    let scope = acme();
    let with_words = |(number, terms): (u64, &[(u32, f32)])| Record {
        terms: SparseVector::new(terms.iter().copied()),
        ..record(context(number))
    };
    let documents: [&[(u32, f32)]; 5] = [
        &[(1, 1.5), (2, 0.5)],
        &[(1, 1.0)],
        &[(2, 2.0), (4_000_000_000, 1.0)],
        &[(7, 1.0)],
        &[],
    ];
    store
        .upsert(&scope, (1..).zip(documents).map(with_words).collect())
        .await
        .unwrap();

    let question = SparseVector::new([(1, 1.0), (2, 0.5), (4_000_000_000, 1.0), (99, 1.0)]);
    let found = search(
        store,
        &scope,
        StoreQuery {
            terms: Some(question),
            ..nothing()
        },
    )
    .await;
    assert_eq!(
        found
            .iter()
            .map(|candidate| candidate.record.context.id)
            .collect::<Vec<_>>(),
        [1, 2, 3].map(id)
    );
    assert_near(found[0].lexical, 1.5 + 0.5 * 0.5);
    assert_near(found[1].lexical, 1.0);
    assert_near(found[2].lexical, 2.0 * 0.5 + 1.0);
    assert!(found.iter().all(|candidate| candidate.dense.is_none()));

    let only = StoreQuery {
        filter: Filter::by_ids(vec![id(2)]),
        ..by_words(&[1])
    };
    assert_near(search(store, &scope, only.clone()).await[0].lexical, 1.0);
    store.delete(&scope, &Filter::by_ids(vec![id(1)])).await.unwrap();
    fill(store, &super::fixture::scope("other"), 1..=50).await;
    assert_near(search(store, &scope, only).await[0].lexical, 1.0);
}

/// What is found in both ways is one candidate with both scores.
pub async fn hits_of_both_kinds_are_one_candidate(store: &dyn VectorStore) {
    let scope = acme();
    let with = |number, dense: Option<Vec<f32>>, terms: &[u32]| Record {
        context: context(number),
        dense,
        terms: words(terms),
    };
    let records = vec![
        with(1, Some(direction(0)), &[5]),
        with(2, Some(direction(500)), &[6]),
        with(3, None, &[5]),
    ];
    store.upsert(&scope, records).await.unwrap();
    let query = StoreQuery {
        dense: Some(FORWARD.to_vec()),
        ..by_words(&[5])
    };
    let found = search(store, &scope, query).await;
    let kinds: Vec<_> = found
        .iter()
        .map(|found| (found.record.context.id, found.dense.is_some(), found.lexical.is_some()))
        .collect();
    assert_eq!(kinds, [(id(1), true, true), (id(2), true, false), (id(3), false, true)]);
    assert_eq!(found[0].record.context, context(1));
}

/// The limit holds for the best by vector and for the best by words; nothing pushes the other out.
pub async fn each_kind_of_search_is_limited_by_itself(store: &dyn VectorStore) {
    let scope = acme();
    // The nearer by vector, the worse by words.
    let opposed = |number: u16| Record {
        context: context(number.into()),
        dense: Some(direction(number * 10)),
        terms: SparseVector::new([(1, f32::from(number))]),
    };
    store.upsert(&scope, (1..=50).map(opposed).collect()).await.unwrap();
    let numbers = |ids: &[u64]| ids.iter().copied().map(id).collect::<Vec<ContextId>>();
    let query = StoreQuery {
        dense: Some(FORWARD.to_vec()),
        limit: 3,
        ..by_words(&[1])
    };
    assert_eq!(
        found(store, &scope, query.clone()).await,
        numbers(&[1, 2, 3, 48, 49, 50])
    );
    assert_eq!(
        found(
            store,
            &scope,
            StoreQuery {
                terms: None,
                ..query.clone()
            }
        )
        .await,
        numbers(&[1, 2, 3])
    );
    assert_eq!(
        found(store, &scope, StoreQuery { dense: None, ..query }).await,
        numbers(&[48, 49, 50])
    );
}

/// What has no vector yet is found by its words, and gets its vector by being stored again.
pub async fn contexts_without_vector_are_found_by_words_only(store: &dyn VectorStore) {
    let scope = acme();
    let pending = Record {
        dense: None,
        context: Context {
            embedded: false,
            ..context(1)
        },
        terms: words(&[5]),
    };
    store.upsert(&scope, vec![pending.clone()]).await.unwrap();
    assert_eq!(found(store, &scope, by_vector(&FORWARD)).await, []);
    assert_eq!(found(store, &scope, by_words(&[5])).await, [id(1)]);

    let done = Record {
        dense: Some(direction(3)),
        context: context(1),
        ..pending
    };
    store.upsert(&scope, vec![done]).await.unwrap();
    assert_eq!(found(store, &scope, by_vector(&FORWARD)).await, [id(1)]);
    assert_eq!(found(store, &scope, by_words(&[5])).await, [id(1)]);
}

/// The filter decides first, so that what it hides takes nobody's place among the best.
pub async fn search_finds_only_what_the_filter_matches(store: &dyn VectorStore) {
    let scope = acme();
    let mut contexts: Vec<Context> = (1..=100).map(context).collect();
    for context in &mut contexts {
        match context.sequence {
            1..=40 => context.expires_at = Some(time(10)),
            41..=80 => {
                context.superseded_by = Some(Superseded {
                    by: id(100),
                    at: time(90),
                });
            }
            81..=95 => context.level = Level::ShortTerm,
            _ => {}
        }
    }
    store
        .upsert(&scope, contexts.into_iter().map(record).collect())
        .await
        .unwrap();
    let now = time(1000);
    let filter = Filter {
        levels: vec![Level::LongTerm],
        ..current(now)
    };
    let expected: Vec<ContextId> = (96..=100).map(id).collect();
    for query in [by_vector(&FORWARD), by_words(&[1])] {
        let query = StoreQuery {
            filter: filter.clone(),
            limit: 5,
            ..query
        };
        assert_eq!(found(store, &scope, query).await, expected);
    }
    let live = Filter {
        visibility: Visibility::Live(now),
        levels: vec![Level::LongTerm],
        ..Filter::default()
    };
    assert_eq!(
        found(
            store,
            &scope,
            StoreQuery {
                filter: live,
                ..by_vector(&FORWARD)
            }
        )
        .await
        .len(),
        45
    );
}

/// Without a question, without words, or with room for nothing, nothing is found.
pub async fn empty_questions_find_nothing(store: &dyn VectorStore) {
    let scope = acme();
    assert_eq!(found(store, &scope, by_vector(&FORWARD)).await, [], "in an empty store");
    fill(store, &scope, 1..=3).await;
    assert_eq!(found(store, &scope, nothing()).await, []);
    assert_eq!(found(store, &scope, by_words(&[])).await, []);
    assert_eq!(found(store, &scope, by_words(&[12_345])).await, []);
    assert_eq!(
        found(
            store,
            &scope,
            StoreQuery {
                limit: 0,
                ..by_vector(&FORWARD)
            }
        )
        .await,
        []
    );
}

/// A sample is of what matches, no larger than asked for, and the same every time.
pub async fn a_sample_of_words_is_the_same_every_time(store: &dyn VectorStore) {
    let (acme, everything) = (acme(), Filter::default());
    let records: Vec<Record> = (1..=20)
        .map(|number| Record {
            terms: words(&[u32::try_from(number).unwrap()]),
            ..record(context(number))
        })
        .collect();
    store.upsert(&acme, records).await.unwrap();
    let sample = store.sample_terms(&acme, &everything, 5).await.unwrap();
    assert_eq!(sample.len(), 5);
    assert_eq!(store.sample_terms(&acme, &everything, 5).await.unwrap(), sample);
    let newest = (16..=20).map(|term| words(&[term])).collect::<Vec<_>>();
    assert_ne!(sample, newest, "not those stored last");
    assert_eq!(store.sample_terms(&acme, &everything, 100).await.unwrap().len(), 20);
    let one = Filter::by_ids(vec![id(7)]);
    assert_eq!(store.sample_terms(&acme, &one, 5).await.unwrap(), [words(&[7])]);
    assert_eq!(store.sample_terms(&scope("globex"), &everything, 5).await.unwrap(), []);
}

/// Candidates bring their vectors and words, whichever of the two they were found by.
pub async fn vectors_and_words_come_along(store: &dyn VectorStore) {
    let scope = acme();
    let records = vec![
        record(context(1)),
        Record {
            dense: None,
            ..record(context(2))
        },
    ];
    store.upsert(&scope, records.clone()).await.unwrap();
    for query in [by_words(&[1]), by_vector(&FORWARD)] {
        for candidate in search(store, &scope, query).await {
            let stored = records
                .iter()
                .find(|record| record.context.id == candidate.record.context.id)
                .unwrap();
            assert_eq!(candidate.record.terms, stored.terms);
            assert_eq!(
                candidate.record.dense,
                stored.dense.as_ref().map(|_| direction(1)),
                "of length 1"
            );
        }
    }
}
