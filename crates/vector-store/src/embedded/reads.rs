//! Reads by id, by content, by offset, page by page, and counts.
//!
//! Everything here blocks, and expects the caller to hold the engine's gate for reading.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use context_manager_core::context::{ContentKey, Context, ContextId, Level};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{BoxError, ListRequest, Order, Record, SessionSummary};
use context_manager_core::{Cursor, Filter, Page, TenantId};
use qdrant_edge::{
    CountRequestBuilder, Direction, EdgeShard, FacetRequestBuilder, FacetValue, Filter as EngineFilter,
    OperationResult, OrderBy, OrderByInterface, OrderValue, PointId, Record as EngineRecord, RetrieveRequestBuilder,
    ScrollRequestBuilder, StartFrom, VectorInternal, VectorStructInternal, WithPayloadInterface, WithVector,
};

use super::engine::Engine;
use super::failure::{Failure, caught};
use super::filter;
use super::schema::{WORDS, path};
use crate::page::{MAX_PAGE, SCROLL, sort};
use crate::payload::{self, PointIds, key};

/// Returns those of the ids that are stored, of any tenant.
pub(super) fn existing(shard: &EdgeShard, ids: Vec<PointId>) -> OperationResult<HashSet<PointId>> {
    let request = RetrieveRequestBuilder::new(ids)
        .with_payload(WithPayloadInterface::Bool(false))
        .build();
    Ok(shard.retrieve(request)?.into_iter().map(|record| record.id).collect())
}

pub(super) fn get(engine: &Engine, tenant: &TenantId, ids: &[ContextId]) -> Result<Vec<Context>, BoxError> {
    let points = PointIds::of(tenant);
    let mut seen = HashSet::new();
    let ids = ids.iter().filter(|id| seen.insert(**id));
    let ids: Vec<PointId> = ids.map(|id| PointId::Uuid(points.point(*id))).collect();
    contexts(engine, tenant, &ids)
}

pub(super) fn find_by_content(
    engine: &Engine,
    tenant: &TenantId,
    keys: &[ContentKey],
) -> Result<Vec<Context>, BoxError> {
    match filter::content(tenant, keys) {
        Some(filter) => contexts(engine, tenant, &ids(&engine.shard, &filter)?),
        None => Ok(Vec::new()),
    }
}

/// Returns the tenants that have a matching point.
pub(super) fn tenants(shard: &EdgeShard, filter: EngineFilter) -> Result<Vec<TenantId>, BoxError> {
    let names = facet(shard, key::TENANT, Some(filter), false)?.into_keys();
    names.map(|name| Ok(TenantId::try_new(&name)?)).collect()
}

/// Returns the number of points of each tenant.
pub(super) fn tenant_counts(shard: &EdgeShard) -> OperationResult<BTreeMap<String, u64>> {
    facet(shard, key::TENANT, None, true)
}

/// Returns the distinct keywords of a key among the matching points, and the number of points with each.
fn facet(
    shard: &EdgeShard,
    key: &str,
    filter: Option<EngineFilter>,
    exact: bool,
) -> OperationResult<BTreeMap<String, u64>> {
    let mut request = FacetRequestBuilder::new(path(key))
        .limit(u32::MAX as usize)
        .exact(exact);
    if let Some(filter) = filter {
        request = request.filter(filter);
    }
    let hits = shard.facet(request.build())?.hits.into_iter();
    let words = hits.filter_map(|hit| match hit.value {
        FacetValue::Keyword(word) => Some((word, hit.count as u64)),
        FacetValue::Int(_) | FacetValue::Uuid(_) | FacetValue::Bool(_) => None,
    });
    Ok(words.collect())
}

pub(super) fn count(shard: &EdgeShard, filter: EngineFilter) -> OperationResult<u64> {
    Ok(shard.count(CountRequestBuilder::new().filter(filter).exact(true).build())? as u64)
}

/// Returns the sparse vectors of the first matching points by id: ids are hashes, so that is a random sample.
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
    Ok(found.into_iter().map(|found| sparse(named(found.vector))).collect())
}

/// The engine looks for the offsets alone: few points share one, so that matching the rest here costs less.
pub(super) fn at_offsets(
    engine: &Engine,
    tenant: &TenantId,
    offsets: &[i64],
    matching: &Filter,
) -> Result<Vec<Arc<Record>>, BoxError> {
    let Some(filter) = filter::offsets(tenant, offsets) else {
        return Ok(Vec::new());
    };
    let found = records(engine, tenant, &ids(&engine.shard, &filter)?, true)?;
    let records = found.into_iter().map(|(_, record)| record);
    let matching = records.filter(|record| matching.matches(&record.context));
    Ok(matching.map(Arc::new).collect())
}

