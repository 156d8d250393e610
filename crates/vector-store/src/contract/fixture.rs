//! Records to store, and short forms of the calls that the clauses make.

use context_manager_core::context::{Context, ContextId, Level};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{Candidate, ListRequest, Record, StoreQuery, VectorStore};
use context_manager_core::{Cursor, Filter, Page, Scope, TenantId, Visibility};
use jiff::Timestamp;
use uuid::Uuid;

/// Size of the vectors that the contract uses.
pub const DIMENSIONS: usize = 4;

pub(super) fn scope(tenant: &str) -> Scope {
    Scope::authenticated(TenantId::try_new(tenant).unwrap())
}

/// Returns the scope of the tenant that most clauses use.
pub fn acme() -> Scope {
    scope("acme")
}

/// Returns the id with this number.
pub fn id(number: u64) -> ContextId {
    ContextId(Uuid::from_u128(u128::from(number)))
}

/// Returns the time this number of seconds after the start of the clauses' time.
pub(super) fn time(secs: u64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + i64::try_from(secs).unwrap()).unwrap()
}

/// Returns the context with this number, which is also its sequence number.
pub fn context(number: u64) -> Context {
    Context {
        id: id(number),
        token_count: 2,
        occurred_at: time(number).into(),
        created_at: time(number),
        updated_at: time(number),
        embedded: true,
        sequence: number,
        ..Context::new(format!("context {number}"))
    }
}

/// Returns the context with this number after `change`.
pub(super) fn context_with(number: u64, change: impl FnOnce(&mut Context)) -> Context {
    let mut context = context(number);
    change(&mut context);
    context
}

/// Returns the default filter after `change`.
pub(super) fn filter_with(change: impl FnOnce(&mut Filter)) -> Filter {
    let mut filter = Filter::default();
    change(&mut filter);
    filter
}

/// Returns a filter for one level.
pub(super) fn level(level: Level) -> Filter {
    filter_with(|filter| filter.levels = vec![level])
}

/// Returns a record of this context, with a vector in a direction of its own.
pub(super) fn record(context: Context) -> Record {
    let dense = direction(u16::try_from(context.sequence % 1000).unwrap());
    Record {
        dense: Some(dense),
        terms: words(&[1]),
        context,
    }
}

/// Returns a vector whose cosine with [`FORWARD`] falls as the number grows.
pub(super) fn direction(number: u16) -> Vec<f32> {
    let angle = f32::from(number) / 1000.0;
    vec![angle.cos(), angle.sin(), 0.0, 0.0]
}

pub(super) const FORWARD: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];

/// Returns a sparse vector with weight 1 at these indices.
pub(super) fn words(terms: &[u32]) -> SparseVector {
    SparseVector::new(terms.iter().map(|term| (*term, 1.0)))
}

/// Stores these contexts, each with a vector of its own.
pub(super) async fn put(store: &dyn VectorStore, scope: &Scope, contexts: impl IntoIterator<Item = Context>) {
    let records = contexts.into_iter().map(record).collect();
    store.upsert(scope, records).await.unwrap();
}

/// Stores the contexts with these numbers.
pub(super) async fn fill(store: &dyn VectorStore, scope: &Scope, numbers: impl IntoIterator<Item = u64>) {
    put(store, scope, numbers.into_iter().map(context)).await;
}

/// Replaces the stored context that has the same id.
pub(super) async fn update(store: &dyn VectorStore, scope: &Scope, context: Context) {
    store.update(scope, vec![context]).await.unwrap();
}

pub(super) async fn count(store: &dyn VectorStore, scope: &Scope, filter: &Filter) -> u64 {
    store.count(scope, filter).await.unwrap()
}

pub(super) async fn get(store: &dyn VectorStore, scope: &Scope, ids: &[u64]) -> Vec<Context> {
    let ids: Vec<ContextId> = ids.iter().copied().map(id).collect();
    store.get(scope, &ids).await.unwrap()
}

/// Deletes the contexts with these numbers and returns how many existed.
pub(super) async fn delete(store: &dyn VectorStore, scope: &Scope, numbers: &[u64]) -> u64 {
    let ids = numbers.iter().copied().map(id).collect();
    store.delete(scope, &Filter::by_ids(ids)).await.unwrap()
}

pub(super) async fn list(
    store: &dyn VectorStore,
    scope: &Scope,
    filter: Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Page<Record> {
    let request = ListRequest {
        filter,
        after,
        limit,
        ..ListRequest::default()
    };
    store.list(scope, request).await.unwrap()
}

/// Returns the ids of all matches, newest first.
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

/// Returns a query for these words, each with weight 1.
pub fn by_words(terms: &[u32]) -> StoreQuery {
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

/// Returns the candidates by id.
pub(super) async fn search(store: &dyn VectorStore, scope: &Scope, query: StoreQuery) -> Vec<Candidate> {
    let mut found = store.search(scope, query).await.unwrap();
    found.sort_by_key(|candidate| candidate.record.context.id);
    found
}

/// Returns the ids of the candidates, ascending.
pub(super) async fn found(store: &dyn VectorStore, scope: &Scope, query: StoreQuery) -> Vec<ContextId> {
    let found = search(store, scope, query).await;
    found.into_iter().map(|candidate| candidate.record.context.id).collect()
}

/// Returns a filter for this visibility.
pub(super) fn visible(visibility: Visibility) -> Filter {
    filter_with(|filter| filter.visibility = visibility)
}

/// Compares scores with a tolerance, as engines add floats in any order.
#[track_caller]
pub(super) fn assert_near(actual: Option<f32>, expected: f32) {
    let actual = actual.expect("there is a score");
    assert!((actual - expected).abs() < 1e-4, "{actual} is not {expected}");
}
