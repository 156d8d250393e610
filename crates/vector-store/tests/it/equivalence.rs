//! Random operations on two stores: each answers as the memory store does.

use std::fmt::Write;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use context_manager_core::context::{Context, Level, Superseded};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Candidate, ListRequest, Record, StoreQuery, VectorStore};
use context_manager_core::{Filter, Scope, TenantId, Visibility};
use context_manager_vector_store::{MemoryStore, contract};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::fixture::{context, id, new_store};

#[derive(Debug, Clone)]
enum Step {
    Upsert(Vec<Record>),
    Replace(Vec<Record>, Vec<Record>),
    Update(Vec<Context>),
    Delete(Filter),
    List(Filter, usize),
    Search(StoreQuery),
    Sessions(usize),
    Get(Vec<u64>),
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0_i64..50).prop_map(|secs| Timestamp::from_second(1_700_000_000 + secs).unwrap())
}

fn word() -> impl Strategy<Value = String> {
    "[ab]{1,2}"
}

prop_compose! {
    fn any_context()(
        number in 0_u64..12,
        (level, importance, embedded, pinned) in (0..3_usize, 0..5_u8, any::<bool>(), any::<bool>()),
        (user_id, agent_id, session_id) in (of(word()), of(word()), of(word())),
        tags in vec(word(), 0..3),
        stars in of(0..3_u8),
        (occurred_at, expires_at, superseded_at) in (time(), of(time()), of(time())),
        slot in of(0_i64..5),
    ) -> Context {
        let metadata = stars.map(|stars| ("stars".to_owned(), json!([stars, {"half": stars * 2}]))).into_iter().collect();
        Context {
            level: Level::ALL[level], importance: f32::from(importance) / 4.0, embedded, pinned, user_id, agent_id, session_id,
            tags, metadata, occurred_at: occurred_at.into(), expires_at, slot,
            superseded_by: superseded_at.map(|at| Superseded { by: id(1), at }),
            ..context(number)
        }
    }
}

prop_compose! {
    fn any_record()(
        context in any_context(),
        dense in of(vec(-1.0_f32..1.0, contract::DIMENSIONS)),
        terms in vec((0_u32..8, 0.1_f32..2.0), 0..5),
    ) -> Record {
        Record { context, dense, terms: SparseVector::new(terms) }
    }
}

prop_compose! {
    fn any_filter()(
        levels in vec((0..3_usize).prop_map(|level| Level::ALL[level]), 0..2),
        (user_id, session_id) in (proptest::option::weighted(0.2, word()), proptest::option::weighted(0.2, word())),
        (tags_any, tags_all) in (vec(word(), 0..2), vec(word(), 0..2)),
        (occurred_after, occurred_before) in (of(time()), proptest::option::weighted(0.2, time())),
        stars in proptest::option::weighted(0.2, 0..3_u8),
        pinned in proptest::bool::weighted(0.1),
        ids in proptest::option::weighted(0.2, vec((0_u64..12).prop_map(id), 0..6)),
        visibility in prop_oneof![
            Just(Visibility::All),
            time().prop_map(Visibility::Current),
            time().prop_map(Visibility::Live),
            time().prop_map(Visibility::Expired),
        ],
    ) -> Filter {
        let metadata = stars.map(|stars| ("stars.half".to_owned(), vec![json!(stars)])).into_iter().collect();
        Filter {
            levels, user_id, session_id, tags_any, tags_all, metadata, pinned, ids,
            occurred_after: occurred_after.map(Into::into), occurred_before: occurred_before.map(Into::into), visibility, ..Filter::default()
        }
    }
}

prop_compose! {
    fn any_query()(
        dense in of(vec(-1.0_f32..1.0, contract::DIMENSIONS)),
        terms in of(vec((0_u32..8, 0.1_f32..2.0), 0..4)),
        filter in prop_oneof![Just(Filter::default()), any_filter()],
    ) -> StoreQuery {
        // Room for everything: which of two equal ones is cut off is nobody's promise.
        StoreQuery { dense, terms: terms.map(SparseVector::new), filter, limit: 50, exact: false }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => vec(any_record(), 1..6).prop_map(Step::Upsert),
        3 => (vec(any_record(), 0..4), vec(any_record(), 0..6)).prop_map(|(new, mut changed)| {
            changed.retain(|changed| new.iter().all(|new| new.context.id != changed.context.id));
            Step::Replace(new, changed)
        }),
        2 => vec(any_context(), 1..4).prop_map(Step::Update),
        1 => any_filter().prop_map(Step::Delete),
        2 => (any_filter(), 1..8_usize).prop_map(|(filter, limit)| Step::List(filter, limit)),
        3 => any_query().prop_map(Step::Search),
        1 => (1..4_usize).prop_map(Step::Sessions),
        1 => vec(0_u64..14, 0..5).prop_map(Step::Get),
    ]
}

