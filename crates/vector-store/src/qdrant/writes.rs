//! What is written to the server. Every write is waited for until it is applied.

use std::collections::{HashMap, HashSet};

use context_manager_core::TenantId;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, OverwritePayload, PointStructList};
use qdrant_client::qdrant::{
    DeletePoints, HasIdCondition, PointId, PointStruct, PointsSelector, PointsUpdateOperation, UpdateBatchPoints,
    UpdateMode, UpsertPoints, condition,
};
use uuid::Uuid;

use super::client::{Client, applied};
use super::failure::Failure;
use super::filter::{self, point_id};
use super::points::Payload;
use super::reads;
use crate::conditions::{self, Condition};

/// Points in one call: some megabytes at most, and a fraction of a second of the server's time.
pub(super) const CHUNK: usize = 100;

/// Points deleted in one call; an id is all there is to each.
const DELETE_CHUNK: u32 = 1000;

/// Inserts or replaces points. Of a repeated id the last one stays.
pub(super) async fn upsert(client: &Client, points: Vec<(Uuid, PointStruct)>) -> Result<(), Failure> {
    for chunk in last_of_each(points).chunks(CHUNK) {
        let request = UpsertPoints {
            collection_name: client.collection.clone(),
            wait: Some(true),
            points: chunk.to_vec(),
            ordering: client.ordering,
            timeout: Some(client.timeout_secs()),
            ..UpsertPoints::default()
        };
        client
            .write(
                request,
                |mut points, request| async move { points.upsert(request).await },
            )
            .await?;
    }
    Ok(())
}

/// Inserts or replaces points and then replaces those of others that exist, and returns which of those there are. Of a
/// repeated id the last one stays.
///
/// The server takes both as one call and applies them in this order. It decides itself which of `changed` exist: looked for
/// beforehand, one that is deleted before the call arrives would be made anew by it.
pub(super) async fn replace(
    client: &Client,
    new: Vec<(Uuid, PointStruct)>,
    changed: Vec<(Uuid, PointStruct)>,
) -> Result<HashSet<PointId>, Failure> {
    let ids: Vec<PointId> = changed.iter().map(|(id, _)| point_id(*id)).collect();
    let parts = [(new, UpdateMode::Upsert), (changed, UpdateMode::UpdateOnly)].into_iter();
    let upserts = parts.filter(|(points, _)| !points.is_empty()).map(|(points, mode)| {
        PointsUpdateOperation::from(Operation::Upsert(PointStructList {
            points: last_of_each(points),
            update_mode: Some(mode.into()),
            ..PointStructList::default()
        }))
    });
    let upserts: Vec<_> = upserts.collect();
    if !upserts.is_empty() {
        batch(client, upserts).await?;
    }
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    reads::existing(client, ids).await
}

/// Replaces the payloads of points that exist, of a repeated id by the last one.
///
/// They are selected by a filter: selected by id, one that does not exist fails the call after others were changed.
pub(super) async fn update(client: &Client, tenant: &TenantId, payloads: Vec<(Uuid, Payload)>) -> Result<(), Failure> {
    for chunk in payloads.chunks(CHUNK) {
        batch(
            client,
            chunk
                .iter()
                .map(|(id, payload)| overwrite(tenant, *id, payload))
                .collect(),
        )
        .await?;
    }
    Ok(())
}

fn overwrite(tenant: &TenantId, id: Uuid, payload: &Payload) -> PointsUpdateOperation {
    let mut conditions = conditions::of_tenant(tenant);
    conditions.push(Condition::Points(vec![id]));
    let overwrite = OverwritePayload {
        payload: payload.clone(),
        points_selector: Some(PointsSelectorOneOf::Filter(filter::all(&conditions)).into()),
        ..OverwritePayload::default()
    };
    PointsUpdateOperation::from(Operation::OverwritePayload(overwrite))
}

pub(super) async fn batch(client: &Client, operations: Vec<PointsUpdateOperation>) -> Result<(), Failure> {
    let request = UpdateBatchPoints {
        collection_name: client.collection.clone(),
        wait: Some(true),
        operations,
        ordering: client.ordering,
        timeout: Some(client.timeout_secs()),
    };
    let answer = client
        .points(request, |mut points, request| async move {
            points.update_batch(request).await
        })
        .await?;
    applied(&answer.result)
}

/// Deletes page by page what it has found, and counts that.
///
/// What is found is deleted only if it still matches: what somebody else has changed meanwhile, so that it does not, was
/// acknowledged to them and stays.
pub(super) async fn delete(client: &Client, conditions: &[Condition]) -> Result<u64, Failure> {
    let (mut deleted, mut offset) = (0, None);
    loop {
        let (ids, next) = reads::ids(client, conditions, offset, DELETE_CHUNK).await?;
        if !ids.is_empty() {
            deleted += ids.len() as u64;
            let mut found = filter::all(conditions);
            found
                .must
                .push(condition::ConditionOneOf::HasId(HasIdCondition { has_id: ids }).into());
            let request = DeletePoints {
                collection_name: client.collection.clone(),
                wait: Some(true),
                points: Some(PointsSelector::from(PointsSelectorOneOf::Filter(found))),
                ordering: client.ordering,
                timeout: Some(client.timeout_secs()),
                ..DeletePoints::default()
            };
            client
                .write(
                    request,
                    |mut points, request| async move { points.delete(request).await },
                )
                .await?;
        }
        offset = Some(match next {
            Some(next) => next,
            None => return Ok(deleted),
        });
    }
}

/// The points without those that a later one replaces.
fn last_of_each(points: Vec<(Uuid, PointStruct)>) -> Vec<PointStruct> {
    let last: HashMap<Uuid, usize> = points.iter().enumerate().map(|(at, (id, _))| (*id, at)).collect();
    let points = points.into_iter().enumerate();
    points
        .filter(|(at, (id, _))| last[id] == *at)
        .map(|(_, (_, point))| point)
        .collect()
}
