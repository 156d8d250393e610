//! What is asked of the server: by id, by content, page by page, and counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{ListRequest, Order, Record, StoreError};
use context_manager_core::{Cursor, Filter, Page, TenantId};
use qdrant_client::qdrant::{
    CountPoints, Direction, FacetCounts, GetPoints, OrderBy, PointId, ScrollPoints, VectorsSelector,
    WithPayloadSelector, WithVectorsSelector, facet_value, with_vectors_selector,
};

use super::client::Client;
use super::failure::{Failure, internal};
use super::filter;
use super::points::Stored;
use crate::conditions::{self, Condition};
use crate::page::{MAX_PAGE, SCROLL, sort};
use crate::payload::PointIds;
use crate::payload::key::{self, WORDS};

pub(super) async fn get(client: &Client, tenant: &TenantId, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
    let points = PointIds::of(tenant);
    let mut seen = HashSet::new();
    let ids: Vec<ContextId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let stored = ids.iter().map(|id| filter::point_id(points.point(*id))).collect();
    let found = retrieve(client, stored, true).await;
    let found = found.map_err(|failure| failure.into_store_error("get"))?;
    // Shards answer in any order.
    let mut contexts = HashMap::with_capacity(ids.len());
    for found in found {
        let context = found.context(tenant).map_err(|error| internal("get", error))?;
        contexts.insert(context.id, context);
    }
    Ok(ids.iter().filter_map(|id| contexts.remove(id)).collect())
}

pub(super) async fn find_by_content(
    client: &Client,
    tenant: &TenantId,
    keys: &[ContentKey],
) -> Result<Vec<Context>, StoreError> {
    let Some(conditions) = conditions::of_content(tenant, keys) else {
        return Ok(Vec::new());
    };
    let found = all(client, &conditions, false).await;
    let found = found.map_err(|failure| failure.into_store_error("find_by_content"))?;
    let contexts = found.into_iter().map(|found| found.context(tenant));
    contexts
        .collect::<Result<_, _>>()
        .map_err(|error| internal("find_by_content", error))
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
    let answer = client
        .points(
            request,
            |mut points, request| async move { points.count(request).await },
        )
        .await?;
    answer
        .result
        .map(|result| result.count)
        .ok_or(Failure::Incomplete("count"))
}

/// The words of the first points that match, by id: ids are hashes, so the first ones are any ones.
pub(super) async fn sample_terms(
    client: &Client,
    conditions: &[Condition],
    limit: usize,
) -> Result<Vec<SparseVector>, Failure> {
    let words = VectorsSelector {
        names: vec![WORDS.to_owned()],
    };
    let request = ScrollPoints {
        limit: Some(page_size(limit.clamp(1, MAX_PAGE))),
        with_payload: Some(WithPayloadSelector::from(false)),
        with_vectors: Some(with_vectors_selector::SelectorOptions::Include(words).into()),
        ..scroll_request(client, conditions)
    };
    let (found, _next) = scroll(client, request).await?;
    Ok(found.into_iter().map(Stored::words).collect())
}

/// A page never ends between two records with the same sequence number, as the next one starts below it.
pub(super) async fn list(
    client: &Client,
    tenant: &TenantId,
    request: &ListRequest,
) -> Result<Page<Record>, StoreError> {
    let unavailable = |failure: Failure| failure.into_store_error("list");
    let limit = request.limit.min(MAX_PAGE);
    let nothing = Page {
        items: Vec::new(),
        next: None,
    };
    let Some(mut conditions) = conditions::matching(tenant, &request.filter).filter(|_| limit > 0) else {
        return Ok(nothing);
    };
    let (direction, beyond): (_, fn(u64) -> Condition) = match request.order {
        Order::NewestFirst => (Direction::Desc, conditions::before),
        Order::OldestFirst => (Direction::Asc, conditions::after),
    };
    if let Some(Cursor(sequence)) = request.after {
        conditions.push(beyond(sequence));
    }
    let found = ordered(client, &conditions, direction, limit + 1, request.with_vectors).await;
    let mut items = records(tenant, found.map_err(unavailable)?)?;
    sort(&mut items, request.order);
    if items.len() <= limit {
        return Ok(Page { items, next: None });
    }
    let last = items[limit - 1].context.sequence;
    let mut next = Some(Cursor(last));
    if items[limit].context.sequence == last {
        items.retain(|record| record.context.sequence != last);
        let with = |condition| [conditions.as_slice(), &[condition]].concat();
        let tied = all(client, &with(conditions::at(last)), request.with_vectors).await;
        items.extend(records(tenant, tied.map_err(unavailable)?)?);
        let rest = ordered(client, &with(beyond(last)), direction, 1, false).await;
        next = next.filter(|_| rest.as_ref().is_ok_and(|rest| !rest.is_empty()));
        rest.map_err(unavailable)?;
        sort(&mut items, request.order);
    } else {
        items.truncate(limit);
    }
    Ok(Page { items, next })
}