/// Takes a step with a store and tells what it answered.
async fn take(store: &dyn VectorStore, scope: &Scope, step: Step) -> Answer {
    match step {
        Step::Upsert(records) => {
            store.upsert(scope, records).await.unwrap();
            Answer::default()
        }
        Step::Replace(new, changed) => {
            let mut found = store.replace(scope, new, changed).await.unwrap();
            found.sort_unstable();
            Answer {
                text: format!("{found:?}"),
                ..Answer::default()
            }
        }
        Step::Update(contexts) => {
            store.update(scope, contexts).await.unwrap();
            Answer::default()
        }
        Step::Delete(filter) => {
            let count = store.count(scope, &filter).await.unwrap();
            assert_eq!(store.delete(scope, &filter).await.unwrap(), count);
            Answer {
                text: count.to_string(),
                ..Answer::default()
            }
        }
        Step::List(filter, limit) => {
            let mut answer = Answer::default();
            let mut after = None;
            loop {
                let request = ListRequest {
                    filter: filter.clone(),
                    after,
                    limit,
                    with_vectors: true,
                    ..ListRequest::default()
                };
                let page = store.list(scope, request).await.unwrap();
                let _infallible = write!(answer.text, "page of {}, ", page.items.len());
                for Record { context, dense, terms } in page.items {
                    let _infallible = writeln!(answer.text, "{context:?} {terms:?}");
                    answer.numbers.extend(dense.into_iter().flatten());
                }
                after = page.next;
                if after.is_none() {
                    return answer;
                }
            }
        }
        Step::Search(query) => {
            let mut answer = Answer::default();
            let mut found = store.search(scope, query).await.unwrap();
            found.sort_by_key(|candidate| candidate.record.context.id);
            for Candidate { record, dense, lexical } in found {
                let Record {
                    context,
                    terms,
                    dense: vector,
                } = &*record;
                let found_by = (dense.is_some(), lexical.is_some());
                let _infallible = writeln!(answer.text, "{context:?} {terms:?} {found_by:?}");
                answer
                    .numbers
                    .extend(vector.iter().flatten().copied().chain(dense).chain(lexical));
            }
            answer
        }
        Step::Sessions(limit) => Answer {
            text: format!(
                "{:?}",
                store.sessions(scope, &Filter::default(), None, limit).await.unwrap()
            ),
            ..Answer::default()
        },
        Step::Get(ids) => {
            let ids: Vec<_> = ids.into_iter().map(id).collect();
            let got = store.get(scope, &ids).await.unwrap();
            let keys: Vec<_> = got.iter().map(Context::content_key).collect();
            let mut same = store.find_by_content(scope, &keys).await.unwrap();
            same.sort_by_key(|context| context.id);
            Answer {
                text: format!("{got:?} {same:?}"),
                ..Answer::default()
            }
        }
    }
}

/// Answer of a store: a text that must be equal, and numbers that must be nearly equal.
#[derive(Debug, Default)]
struct Answer {
    text: String,
    numbers: Vec<f32>,
}

/// Does the same to a store and to one in memory, and compares what they answer.
fn answers_as_in_memory<S: Deref<Target: VectorStore + Sized>>(cases: u32, new_store: impl Future<Output = S>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let store = runtime.block_on(new_store);
    let memory = MemoryStore::new(contract::DIMENSIONS);
    // Every case is a tenant of its own: a new store for each would take most of the time.
    let case = AtomicU64::new(0);
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&vec(any_step(), 1..25), |steps| {
        let tenant = format!("case-{}", case.fetch_add(1, Ordering::Relaxed));
        let scope = Scope::authenticated(TenantId::try_new(&tenant).unwrap());
        for step in steps {
            let expected = runtime.block_on(take(&memory, &scope, step.clone()));
            let actual = runtime.block_on(take(&*store, &scope, step.clone()));
            prop_assert_eq!(&actual.text, &expected.text, "after {:?}", step);
            prop_assert_eq!(actual.numbers.len(), expected.numbers.len(), "after {:?}", step);
            for (actual, expected) in actual.numbers.iter().zip(&expected.numbers) {
                prop_assert!(
                    // Vectors in memory are rounded.
                    (actual - expected).abs() < 0.0005,
                    "{} is not {} after {:?}",
                    actual,
                    expected,
                    step
                );
            }
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
fn the_embedded_store_answers_as_the_store_in_memory() {
    answers_as_in_memory(60, new_store());
}

#[test]
fn the_store_on_a_server_answers_as_the_store_in_memory() {
    answers_as_in_memory(60, crate::qdrant::new_store());
}
