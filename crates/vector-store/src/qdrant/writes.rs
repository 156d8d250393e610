//! What is written to the server. Every write is waited for until it is applied.

use std::collections::{HashMap, HashSet};

use context_manager_core::TenantId;
use context_manager_core::context::Context;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, OverwritePayload, PointStructList, UpdateVectors};
use qdrant_client::qdrant::{
    DeletePoints, HasIdCondition, PointId, PointStruct, PointVectors, PointsSelector, PointsUpdateOperation,
    UpdateBatchPoints, UpdateMode, UpsertPoints, condition,
};
use tonic::Code;
use uuid::Uuid;

use super::client::{Client, applied};
use super::failure::Failure;
use super::filter::{self, point_id};
use super::points::{self, Payload};
use super::reads;
use crate::conditions::{self, Condition};

/// Points in one call: some megabytes at most, and a fraction of a second of the server's time.
const CHUNK: usize = 100;

/// Points deleted in one call; an id is all there is to each.
const DELETE_CHUNK: u32 = 1000;

/// How often vectors are set anew because one of the points was deleted meanwhile.
const ATTEMPTS: u32 = 3;

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
                .map(|(id, payload)| overwrite(tenant, *id, payload, None))
                .collect(),
        )
        .await?;
    }
    Ok(())
}

/// Replaces the payloads of points that still hold the context that was read. That is compared here, and the server is told
/// to write only where the text of the payload is the one that was compared.
pub(super) async fn update_unchanged(
    client: &Client,
    tenant: &TenantId,
    changes: Vec<(Context, Uuid, Payload)>,
) -> Result<(), Failure> {
    for chunk in changes.chunks(CHUNK) {
        let ids = chunk.iter().map(|(_, id, _)| filter::point_id(*id)).collect();
        let mut texts = HashMap::with_capacity(chunk.len());
        for stored in reads::retrieve(client, ids, true).await? {
            let text = stored.text().map(str::to_owned);
            // What cannot be read is not what was read.
            if let (Some(text), Ok(context)) = (text, stored.context(tenant)) {
                texts.insert(context.id, (text, context));
            }
        }
        let unchanged = chunk.iter().filter_map(|(read, id, payload)| {
            let (text, _) = texts.remove(&read.id).filter(|(_, stored)| stored == read)?;
            let still = Condition::Is(points::CONTEXT, text);
            Some(overwrite(tenant, *id, payload, Some(still)))
        });
        let operations: Vec<PointsUpdateOperation> = unchanged.collect();
        if !operations.is_empty() {
            batch(client, operations).await?;
        }
    }
    Ok(())
}

/// Gives points that exist vectors, and then replaces their payloads, so that none says of itself too early that it has
/// one.
pub(super) async fn set_vectors(
    client: &Client,
    tenant: &TenantId,
    vectors: Vec<(Uuid, PointVectors, Payload)>,
) -> Result<(), Failure> {
    for chunk in vectors.chunks(CHUNK) {
        let mut attempts = 0;
        // Vectors are selected by id. Deleted between being looked for and being written, one fails the call.
        while let Err(failure) = set_existing_vectors(client, tenant, chunk).await {
            attempts += 1;
            if failure.code() != Some(Code::NotFound) || attempts == ATTEMPTS {
                return Err(failure);
            }
        }
    }
    Ok(())
}

async fn set_existing_vectors(
    client: &Client,
    tenant: &TenantId,
    vectors: &[(Uuid, PointVectors, Payload)],
) -> Result<(), Failure> {
    let ids = vectors.iter().filter_map(|(_, vectors, _)| vectors.id.clone());
    let existing = reads::existing(client, ids.collect()).await?;
    let found = vectors
        .iter()
        .filter(|(_, vectors, _)| vectors.id.as_ref().is_some_and(|id| existing.contains(id)));
    let points: Vec<PointVectors> = found.clone().map(|(_, vectors, _)| vectors.clone()).collect();
    if points.is_empty() {
        return Ok(());
    }
    let update = UpdateVectors {
        points,
        ..UpdateVectors::default()
    };
    let mut operations = vec![PointsUpdateOperation::from(Operation::UpdateVectors(update))];
    operations.extend(found.map(|(id, _, payload)| overwrite(tenant, *id, payload, None)));
    batch(client, operations).await
}

fn overwrite(tenant: &TenantId, id: Uuid, payload: &Payload, still: Option<Condition>) -> PointsUpdateOperation {
    let mut conditions = conditions::of_tenant(tenant);
    conditions.push(Condition::Points(vec![id]));
    conditions.extend(still);
    let overwrite = OverwritePayload {
        payload: payload.clone(),
        points_selector: Some(PointsSelectorOneOf::Filter(filter::all(&conditions)).into()),
        ..OverwritePayload::default()
    };
    PointsUpdateOperation::from(Operation::OverwritePayload(overwrite))
}

async fn batch(client: &Client, operations: Vec<PointsUpdateOperation>) -> Result<(), Failure> {
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
