//! What is asked of the engine: by id, by content, page by page, and counted.
//!
//! Everything here blocks, and expects the caller to keep writes out while it runs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use context_manager_core::context::{ContentKey, Context, ContextId, Level};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{BoxError, ListRequest, Record, SessionSummary};
use context_manager_core::{Cursor, Filter, Page, TenantId};
use qdrant_edge::{
    CountRequestBuilder, Direction, EdgeShard, FacetRequestBuilder, FacetValue, Filter as EngineFilter,
    OperationResult, OrderBy, OrderByInterface, PointId, Record as EngineRecord, RetrieveRequestBuilder,
    ScrollRequestBuilder, VectorInternal, VectorStructInternal, WithPayloadInterface, WithVector,
};

use super::engine::Engine;
use super::filter;
use super::schema::{DENSE, WORDS, path};
use crate::page::{MAX_PAGE, SCROLL, newest_first};
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
        Some(filter) => contexts(tenant, all(shard, &filter, false)?),
        None => Ok(Vec::new()),
    }
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
    Ok(found.into_iter().map(|found| vectors(found.vector).1).collect())
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
    if let Some(Cursor(sequence)) = request.after {
        filter = filter::before(filter, sequence);
    }
    // So few can match that putting them in order here costs less than having the engine walk its index of sequences.
    let few = request.filter.slots.as_ref().is_some_and(|slots| slots.len() <= limit);
    let mut records = if few && request.with_vectors {
        let found = engine.records().get(shard, tenant, &ids(shard, &filter)?)?;
        found
            .into_iter()
            .map(|(_, record)| Arc::unwrap_or_clone(record))
            .collect()
    } else {
        let found = ordered(shard, &filter, Direction::Desc, limit + 1, request.with_vectors)?;
        let records = found.into_iter().map(|found| record(tenant, found));
        records.collect::<Result<Vec<_>, _>>()?
    };
    newest_first(&mut records);
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
        for found in all(shard, &filter::at(filter.clone(), last), request.with_vectors)? {
            records.push(record(tenant, found)?);
        }
        let rest = ordered(shard, &filter::before(filter, last), Direction::Desc, 1, false)?;
        next = next.filter(|_| !rest.is_empty());
    } else {
        records.truncate(limit);
    }
    newest_first(&mut records);
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
        let found = ordered(shard, &filter, direction, 1, false)?;
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
    with_vectors: bool,
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
        .with_vector(WithVector::Bool(with_vectors));
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
fn all(shard: &EdgeShard, filter: &EngineFilter, with_vectors: bool) -> OperationResult<Vec<EngineRecord>> {
    let mut request = ScrollRequestBuilder::new()
        .filter(filter.clone())
        .limit(SCROLL)
        .with_vector(WithVector::Bool(with_vectors))
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

pub(super) fn record(tenant: &TenantId, found: EngineRecord) -> Result<Record, BoxError> {
    let context = context(tenant, found.payload)?;
    let (dense, terms) = vectors(found.vector);
    Ok(Record { context, dense, terms })
}

/// The context that is stored as `payload`.
pub(super) fn context(tenant: &TenantId, payload: Option<qdrant_edge::Payload>) -> Result<Context, Malformed> {
    payload::decode(tenant, payload.map(|payload| payload.0).unwrap_or_default())
}

/// The vector and the words, as far as they are there.
pub(super) fn vectors(stored: Option<VectorStructInternal>) -> (Option<Vec<f32>>, SparseVector) {
    let mut named = match stored {
        Some(VectorStructInternal::Named(named)) => named,
        Some(VectorStructInternal::Single(_) | VectorStructInternal::MultiDense(_)) | None => HashMap::new(),
    };
    let dense = match named.remove(DENSE) {
        Some(VectorInternal::Dense(dense)) => Some(dense),
        Some(VectorInternal::Sparse(_) | VectorInternal::MultiDense(_)) | None => None,
    };
    let terms = match named.remove(WORDS) {
        Some(VectorInternal::Sparse(words)) => SparseVector::new(words.indices.into_iter().zip(words.values)),
        Some(VectorInternal::Dense(_) | VectorInternal::MultiDense(_)) | None => SparseVector::default(),
    };
    (dense, terms)
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
