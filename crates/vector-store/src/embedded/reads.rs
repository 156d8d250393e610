//! What is asked of the engine: by id, by content, page by page, and counted.
//!
//! Everything here blocks, and expects the caller to keep writes out while it runs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use context_manager_core::context::{ContentKey, Context, ContextId, Level};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{BoxError, ListRequest, Order, Record, SessionSummary};
use context_manager_core::{Cursor, Filter, Page, TenantId};
use qdrant_edge::{
    CountRequestBuilder, Direction, EdgeShard, FacetRequestBuilder, FacetValue, Filter as EngineFilter,
    OperationResult, OrderBy, OrderByInterface, PointId, Record as EngineRecord, RetrieveRequestBuilder,
    ScrollRequestBuilder, VectorInternal, VectorStructInternal, WithPayloadInterface, WithVector,
};

use super::engine::Engine;
use super::filter;
use super::schema::{WORDS, path};
use crate::page::{MAX_PAGE, SCROLL, sort};
use crate::payload::{self, Malformed, PointIds, key};

/// Which of the ids are stored, whoever's they are.
pub(super) fn existing(shard: &EdgeShard, ids: Vec<PointId>) -> OperationResult<HashSet<PointId>> {
    let request = RetrieveRequestBuilder::new(ids)
        .with_payload(WithPayloadInterface::Bool(false))
        .build();
    Ok(shard.retrieve(request)?.into_iter().map(|record| record.id).collect())
}

pub(super) fn get(shard: &EdgeShard, tenant: &TenantId, ids: &[ContextId]) -> Result<Vec<Context>, BoxError> {
    let points = PointIds::of(tenant);
    let mut seen = HashSet::new();
    let ids = ids
        .iter()
        .filter(|id| seen.insert(**id))
        .map(|id| PointId::Uuid(points.point(*id)))
        .collect();
    contexts(tenant, shard.retrieve(RetrieveRequestBuilder::new(ids).build())?)
}

pub(super) fn find_by_content(
    shard: &EdgeShard,
    tenant: &TenantId,
    keys: &[ContentKey],
) -> Result<Vec<Context>, BoxError> {
    match filter::content(tenant, keys) {
        Some(filter) => contexts(tenant, all(shard, &filter, WithVector::Bool(false))?),
        None => Ok(Vec::new()),
    }
}

/// The tenants that have a point that matches.
pub(super) fn tenants(shard: &EdgeShard, filter: EngineFilter) -> Result<Vec<TenantId>, BoxError> {
    let facet = FacetRequestBuilder::new(path(key::TENANT))
        .filter(filter)
        .limit(u32::MAX as usize);
    let names = shard
        .facet(facet.build())?
        .hits
        .into_iter()
        .filter_map(|hit| keyword(hit.value));
    names.map(|name| Ok(TenantId::try_new(&name)?)).collect()
}

/// How many points each tenant has.
pub(super) fn tenant_counts(shard: &EdgeShard) -> Result<BTreeMap<TenantId, u64>, BoxError> {
    let facet = FacetRequestBuilder::new(path(key::TENANT))
        .limit(u32::MAX as usize)
        .exact(true);
    let hits = shard.facet(facet.build())?.hits.into_iter();
    let named = hits.filter_map(|hit| Some((keyword(hit.value)?, hit.count as u64)));
    named
        .map(|(name, count)| Ok((TenantId::try_new(&name)?, count)))
        .collect()
}

pub(super) fn count(shard: &EdgeShard, filter: EngineFilter) -> OperationResult<u64> {
    Ok(shard.count(CountRequestBuilder::new().filter(filter).exact(true).build())? as u64)
}

/// The words of the first points that match, by id: ids are hashes, so the first ones are any ones.
pub(super) fn sample_terms(
    shard: &EdgeShard,
    filter: EngineFilter,
    limit: usize,
) -> OperationResult<Vec<SparseVector>> {
    let request = ScrollRequestBuilder::new()
        .filter(filter)
        .limit(limit.clamp(1, MAX_PAGE))
        .with_payload(WithPayloadInterface::Bool(false))
        .with_vector(WithVector::from(WORDS.to_owned()));
    let (found, _next) = shard.scroll(request.build())?;
    Ok(found.into_iter().map(|found| words(named(found.vector))).collect())
}

