//! Writes. Each returns once the server has applied it.

use std::collections::{HashMap, HashSet};

use context_manager_core::TenantId;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, OverwritePayload, PointStructList};
use qdrant_client::qdrant::{
    DeletePoints, Filter, HasIdCondition, PointId, PointStruct, PointsSelector, PointsUpdateOperation,
    UpdateBatchPoints, UpdateMode, UpsertPoints, condition,
};
use uuid::Uuid;

use super::client::{Client, applied, rpc};
use super::failure::Failure;
use super::filter::{self, point_id};
use super::points::Payload;
use super::reads;
use crate::conditions::{self, Condition};

/// Number of points in one call: a few megabytes at most, and a fraction of a second of the server's time.
pub(super) const CHUNK: usize = 100;

/// Number of points deleted in one call.
pub(super) const DELETE_CHUNK: u32 = 1000;

/// Inserts or replaces points. The last one of a repeated id wins.
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
        client.write(request, rpc!(upsert)).await?;
    }
    Ok(())
}

/// Inserts or replaces `new`, then replaces those of `changed` that exist, and returns the ids of the latter. The last point
/// of a repeated id wins.
///
/// Both go in one call, which the server applies in this order. The server decides which of `changed` exist: a lookup
/// before the call could recreate a point that is deleted in between.
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

/// Replaces the payloads of points that exist. The last payload of a repeated id wins.
///
/// Selects the points by filter: selected by id, a missing one would fail the call after others were changed.
pub(super) async fn update(client: &Client, tenant: &TenantId, payloads: Vec<(Uuid, Payload)>) -> Result<(), Failure> {
    for chunk in payloads.chunks(CHUNK) {
        let operations = chunk.iter().map(|(id, payload)| overwrite(tenant, *id, payload));
        batch(client, operations.collect()).await?;
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
    let answer = client.points(request, rpc!(update_batch)).await?;
    applied(&answer.result)
}

/// Deletes the points that match, page by page, and returns their number.
pub(super) async fn delete(client: &Client, conditions: &[Condition]) -> Result<u64, Failure> {
    let (mut deleted, mut offset) = (0, None);
    loop {
        let (ids, next) = reads::ids(client, filter::all(conditions), offset, DELETE_CHUNK).await?;
        deleted += ids.len() as u64;
        delete_found(client, filter::all(conditions), ids).await?;
        offset = Some(match next {
            Some(next) => next,
            None => return Ok(deleted),
        });
    }
}

/// Deletes those of the found points that still match: one that was changed in the meantime was acknowledged, and stays.
pub(super) async fn delete_found(client: &Client, mut matching: Filter, ids: Vec<PointId>) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let has_id = condition::ConditionOneOf::HasId(HasIdCondition { has_id: ids });
    matching.must.push(has_id.into());
    let request = DeletePoints {
        collection_name: client.collection.clone(),
        wait: Some(true),
        points: Some(PointsSelector::from(PointsSelectorOneOf::Filter(matching))),
        ordering: client.ordering,
        timeout: Some(client.timeout_secs()),
        ..DeletePoints::default()
    };
    client.write(request, rpc!(delete)).await
}

/// Keeps the last point of each id.
fn last_of_each(points: Vec<(Uuid, PointStruct)>) -> Vec<PointStruct> {
    let last: HashMap<Uuid, usize> = points.iter().enumerate().map(|(at, (id, _))| (*id, at)).collect();
    let points = points.into_iter().enumerate();
    points
        .filter(|(at, (id, _))| last[id] == *at)
        .map(|(_, (_, point))| point)
        .collect()
}
