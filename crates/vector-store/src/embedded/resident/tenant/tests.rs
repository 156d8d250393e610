use std::collections::BTreeMap;
use std::sync::LazyLock;

use context_manager_core::context::{Context, ContextId, Level, Origin, Superseded};
use context_manager_core::{Moment, Visibility};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

static NO_ACCESSES: LazyLock<Accesses> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    Accesses::open(folder.path()).unwrap()
});

const NOW: i64 = 1_700_000_000_000;

/// A write, by the number of a context.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, Record),
    Context(u8, Context),
    Vector(u8, Context, Vec<f32>),
    Remove(u8),
}

fn tenant() -> TenantId {
    TenantId::try_new("t").unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(NOW).unwrap()
}

fn point(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

prop_compose! {
    fn context()(
        text in "[a-c]{1,3}",
        user in prop::option::of("[uv]"),
        session in prop::option::of("[st]"),
        level in 0..Level::ALL.len(),
        expires in prop::option::of(-1..2i64),
        occurred in 0..3i64,
        superseded in prop::bool::weighted(0.2),
        slot in prop::option::of(0..4i64),
        tag in prop::bool::ANY,
        scope in prop::option::of("(a|a/b|c)"),
        origin in 0..Origin::ALL.len(),
    ) -> Context {
        Context {
            user_id: user,
            session_id: session,
            level: Level::ALL[level],
            expires_at: expires.map(|hours| now() + SignedDuration::from_hours(hours)),
            occurred_at: Moment::from_millisecond(occurred),
            superseded_by: superseded.then(|| Superseded { by: ContextId(Uuid::nil()), at: now() }),
            slot,
            scope,
            origin: Origin::ALL[origin],
            tags: tag.then(|| "t".to_owned()).into_iter().collect(),
            ..Context::new(text)
        }
    }
}

fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(0.1_f32..1.0, 4)
}

prop_compose! {
    fn record()(context in context(), dense in prop::option::of(vector()), terms in prop::collection::btree_map(0u32..6, 0.5_f32..2.0, 0..4)) -> Record {
        Record { context, dense, terms: SparseVector::new(terms) }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0u8..12;
    prop_oneof![
        4 => (number(), record()).prop_map(|(number, record)| Step::Put(number, record)),
        1 => (number(), context()).prop_map(|(number, context)| Step::Context(number, context)),
        1 => (number(), context(), vector()).prop_map(|(number, context, vector)| Step::Vector(number, context, vector)),
        2 => number().prop_map(Step::Remove),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let visibility = prop_oneof![
        Just(Visibility::All),
        Just(Visibility::Current(now())),
        Just(Visibility::Live(now())),
        Just(Visibility::Expired(now())),
    ];
    (
        prop::option::of("[uv]"),
        prop::option::of("[st]"),
        prop::collection::vec(0..Level::ALL.len(), 0..2),
        prop::option::of(0..3i64),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, "(a|a/b|c)"),
        prop::option::weighted(0.2, "(a|a/b|c)"),
        prop::collection::vec(0..Origin::ALL.len(), 0..3),
        visibility,
    )
        .prop_map(
            |(user_id, session_id, levels, after, sessionless, tagged, scope, scope_prefix, origins, visibility)| {
                Filter {
                    scope,
                    scope_prefix,
                    origins: origins.into_iter().map(|origin| Origin::ALL[origin]).collect(),
                    user_id,
                    session_id,
                    sessionless,
                    levels: levels.into_iter().map(|level| Level::ALL[level]).collect(),
                    occurred_after: after.map(Moment::from_millisecond),
                    tags_any: tagged.then(|| "t".to_owned()).into_iter().collect(),
                    visibility,
                    ..Filter::default()
                }
            },
        )
}

/// Applies a write to both, as the writer does: changes of contexts that are not stored are skipped.
fn apply(index: &mut TenantIndex, stored: &mut BTreeMap<u8, Record>, step: Step) {
    let (number, change) = match step {
        Step::Put(number, record) => {
            let change = Change::record(point(number), &record).unwrap();
            stored.insert(number, record);
            (number, Some(change))
        }
        Step::Context(number, context) => {
            let change = Change::context(point(number), &context).unwrap();
            let known = stored.get_mut(&number).map(|record| record.context = context);
            (number, known.map(|()| change))
        }
        Step::Vector(number, context, vector) => {
            let change = Change::embedded(point(number), &context, vector.clone()).unwrap();
            let known = stored.get_mut(&number).map(|record| {
                record.context = context;
                record.dense = Some(vector);
            });
            (number, known.map(|()| change))
        }
        Step::Remove(number) => {
            stored.remove(&number);
            index.remove(point(number));
            (number, None)
        }
    };
    if let Some(change) = change {
        index.put(change).unwrap_or_else(|_| panic!("{number} is stored"));
    }
}

fn ids<'a>(records: impl Iterator<Item = &'a Context>) -> Vec<ContextId> {
    let mut ids: Vec<ContextId> = records.map(|context| context.id).collect();
    ids.sort_unstable();
    ids
}