/// The server looks for the places alone: so few can stand there that the rest is decided here.
pub(super) async fn at_slots(
    client: &Client,
    tenant: &TenantId,
    slots: &[i64],
    matching: &Filter,
) -> Result<Vec<Arc<Record>>, StoreError> {
    let Some(conditions) = conditions::at_slots(tenant, slots) else {
        return Ok(Vec::new());
    };
    let found = all(client, &conditions, true).await;
    let found = found.map_err(|failure| failure.into_store_error("at_slots"))?;
    let mut records = Vec::with_capacity(found.len());
    for found in found {
        let record = found.record(tenant).map_err(|error| internal("at_slots", error))?;
        if matching.matches(&record.context) {
            records.push(Arc::new(record));
        }
    }
    Ok(records)
}

/// The tenants that have a point that matches.
pub(super) async fn tenants(client: &Client, conditions: &[Condition]) -> Result<Vec<TenantId>, StoreError> {
    let names = facet(client, key::TENANT, conditions, false).await;
    let names = names.map_err(|failure| failure.into_store_error("tenants"))?;
    let tenants = names.into_iter().map(|(name, _)| TenantId::try_new(&name));
    tenants
        .collect::<Result<_, _>>()
        .map_err(|error| internal("tenants", error))
}

/// Which of these points exist.
pub(super) async fn existing(client: &Client, ids: Vec<PointId>) -> Result<HashSet<PointId>, Failure> {
    let found = retrieve(client, ids, false).await?;
    Ok(found.into_iter().filter_map(|found| found.id).collect())
}

/// Those of these points that exist, in any order.
pub(super) async fn retrieve(client: &Client, ids: Vec<PointId>, with_payload: bool) -> Result<Vec<Stored>, Failure> {
    let request = GetPoints {
        collection_name: client.collection.clone(),
        ids,
        with_payload: Some(WithPayloadSelector::from(with_payload)),
        read_consistency: client.consistency,
        timeout: Some(client.timeout_secs()),
        ..GetPoints::default()
    };
    let found = client
        .points(request, |mut points, request| async move { points.get(request).await })
        .await?;
    Ok(found.result.into_iter().map(Stored::from).collect())
}

/// The words under a key of what matches, each with how often it occurs: exactly, or about.
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
        // All of them.
        limit: Some(u32::MAX.into()),
        exact: Some(exact),
        timeout: Some(client.timeout_secs()),
        read_consistency: client.consistency,
        ..FacetCounts::default()
    };
    let answer = client
        .points(
            request,
            |mut points, request| async move { points.facet(request).await },
        )
        .await?;
    let hits = answer.hits.into_iter().filter_map(|hit| match hit.value?.variant? {
        facet_value::Variant::StringValue(word) => Some((word, hit.count)),
        facet_value::Variant::IntegerValue(_) | facet_value::Variant::BoolValue(_) => None,
    });
    Ok(hits.collect())
}

/// The ids of one page of what matches, from `offset` on, and where the next page begins.
pub(super) async fn ids(
    client: &Client,
    conditions: &[Condition],
    offset: Option<PointId>,
    limit: u32,
) -> Result<(Vec<PointId>, Option<PointId>), Failure> {
    let request = ScrollPoints {
        limit: Some(limit),
        offset,
        with_payload: Some(WithPayloadSelector::from(false)),
        ..scroll_request(client, conditions)
    };
    let (found, next) = scroll(client, request).await?;
    Ok((found.into_iter().filter_map(|found| found.id).collect(), next))
}

/// What matches, by sequence number.
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

/// Everything that matches, in no order.
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
    let answer = client
        .points(
            request,
            |mut points, request| async move { points.scroll(request).await },
        )
        .await?;
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

/// The order in which contexts were stored.
pub(super) fn by_sequence(direction: Direction) -> OrderBy {
    OrderBy {
        key: key::SEQUENCE.to_owned(),
        direction: Some(direction.into()),
        start_from: None,
    }
}

fn records(tenant: &TenantId, found: Vec<Stored>) -> Result<Vec<Record>, StoreError> {
    let records = found.into_iter().map(|found| found.record(tenant));
    records
        .collect::<Result<_, _>>()
        .map_err(|error| internal("list", error))
}

fn page_size(records: usize) -> u32 {
    u32::try_from(records).unwrap_or(u32::MAX)
}
