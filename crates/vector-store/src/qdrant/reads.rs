//! Reads: by id, by content, in pages, and counts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{ListRequest, Order, Record};
use context_manager_core::{Cursor, Filter, Page, TenantId};
use qdrant_client::qdrant::{
    CountPoints, Direction, FacetCounts, GetPoints, OrderBy, PointId, ScrollPoints, VectorsSelector,
    WithPayloadSelector, WithVectorsSelector, facet_value, with_vectors_selector,
};

use super::client::{Client, rpc};
use super::failure::Failure;
use super::filter;
use super::points::Stored;
use crate::conditions::{self, Condition};
use crate::page::{MAX_PAGE, SCROLL, sort};
use crate::payload::PointIds;
use crate::payload::key::{self, WORDS};

pub(super) async fn get(client: &Client, tenant: &TenantId, ids: &[ContextId]) -> Result<Vec<Context>, Failure> {
    let points = PointIds::of(tenant);
    let mut seen = HashSet::new();
    let ids: Vec<ContextId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let stored = ids.iter().map(|id| filter::point_id(points.point(*id))).collect();
    // Shards answer in any order.
    let mut contexts = HashMap::with_capacity(ids.len());
    for found in retrieve(client, stored, true).await? {
        let context = found.context(tenant)?;
        contexts.insert(context.id, context);
    }
    Ok(ids.iter().filter_map(|id| contexts.remove(id)).collect())
}

pub(super) async fn find_by_content(
    client: &Client,
    tenant: &TenantId,
    keys: &[ContentKey],
) -> Result<Vec<Context>, Failure> {
    let Some(conditions) = conditions::of_content(tenant, keys) else {
        return Ok(Vec::new());
    };
    let found = all(client, &conditions, false).await?;
    found.into_iter().map(|found| found.context(tenant)).collect()
}

pub(super) async fn count(client: &Client, conditions: &[Condition]) -> Result<u64, Failure> {
    let request = CountPoints {
        collection_name: client.collection.clone(),
        filter: Some(filter::all(conditions)),
        exact: Some(true),
        read_consistency: client.consistency,
        timeout: Some(client.timeout_secs()),
        ..CountPoints::default()
    };
    let answer = client.points(request, rpc!(count)).await?;
    answer
        .result
        .map(|result| result.count)
        .ok_or(Failure::Incomplete("count"))
}

/// Returns the sparse vectors of the first points that match, by id. Ids are hashes, so that is a random sample.
pub(super) async fn sample_terms(
    client: &Client,
    conditions: &[Condition],
    limit: usize,
) -> Result<Vec<SparseVector>, Failure> {
    let sparse = VectorsSelector {
        names: vec![WORDS.to_owned()],
    };
    let request = ScrollPoints {
        limit: Some(page_size(limit.clamp(1, MAX_PAGE))),
        with_payload: Some(WithPayloadSelector::from(false)),
        with_vectors: Some(with_vectors_selector::SelectorOptions::Include(sparse).into()),
        ..scroll_request(client, conditions)
    };
    let (found, _next) = scroll(client, request).await?;
    Ok(found.into_iter().map(Stored::sparse).collect())
}

/// Returns a page of a list. It never ends between two records with the same sequence number, as the next page starts
/// below it.
pub(super) async fn list(client: &Client, tenant: &TenantId, request: &ListRequest) -> Result<Page<Record>, Failure> {
    let limit = request.limit.min(MAX_PAGE);
    let Some(mut conditions) = conditions::matching(tenant, &request.filter).filter(|_| limit > 0) else {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    };
    let (direction, beyond): (_, fn(u64) -> Condition) = match request.order {
        Order::NewestFirst => (Direction::Desc, conditions::before),
        Order::OldestFirst => (Direction::Asc, conditions::after),
    };
    if let Some(Cursor(sequence)) = request.after {
        conditions.push(beyond(sequence));
    }
    let found = ordered(client, &conditions, direction, limit + 1, request.with_vectors).await?;
    let mut items = records(tenant, found)?;
    sort(&mut items, request.order);
    if items.len() <= limit {
        return Ok(Page { items, next: None });
    }
    let last = items[limit - 1].context.sequence;
    let mut next = Some(Cursor(last));
    if items[limit].context.sequence == last {
        items.retain(|record| record.context.sequence != last);
        let with = |condition| [conditions.as_slice(), &[condition]].concat();
        let tied = all(client, &with(conditions::at(last)), request.with_vectors).await?;
        items.extend(records(tenant, tied)?);
        let rest = ordered(client, &with(beyond(last)), direction, 1, false).await?;
        next = next.filter(|_| !rest.is_empty());
        sort(&mut items, request.order);
    } else {
        items.truncate(limit);
    }
    Ok(Page { items, next })
}

/// Returns the matching records at these offsets. The server looks for the offsets alone: so few records can be there that
/// the filter is cheaper to apply here.
pub(super) async fn at_offsets(
    client: &Client,
    tenant: &TenantId,
    slots: &[i64],
    matching: &Filter,
) -> Result<Vec<Arc<Record>>, Failure> {
    let Some(conditions) = conditions::at_offsets(tenant, slots) else {
        return Ok(Vec::new());
    };
    let mut records = records(tenant, all(client, &conditions, true).await?)?;
    records.retain(|record| matching.matches(&record.context));
    Ok(records.into_iter().map(Arc::new).collect())
}