/// The engine looks for the places alone: so few can stand there that the rest is decided here for less.
pub(super) fn at_slots(
    engine: &Engine,
    tenant: &TenantId,
    slots: &[i64],
    matching: &Filter,
) -> Result<Vec<Arc<Record>>, BoxError> {
    let look_up = |slots: &[i64]| match filter::slots(tenant, slots) {
        Some(filter) => Ok(ids(engine.shard(), &filter)?),
        None => Ok(Vec::new()),
    };
    let found = engine.records().at_slots(engine, tenant, slots, look_up)?;
    let records = found.into_iter().map(|(_, record)| record);
    Ok(records.filter(|record| matching.matches(&record.context)).collect())
}

/// A page never ends between two records with the same sequence number, as the next one starts below it.
pub(super) fn list(engine: &Engine, tenant: &TenantId, request: &ListRequest) -> Result<Page<Record>, BoxError> {
    let shard = engine.shard();
    let limit = request.limit.min(MAX_PAGE);
    let Some(mut filter) = filter::translate(tenant, &request.filter).filter(|_| limit > 0) else {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    };
    let (direction, beyond): (_, fn(EngineFilter, u64) -> EngineFilter) = match request.order {
        Order::NewestFirst => (Direction::Desc, filter::before),
        Order::OldestFirst => (Direction::Asc, filter::after),
    };
    if let Some(Cursor(sequence)) = request.after {
        filter = beyond(filter, sequence);
    }
    let dense = &engine.manifest().vector;
    let with_vectors = if request.with_vectors {
        with_vectors(dense)
    } else {
        WithVector::Bool(false)
    };
    let found = ordered(shard, &filter, direction, limit + 1, with_vectors.clone())?;
    let records = found.into_iter().map(|found| record(tenant, dense, found));
    let mut records = records.collect::<Result<Vec<_>, _>>()?;
    sort(&mut records, request.order);
    if records.len() <= limit {
        return Ok(Page {
            items: records,
            next: None,
        });
    }
    let last = records[limit - 1].context.sequence;
    let mut next = Some(Cursor(last));
    if records[limit].context.sequence == last {
        records.retain(|record| record.context.sequence != last);
        for found in all(shard, &filter::at(filter.clone(), last), with_vectors)? {
            records.push(record(tenant, dense, found)?);
        }
        let rest = ordered(shard, &beyond(filter, last), direction, 1, WithVector::Bool(false))?;
        next = next.filter(|_| !rest.is_empty());
    } else {
        records.truncate(limit);
    }
    sort(&mut records, request.order);
    Ok(Page { items: records, next })
}