proptest! {
    #[test]
    fn it_finds_what_a_scan_of_all_records_finds(
        steps in prop::collection::vec(step(), 0..60),
        filter in filter(),
        terms in prop::collection::btree_map(0u32..6, 0.5_f32..2.0, 1..4),
        query in vector(),
    ) {
        let (mut index, mut stored) = (TenantIndex::default(), BTreeMap::new());
        for step in steps {
            apply(&mut index, &mut stored, step);
        }
        prop_assert_eq!(index.len(), stored.len());
        let terms = SparseVector::new(terms);
        let matching: Vec<&Record> = stored.values().filter(|record| filter.matches(&record.context)).collect();

        let offsets = index.at_offsets(&tenant(), &[0, 1, 2, 3], &filter, &NO_ACCESSES).unwrap();
        let expected = matching.iter().filter(|record| record.context.slot.is_some());
        prop_assert_eq!(ids(offsets.iter().map(|record| &record.context)), ids(expected.map(|record| &record.context)));

        let query = StoreQuery { dense: Some(query), terms: Some(terms.clone()), filter: filter.clone(), limit: 100, exact: false };
        let found = index.search(&tenant(), &query, &NO_ACCESSES).unwrap();
        let product = |record: &Record| record.terms.iter().filter_map(|(term, weight)| Some(weight * terms.get(term)?)).sum::<f32>();
        let expected = matching.iter().filter(|record| record.dense.is_some() || product(record) > 0.0);
        prop_assert_eq!(ids(found.iter().map(|found| &found.record.context)), ids(expected.map(|record| &record.context)));
        for candidate in &found {
            let own = matching.iter().find(|record| record.context.id == candidate.record.context.id).unwrap();
            prop_assert_eq!(&candidate.record.context, &own.context);
            prop_assert_eq!(&candidate.record.terms, &own.terms);
            prop_assert_eq!(candidate.record.dense.is_some(), own.dense.is_some());
            prop_assert_eq!(candidate.dense.is_some(), own.dense.is_some());
            prop_assert!((candidate.lexical.unwrap_or(0.0) - product(own)).abs() < 1e-4);
        }
    }
}

#[test]
fn places_of_removed_contexts_are_cleared() {
    let mut index = TenantIndex::default();
    let record = |number: u8| Record {
        context: Context {
            slot: Some(i64::from(number)),
            ..Context::new(format!("text {number}"))
        },
        dense: Some(vec![f32::from(number) + 1.0, 1.0]),
        terms: SparseVector::new([(7, 1.0), (u32::from(number) + 100, 1.0)]),
    };
    let records: Vec<Record> = (0..=255).map(record).collect();
    for (number, record) in (0..=255).zip(&records) {
        index.put(Change::record(point(number), record).unwrap()).unwrap();
    }
    let full = index.size();
    for number in 10..=255 {
        index.remove(point(number));
    }
    assert!(index.size() < full / 4, "{} of {full}", index.size());
    let query = StoreQuery {
        dense: None,
        terms: Some(SparseVector::new([(7, 1.0)])),
        filter: Filter::default(),
        limit: 300,
        exact: false,
    };
    let found = index.search(&tenant(), &query, &NO_ACCESSES).unwrap();
    assert_eq!(
        ids(found.iter().map(|found| &found.record.context)),
        ids(records[..10].iter().map(|record| &record.context))
    );
    assert_eq!(
        index
            .at_offsets(&tenant(), &[3, 200], &Filter::default(), &NO_ACCESSES)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(index.sample(None, 100).len(), 10);
    assert!(
        index
            .put(Change::context(point(99), &records[99].context).unwrap())
            .is_err()
    );
}