/// Returns a page, which never ends between two records with one sequence number: the next page starts below it.
pub(super) fn list(engine: &Engine, tenant: &TenantId, request: &ListRequest) -> Result<Page<Record>, BoxError> {
    let shard = &engine.shard;
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
    let mut found = ordered(shard, &filter, direction, request.after, limit + 1)?;
    let mut next = None;
    let mut together = Vec::new();
    if found.len() > limit {
        let last = found[limit - 1].1;
        if found[limit].1 == last {
            found.retain(|(_, sequence)| *sequence != last);
            together = ids(shard, &filter::at(filter.clone(), last))?;
            let rest = ordered(shard, &beyond(filter, last), direction, Some(Cursor(last)), 1)?;
            next = (!rest.is_empty()).then_some(Cursor(last));
        } else {
            found.truncate(limit);
            next = Some(Cursor(last));
        }
    }
    let ids: Vec<PointId> = found.into_iter().map(|(id, _)| id).chain(together).collect();
    let records = records(engine, tenant, &ids, request.with_vectors)?;
    let mut items: Vec<Record> = records.into_iter().map(|(_, record)| record).collect();
    sort(&mut items, request.order);
    Ok(Page { items, next })
}

/// Returns up to `limit` sessions with a matching context behind `after`, by id.
pub(super) fn session_ids(
    engine: &Engine,
    tenant: &TenantId,
    matching: &Filter,
    after: Option<&str>,
    limit: usize,
) -> OperationResult<Page<String, String>> {
    let list = || {
        let Some(matching) = filter::translate(tenant, matching) else {
            return Ok([].into());
        };
        // Approximate counts, which nobody needs, but all values.
        let sessions = facet(&engine.shard, key::SESSION, Some(matching), false)?;
        Ok(sessions.into_keys().collect())
    };
    engine.sessions.page(tenant, matching, after, limit, list)
}

/// Returns the scopes of the matching points, each with the number of these points.
pub(super) fn count_scopes(shard: &EdgeShard, filter: EngineFilter) -> OperationResult<Vec<(String, u64)>> {
    Ok(facet(shard, key::SCOPE, Some(filter), true)?.into_iter().collect())
}

