//! Search and scores.

use context_manager_core::context::{Context, ContextId, Level, Superseded};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Record, StoreQuery, VectorStore};
use context_manager_core::{Filter, Visibility};

use super::fixture::{
    FORWARD, acme, assert_near, by_vector, by_words, context, context_with, delete, direction, fill, found, id, level,
    nothing, put, record, scope, search, time, words,
};

/// Precision of the vectors of candidates.
const VECTOR_PRECISION: f32 = 0.0005;

/// The dense score is the cosine, for vectors of any length.
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
    let records = (1..).zip(vectors).map(with_vector).collect();
    store.upsert(&scope, records).await.unwrap();
    let found = search(store, &scope, by_vector(&[10.0, 0.0, 0.0, 0.0])).await;
    for (candidate, cosine) in found.iter().zip([0.6, 1.0, 0.0, -1.0, 0.0]) {
        let found = candidate.dense.unwrap();
        assert!((found - cosine).abs() < VECTOR_PRECISION, "{found} is not {cosine}");
        assert_eq!(candidate.lexical, None);
    }
    assert_eq!(found.len(), 5);
}

/// An exact search finds the nearest vectors, with the same scores as any search.
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
    let mut query = exact.clone();
    query.exact = false;
    let approximate = search(store, &scope, query).await;
    assert_near(found[0].dense, approximate[0].dense.unwrap());
    let mut query = exact;
    query.filter = Filter::by_ids(vec![id(7), id(9)]);
    assert_eq!(self::found(store, &scope, query).await, [7, 9].map(id));
}

/// The sparse score is the dot product, independent of all other contexts.
pub async fn search_by_sparse_vector_scores_by_dot_product(store: &dyn VectorStore) {
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
    let records = (1..).zip(documents).map(with_words).collect();
    store.upsert(&scope, records).await.unwrap();

    let question = SparseVector::new([(1, 1.0), (2, 0.5), (4_000_000_000, 1.0), (99, 1.0)]);
    let query = StoreQuery {
        terms: Some(question),
        ..nothing()
    };
    let found = search(store, &scope, query).await;
    let ids: Vec<ContextId> = found.iter().map(|candidate| candidate.record.context.id).collect();
    assert_eq!(ids, [1, 2, 3].map(id));
    assert_near(found[0].lexical, 1.5 + 0.5 * 0.5);
    assert_near(found[1].lexical, 1.0);
    assert_near(found[2].lexical, 2.0 * 0.5 + 1.0);
    assert!(found.iter().all(|candidate| candidate.dense.is_none()));

    let only = StoreQuery {
        filter: Filter::by_ids(vec![id(2)]),
        ..by_words(&[1])
    };
    assert_near(search(store, &scope, only.clone()).await[0].lexical, 1.0);
    delete(store, &scope, &[1]).await;
    fill(store, &super::fixture::scope("other"), 1..=50).await;
    assert_near(search(store, &scope, only).await[0].lexical, 1.0);
}

/// A context found in both ways is one candidate with both scores.
pub async fn a_context_found_in_both_ways_is_one_candidate(store: &dyn VectorStore) {
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

/// The limit applies to dense and sparse matches separately.
pub async fn dense_and_sparse_matches_are_limited_separately(store: &dyn VectorStore) {
    let scope = acme();
    // The nearer by vector, the worse by words.
    let opposed = |number: u16| Record {
        context: context(number.into()),
        dense: Some(direction(number * 10)),
        terms: SparseVector::new([(1, f32::from(number))]),
    };
    store.upsert(&scope, (1..=50).map(opposed).collect()).await.unwrap();
    let both = StoreQuery {
        dense: Some(FORWARD.to_vec()),
        limit: 3,
        ..by_words(&[1])
    };
    let (mut dense, mut sparse) = (both.clone(), both.clone());
    dense.terms = None;
    sparse.dense = None;
    assert_eq!(found(store, &scope, both).await, [1, 2, 3, 48, 49, 50].map(id));
    assert_eq!(found(store, &scope, dense).await, [1, 2, 3].map(id));
    assert_eq!(found(store, &scope, sparse).await, [48, 49, 50].map(id));
}

/// A context without a dense vector is found by its sparse vector, and by both once it is stored with one.
pub async fn contexts_without_dense_vector_are_found_by_sparse_vector(store: &dyn VectorStore) {
    let scope = acme();
    let pending = Record {
        dense: None,
        context: context_with(1, |context| context.embedded = false),
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

/// The filter applies before the limit.
pub async fn the_filter_applies_before_the_limit(store: &dyn VectorStore) {
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
    put(store, &scope, contexts).await;
    let (mut filter, now) = (level(Level::LongTerm), time(1000));
    filter.visibility = Visibility::Current(now);
    for mut query in [by_vector(&FORWARD), by_words(&[1])] {
        query.filter = filter.clone();
        query.limit = 5;
        assert_eq!(found(store, &scope, query).await, [96, 97, 98, 99, 100].map(id));
    }
    let mut query = by_vector(&FORWARD);
    query.filter = filter;
    query.filter.visibility = Visibility::Live(now);
    assert_eq!(found(store, &scope, query).await.len(), 45);
}

/// A query without vectors, without known words, or with a limit of 0 finds nothing.
pub async fn empty_queries_find_nothing(store: &dyn VectorStore) {
    let scope = acme();
    assert_eq!(found(store, &scope, by_vector(&FORWARD)).await, [], "in an empty store");
    fill(store, &scope, 1..=3).await;
    assert_eq!(found(store, &scope, nothing()).await, []);
    assert_eq!(found(store, &scope, by_words(&[])).await, []);
    assert_eq!(found(store, &scope, by_words(&[12_345])).await, []);
    let mut query = by_vector(&FORWARD);
    query.limit = 0;
    assert_eq!(found(store, &scope, query).await, []);
}

/// A sample holds matches only, is at most as large as requested, and the same every time.
pub async fn a_sample_is_stable(store: &dyn VectorStore) {
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

/// Candidates have both vectors, whichever they were found by.
pub async fn candidates_have_both_vectors(store: &dyn VectorStore) {
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
            let mut stored = records.iter();
            let stored = stored
                .find(|record| record.context.id == candidate.record.context.id)
                .unwrap();
            assert_eq!(candidate.record.terms, stored.terms);
            assert_eq!(candidate.record.dense.is_some(), stored.dense.is_some());
            for (found, stored) in candidate.record.dense.iter().flatten().zip(direction(1)) {
                assert!((found - stored).abs() < VECTOR_PRECISION, "{found} is not {stored}");
            }
        }
    }
}