pub(super) fn sessions(
    shard: &EdgeShard,
    tenant: &TenantId,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<SessionSummary, String>, BoxError> {
    // Its counts are approximate, and not looked at; its values are all that there are.
    let facet = FacetRequestBuilder::new(path(key::SESSION))
        .filter(filter::tenant(tenant))
        .limit(u32::MAX as usize);
    let ids: BTreeSet<String> = shard
        .facet(facet.build())?
        .hits
        .into_iter()
        .filter_map(|hit| keyword(hit.value))
        .collect();
    let mut ids = ids
        .into_iter()
        .filter(|id| after.is_none_or(|after| id.as_str() > after));
    let page: Vec<String> = ids.by_ref().take(limit).collect();
    let next = ids.next().and_then(|_more| page.last().cloned());
    let mut items = Vec::with_capacity(page.len());
    for id in page {
        items.extend(session(shard, tenant, id)?);
    }
    Ok(Page { items, next })
}

/// `None` when nothing of it is left.
fn session(shard: &EdgeShard, tenant: &TenantId, id: String) -> Result<Option<SessionSummary>, BoxError> {
    let mut counts = [0; Level::ALL.len()];
    for level in Level::ALL {
        counts[level.index()] = count(shard, filter::session(tenant, &id, Some(level)))?;
    }
    let filter = filter::session(tenant, &id, None);
    let end = |direction| {
        let found = ordered(shard, &filter, direction, 1, WithVector::Bool(false))?;
        contexts(tenant, found).map(|contexts| contexts.first().map(|context| context.created_at))
    };
    let (first, last) = (end(Direction::Asc)?, end(Direction::Desc)?);
    Ok(first
        .zip(last)
        .map(|(first_activity_at, last_activity_at)| SessionSummary {
            session_id: id,
            counts,
            first_activity_at,
            last_activity_at,
        }))
}

/// What matches, by sequence number.
fn ordered(
    shard: &EdgeShard,
    filter: &EngineFilter,
    direction: Direction,
    limit: usize,
    with_vectors: WithVector,
) -> OperationResult<Vec<EngineRecord>> {
    let order = OrderBy {
        key: path(key::SEQUENCE),
        direction: Some(direction),
        start_from: None,
    };
    let request = ScrollRequestBuilder::new()
        .filter(filter.clone())
        .order_by(OrderByInterface::Struct(order))
        .limit(limit)
        .with_vector(with_vectors);
    Ok(shard.scroll(request.build())?.0)
}

/// The points that match, in no order.
fn ids(shard: &EdgeShard, filter: &EngineFilter) -> OperationResult<Vec<PointId>> {
    let mut request = ScrollRequestBuilder::new()
        .filter(filter.clone())
        .limit(SCROLL)
        .with_payload(WithPayloadInterface::Bool(false))
        .build();
    let mut ids = Vec::new();
    loop {
        let (records, next) = shard.scroll(request.clone())?;
        ids.extend(records.into_iter().map(|record| record.id));
        if next.is_none() {
            return Ok(ids);
        }
        request.offset = next;
    }
}

/// Everything that matches, in no order.
fn all(shard: &EdgeShard, filter: &EngineFilter, with_vectors: WithVector) -> OperationResult<Vec<EngineRecord>> {
    let mut request = ScrollRequestBuilder::new()
        .filter(filter.clone())
        .limit(SCROLL)
        .with_vector(with_vectors)
        .build();
    let mut found = Vec::new();
    loop {
        let (records, next) = shard.scroll(request.clone())?;
        found.extend(records);
        if next.is_none() {
            return Ok(found);
        }
        request.offset = next;
    }
}

fn contexts(tenant: &TenantId, found: Vec<EngineRecord>) -> Result<Vec<Context>, BoxError> {
    found
        .into_iter()
        .map(|found| Ok(context(tenant, found.payload)?))
        .collect()
}

/// Asks for the vector called `dense` and the words.
pub(super) fn with_vectors(dense: &str) -> WithVector {
    WithVector::Selector(vec![dense.to_owned(), WORDS.to_owned()])
}

pub(super) fn record(tenant: &TenantId, dense: &str, found: EngineRecord) -> Result<Record, BoxError> {
    let context = context(tenant, found.payload)?;
    let (dense, terms) = vectors(dense, found.vector);
    Ok(Record { context, dense, terms })
}

/// The context that is stored as `payload`.
pub(super) fn context(tenant: &TenantId, payload: Option<qdrant_edge::Payload>) -> Result<Context, Malformed> {
    payload::decode(tenant, payload.map(|payload| payload.0).unwrap_or_default())
}

/// The vector called `dense` and the words, as far as they are there.
fn vectors(dense: &str, stored: Option<VectorStructInternal>) -> (Option<Vec<f32>>, SparseVector) {
    let mut named = named(stored);
    let dense = match named.remove(dense) {
        Some(VectorInternal::Dense(dense)) => Some(dense),
        Some(VectorInternal::Sparse(_) | VectorInternal::MultiDense(_)) | None => None,
    };
    (dense, words(named))
}

fn words(mut named: HashMap<String, VectorInternal>) -> SparseVector {
    match named.remove(WORDS) {
        Some(VectorInternal::Sparse(words)) => SparseVector::new(words.indices.into_iter().zip(words.values)),
        Some(VectorInternal::Dense(_) | VectorInternal::MultiDense(_)) | None => SparseVector::default(),
    }
}

fn named(stored: Option<VectorStructInternal>) -> HashMap<String, VectorInternal> {
    match stored {
        Some(VectorStructInternal::Named(named)) => named,
        Some(VectorStructInternal::Single(_) | VectorStructInternal::MultiDense(_)) | None => HashMap::new(),
    }
}

fn keyword(value: FacetValue) -> Option<String> {
    match value {
        FacetValue::Keyword(value) => Some(value),
        FacetValue::Int(_) | FacetValue::Uuid(_) | FacetValue::Bool(_) => None,
    }
}

/// The filter of a request, in the engine's terms.
pub(super) fn translate(tenant: &TenantId, filter: &Filter) -> Option<EngineFilter> {
    filter::translate(tenant, filter)
}
