//! Records to fill a store with, and short forms of what the clauses ask.

use context_manager_core::context::{Context, ContextId, Level};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Candidate, ListRequest, Record, StoreQuery, VectorStore};
use context_manager_core::{Cursor, Filter, Page, Scope, TenantId, Visibility};
use jiff::Timestamp;
use uuid::Uuid;

/// The size of the vectors that the contract uses.
pub const DIMENSIONS: usize = 4;

pub(super) fn scope(tenant: &str) -> Scope {
    Scope::authenticated(TenantId::try_new(tenant).unwrap())
}

pub(super) fn acme() -> Scope {
    scope("acme")
}

pub(super) fn id(number: u64) -> ContextId {
    ContextId(Uuid::from_u128(u128::from(number)))
}

/// The given number of seconds after the beginning of the test's time.
pub(super) fn time(secs: u64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + i64::try_from(secs).unwrap()).unwrap()
}

/// The context with this number, stored as the `number`-th.
pub(super) fn context(number: u64) -> Context {
    Context {
        id: id(number),
        text: format!("context {number}"),
        level: Level::LongTerm,
        user_id: None,
        agent_id: None,
        session_id: None,
        tags: Vec::new(),
        metadata: serde_json::Map::new(),
        importance: 0.5,
        pinned: false,
        token_count: 2,
        access_count: 0,
        occurred_at: time(number).into(),
        created_at: time(number),
        updated_at: time(number),
        last_accessed_at: None,
        expires_at: None,
        ttl_secs: None,
        embedded: true,
        derived_from: Vec::new(),
        similar_to: Vec::new(),
        superseded_by: None,
        sequence: number,
        slot: None,
    }
}

/// A record of this context with a vector in a direction of its own.
pub(super) fn record(context: Context) -> Record {
    let dense = direction(u16::try_from(context.sequence % 1000).unwrap());
    Record {
        dense: Some(dense),
        terms: words(&[1]),
        context,
    }
}

/// Vectors whose cosine with [`FORWARD`] falls as the number grows.
pub(super) fn direction(number: u16) -> Vec<f32> {
    let angle = f32::from(number) / 1000.0;
    vec![angle.cos(), angle.sin(), 0.0, 0.0]
}

pub(super) const FORWARD: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];

/// These words, each with weight 1.
pub(super) fn words(terms: &[u32]) -> SparseVector {
    SparseVector::new(terms.iter().map(|term| (*term, 1.0)))
}

/// Stores the contexts with these numbers.
pub(super) async fn fill(store: &dyn VectorStore, scope: &Scope, numbers: impl IntoIterator<Item = u64>) {
    let records = numbers.into_iter().map(|number| record(context(number))).collect();
    store.upsert(scope, records).await.unwrap();
}

pub(super) async fn list(
    store: &dyn VectorStore,
    scope: &Scope,
    filter: Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Page<Record> {
    store
        .list(
            scope,
            ListRequest {
                filter,
                after,
                limit,
                ..ListRequest::default()
            },
        )
        .await
        .unwrap()
}

/// The ids of everything that matches, newest first.
pub(super) async fn all(store: &dyn VectorStore, scope: &Scope, filter: Filter) -> Vec<ContextId> {
    let page = list(store, scope, filter, None, 10_000).await;
    assert_eq!(page.next, None, "the page has room for everything");
    page.items.into_iter().map(|record| record.context.id).collect()
}

pub(super) fn by_vector(vector: &[f32]) -> StoreQuery {
    StoreQuery {
        dense: Some(vector.to_vec()),
        ..nothing()
    }
}

pub(super) fn by_words(terms: &[u32]) -> StoreQuery {
    StoreQuery {
        terms: Some(words(terms)),
        ..nothing()
    }
}

pub(super) fn nothing() -> StoreQuery {
    StoreQuery {
        dense: None,
        terms: None,
        filter: Filter::default(),
        limit: 100,
        exact: false,
    }
}

/// What is found, by id.
pub(super) async fn search(store: &dyn VectorStore, scope: &Scope, query: StoreQuery) -> Vec<Candidate> {
    let mut found = store.search(scope, query).await.unwrap();
    found.sort_by_key(|candidate| candidate.record.context.id);
    found
}

/// The ids of what is found, ascending.
pub(super) async fn found(store: &dyn VectorStore, scope: &Scope, query: StoreQuery) -> Vec<ContextId> {
    search(store, scope, query)
        .await
        .into_iter()
        .map(|candidate| candidate.record.context.id)
        .collect()
}

pub(super) fn current(now: Timestamp) -> Filter {
    Filter {
        visibility: Visibility::Current(now),
        ..Filter::default()
    }
}

/// Scores come from sums of floats in whatever order.
#[track_caller]
pub(super) fn assert_near(actual: Option<f32>, expected: f32) {
    let actual = actual.expect("there is a score");
    assert!((actual - expected).abs() < 1e-4, "{actual} is not {expected}");
}