/// Returns the tenants that have a point that matches.
pub(super) async fn tenants(client: &Client, conditions: &[Condition]) -> Result<Vec<TenantId>, Failure> {
    let names = facet(client, key::TENANT, conditions, false).await?;
    let tenant =
        |(name, _): (String, u64)| TenantId::try_new(&name).map_err(|_invalid| Failure::Incomplete("valid tenant"));
    names.into_iter().map(tenant).collect()
}

/// Returns the ids of the points that exist.
pub(super) async fn existing(client: &Client, ids: Vec<PointId>) -> Result<HashSet<PointId>, Failure> {
    let found = retrieve(client, ids, false).await?;
    Ok(found.into_iter().filter_map(|found| found.id).collect())
}

/// Returns the points that exist, in any order.
pub(super) async fn retrieve(client: &Client, ids: Vec<PointId>, with_payload: bool) -> Result<Vec<Stored>, Failure> {
    let request = GetPoints {
        collection_name: client.collection.clone(),
        ids,
        with_payload: Some(WithPayloadSelector::from(with_payload)),
        read_consistency: client.consistency,
        timeout: Some(client.timeout_secs()),
        ..GetPoints::default()
    };
    let found = client.points(request, rpc!(get)).await?;
    Ok(found.result.into_iter().map(Stored::from).collect())
}

/// Returns the values of a key among the points that match, each with its exact or approximate number of occurrences.
pub(super) async fn facet(
    client: &Client,
    key: &str,
    conditions: &[Condition],
    exact: bool,
) -> Result<Vec<(String, u64)>, Failure> {
    let request = FacetCounts {
        collection_name: client.collection.clone(),
        key: key.to_owned(),
        filter: Some(filter::all(conditions)),
        // No limit.
        limit: Some(u32::MAX.into()),
        exact: Some(exact),
        timeout: Some(client.timeout_secs()),
        read_consistency: client.consistency,
        ..FacetCounts::default()
    };
    let answer = client.points(request, rpc!(facet)).await?;
    let hits = answer.hits.into_iter().filter_map(|hit| match hit.value?.variant? {
        facet_value::Variant::StringValue(word) => Some((word, hit.count)),
        facet_value::Variant::IntegerValue(_) | facet_value::Variant::BoolValue(_) => None,
    });
    Ok(hits.collect())
}

/// Returns the ids of one page of the points that match, from `offset` on, and the offset of the next page.
pub(super) async fn ids(
    client: &Client,
    matching: qdrant_client::qdrant::Filter,
    offset: Option<PointId>,
    limit: u32,
) -> Result<(Vec<PointId>, Option<PointId>), Failure> {
    let request = ScrollPoints {
        limit: Some(limit),
        offset,
        filter: Some(matching),
        with_payload: Some(WithPayloadSelector::from(false)),
        ..scroll_request(client, &[])
    };
    let (found, next) = scroll(client, request).await?;
    Ok((found.into_iter().filter_map(|found| found.id).collect(), next))
}

/// Returns the points that match, by sequence number.
async fn ordered(
    client: &Client,
    conditions: &[Condition],
    direction: Direction,
    limit: usize,
    with_vectors: bool,
) -> Result<Vec<Stored>, Failure> {
    let request = ScrollPoints {
        limit: Some(page_size(limit)),
        order_by: Some(by_sequence(direction)),
        with_vectors: Some(WithVectorsSelector::from(with_vectors)),
        ..scroll_request(client, conditions)
    };
    Ok(scroll(client, request).await?.0)
}

/// Returns all points that match, in no order.
async fn all(client: &Client, conditions: &[Condition], with_vectors: bool) -> Result<Vec<Stored>, Failure> {
    let mut request = ScrollPoints {
        limit: Some(page_size(SCROLL)),
        with_vectors: Some(WithVectorsSelector::from(with_vectors)),
        ..scroll_request(client, conditions)
    };
    let mut all = Vec::new();
    loop {
        let (found, next) = scroll(client, request.clone()).await?;
        all.extend(found);
        if next.is_none() {
            return Ok(all);
        }
        request.offset = next;
    }
}

async fn scroll(client: &Client, request: ScrollPoints) -> Result<(Vec<Stored>, Option<PointId>), Failure> {
    let answer = client.points(request, rpc!(scroll)).await?;
    let found = answer.result.into_iter().map(Stored::from).collect();
    Ok((found, answer.next_page_offset))
}

fn scroll_request(client: &Client, conditions: &[Condition]) -> ScrollPoints {
    ScrollPoints {
        collection_name: client.collection.clone(),
        filter: Some(filter::all(conditions)),
        with_payload: Some(WithPayloadSelector::from(true)),
        read_consistency: client.consistency,
        timeout: Some(client.timeout_secs()),
        ..ScrollPoints::default()
    }
}

/// Orders points by the time at which their contexts were stored.
pub(super) fn by_sequence(direction: Direction) -> OrderBy {
    OrderBy {
        key: key::SEQUENCE.to_owned(),
        direction: Some(direction.into()),
        start_from: None,
    }
}

fn records(tenant: &TenantId, found: Vec<Stored>) -> Result<Vec<Record>, Failure> {
    found.into_iter().map(|found| found.record(tenant)).collect()
}

fn page_size(records: usize) -> u32 {
    u32::try_from(records).unwrap_or(u32::MAX)
}