/// Returns the summary of the matching contexts of a session; `None` when there are none.
pub(super) fn session(
    engine: &Engine,
    tenant: &TenantId,
    id: String,
    matching: &Filter,
) -> Result<Option<SessionSummary>, BoxError> {
    let Some(filter) = filter::session(tenant, &id, matching) else {
        return Ok(None);
    };
    let mut counts = [0; Level::ALL.len()];
    for (level, count) in facet(&engine.shard, key::LEVEL, Some(filter.clone()), true)? {
        if let Ok(level) = level.parse::<Level>() {
            counts[level.index()] = count;
        }
    }
    let end = |direction| -> Result<_, BoxError> {
        // A few more, in case the first ones are unreadable.
        for (point, _) in ordered(&engine.shard, &filter, direction, None, 4)? {
            if let Some(context) = contexts(engine, tenant, &[point])?.pop() {
                return Ok(Some(context.created_at));
            }
        }
        Ok(None)
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

/// Returns the matching points with their sequence numbers, in the order of these. The engine starts at `from`, beyond which
/// the filter must match nothing: it would test all points before it.
fn ordered(
    shard: &EdgeShard,
    filter: &EngineFilter,
    direction: Direction,
    from: Option<Cursor>,
    limit: usize,
) -> Result<Vec<(PointId, u64)>, BoxError> {
    let from = from.map(|Cursor(sequence)| i64::try_from(sequence).unwrap_or(i64::MAX));
    let order = OrderBy {
        key: path(key::SEQUENCE),
        direction: Some(direction),
        start_from: from.map(StartFrom::Integer),
    };
    let request = ScrollRequestBuilder::new()
        .filter(filter.clone())
        .order_by(OrderByInterface::Struct(order))
        .with_payload(WithPayloadInterface::Bool(false))
        .limit(limit);
    let (found, _next) = shard.scroll(request.build())?;
    let numbered = found.into_iter().map(|found| match found.order_value {
        Some(OrderValue::Int(sequence)) => Ok((found.id, u64::try_from(sequence)?)),
        Some(OrderValue::Float(_)) | None => Err(BoxError::from("a point has no sequence number")),
    });
    numbered.collect()
}

/// Returns the matching points, in no order.
pub(super) fn ids(shard: &EdgeShard, filter: &EngineFilter) -> OperationResult<Vec<PointId>> {
    let mut ids = Vec::new();
    let mut from = None;
    loop {
        let (page, next) = page_of_ids(shard, filter, from)?;
        ids.extend(page);
        if next.is_none() {
            return Ok(ids);
        }
        from = next;
    }
}

/// Returns a page of the matching points from this one on, and where the next one begins. A deletion meanwhile, which the
/// gate prevents, would end the pages early.
pub(super) fn page_of_ids(
    shard: &EdgeShard,
    filter: &EngineFilter,
    from: Option<PointId>,
) -> OperationResult<(Vec<PointId>, Option<PointId>)> {
    let mut request = ScrollRequestBuilder::new()
        .filter(filter.clone())
        .limit(SCROLL)
        .with_payload(WithPayloadInterface::Bool(false))
        .build();
    request.offset = from;
    let (records, next) = shard.scroll(request)?;
    Ok((records.into_iter().map(|record| record.id).collect(), next))
}

/// Returns the records of these points, in their order. Skips points that are gone and, after noting them as trouble, those
/// that cannot be read: one damaged record must not hide the others.
pub(super) fn records(
    engine: &Engine,
    tenant: &TenantId,
    ids: &[PointId],
    with_vectors: bool,
) -> Result<Vec<(PointId, Record)>, BoxError> {
    let dense = &engine.manifest().vector;
    let wanted = if with_vectors {
        WithVector::Selector(vec![dense.clone(), WORDS.to_owned()])
    } else {
        WithVector::Bool(false)
    };
    let mut records = Vec::with_capacity(ids.len());
    let unreadable = |id, failure: &Failure| engine.troubles.unreadable(id, failure);
    for found in retrieve(&engine.shard, ids, &wanted, &unreadable)? {
        let payload = found.payload.map(|payload| payload.0).unwrap_or_default();
        match payload::decode_sealed(tenant, payload) {
            Ok(mut context) => {
                if let PointId::Uuid(point) = found.id {
                    engine.accesses.merge(point, &mut context);
                }
                let (dense, terms) = vectors(dense, found.vector);
                records.push((found.id, Record { context, dense, terms }));
            }
            Err(error) => engine.troubles.unreadable(found.id, &error),
        }
    }
    Ok(records)
}

pub(super) fn contexts(engine: &Engine, tenant: &TenantId, ids: &[PointId]) -> Result<Vec<Context>, BoxError> {
    let records = records(engine, tenant, ids, false)?.into_iter();
    Ok(records.map(|(_, record)| record.context).collect())
}

/// Returns those of these points that the engine can read. It reads what it deletes or moves, and accepts no more writes
/// after it failed in that.
pub(super) fn readable(
    shard: &EdgeShard,
    ids: &[PointId],
    note_unreadable: &dyn Fn(PointId, &Failure),
) -> Result<Vec<PointId>, Failure> {
    let found = retrieve(shard, ids, &WithVector::Bool(false), note_unreadable)?;
    Ok(found.into_iter().map(|found| found.id).collect())
}

/// Retrieves these points. One payload that the engine cannot read fails the request, so each half is then requested by
/// itself, down to the single point.
fn retrieve(
    shard: &EdgeShard,
    ids: &[PointId],
    vectors: &WithVector,
    note_unreadable: &dyn Fn(PointId, &Failure),
) -> Result<Vec<EngineRecord>, Failure> {
    let read = |payload| {
        let request = RetrieveRequestBuilder::new(ids.to_vec())
            .with_payload(WithPayloadInterface::Bool(payload))
            .with_vector(vectors.clone());
        caught(|| shard.retrieve(request.build()))
    };
    let failure = match read(true) {
        Ok(found) => return Ok(found),
        Err(failure) => failure,
    };
    if let [id] = ids {
        // Any other failure occurs without the payload too.
        read(false)?;
        note_unreadable(*id, &failure);
        return Ok(Vec::new());
    }
    let (first, second) = ids.split_at(ids.len() / 2);
    let mut found = retrieve(shard, first, vectors, note_unreadable)?;
    found.extend(retrieve(shard, second, vectors, note_unreadable)?);
    Ok(found)
}

/// Returns the vector called `dense` and the sparse vector, if they are stored.
fn vectors(dense: &str, stored: Option<VectorStructInternal>) -> (Option<Vec<f32>>, SparseVector) {
    let mut named = named(stored);
    let dense = match named.remove(dense) {
        Some(VectorInternal::Dense(dense)) => Some(dense),
        Some(VectorInternal::Sparse(_) | VectorInternal::MultiDense(_)) | None => None,
    };
    (dense, sparse(named))
}

fn sparse(mut named: HashMap<String, VectorInternal>) -> SparseVector {
    match named.remove(WORDS) {
        Some(VectorInternal::Sparse(sparse)) => SparseVector::new(sparse.indices.into_iter().zip(sparse.values)),
        Some(VectorInternal::Dense(_) | VectorInternal::MultiDense(_)) | None => SparseVector::default(),
    }
}

fn named(stored: Option<VectorStructInternal>) -> HashMap<String, VectorInternal> {
    match stored {
        Some(VectorStructInternal::Named(named)) => named,
        Some(VectorStructInternal::Single(_) | VectorStructInternal::MultiDense(_)) | None => HashMap::new(),
    }
}
