//! What is asked of the server: by id, by content, page by page, and counted.

use std::collections::{HashMap, HashSet};

use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{ListRequest, Record, StoreError};
use context_manager_core::{Cursor, Filter, Page, TenantId};
use qdrant_client::qdrant::{
    CountPoints, Direction, GetPoints, OrderBy, PointId, ScrollPoints, VectorsSelector, WithPayloadSelector,
    WithVectorsSelector, with_vectors_selector,
};

use super::client::Client;
use super::failure::{Failure, internal};
use super::filter;
use super::points::Stored;
use crate::conditions::{self, Condition};
use crate::page::{MAX_PAGE, SCROLL, newest_first};
use crate::payload::PointIds;
use crate::payload::key::{self, WORDS};

pub(super) async fn get(client: &Client, tenant: &TenantId, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
    let points = PointIds::of(tenant);
    let mut seen = HashSet::new();
    let ids: Vec<ContextId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = GetPoints {
        collection_name: client.collection.clone(),
        ids: ids.iter().map(|id| filter::point_id(points.point(*id))).collect(),
        with_payload: Some(WithPayloadSelector::from(true)),
        read_consistency: client.consistency,
        timeout: Some(client.timeout_secs()),
        ..GetPoints::default()
    };
    let found = client
        .points(request, |mut points, request| async move { points.get(request).await })
        .await
        .map_err(|failure| failure.into_store_error("get"))?;
    // Shards answer in any order.
    let mut contexts = HashMap::with_capacity(ids.len());
    for found in found.result {
        let context = Stored::from(found)
            .context(tenant)
            .map_err(|error| internal("get", error))?;
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
    if let Some(Cursor(sequence)) = request.after {
        conditions.push(conditions::before(sequence));
    }
    let found = newest(client, &conditions, limit + 1, request.with_vectors).await;
    let mut items = records(tenant, found.map_err(unavailable)?)?;
    newest_first(&mut items);
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
        let rest = newest(client, &with(conditions::before(last)), 1, false).await;
        next = next.filter(|_| rest.as_ref().is_ok_and(|rest| !rest.is_empty()));
        rest.map_err(unavailable)?;
        newest_first(&mut items);
    } else {
        items.truncate(limit);
    }
    Ok(Page { items, next })
}

/// The filter of a request, as conditions.
pub(super) fn translate(tenant: &TenantId, filter: &Filter) -> Option<Vec<Condition>> {
    conditions::matching(tenant, filter)
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

/// What matches, by sequence number, the highest first.
async fn newest(
    client: &Client,
    conditions: &[Condition],
    limit: usize,
    with_vectors: bool,
) -> Result<Vec<Stored>, Failure> {
    let request = ScrollPoints {
        limit: Some(page_size(limit)),
        order_by: Some(by_sequence(Direction::Desc)),
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
