//! Compare-and-set: writes to points that still hold the context that the caller read.
//!
//! Contexts are compared here, and the server writes only where the text of the payload is still the compared one.

use std::collections::HashMap;

use context_manager_core::TenantId;
use context_manager_core::context::{Context, ContextId};
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_update_operation::{Operation, OverwritePayload, PointStructList, UpdateVectors};
use qdrant_client::qdrant::{Filter, PointStruct, PointVectors, PointsUpdateOperation, UpdateMode};
use tonic::Code;
use uuid::Uuid;

use super::client::Client;
use super::failure::Failure;
use super::filter::{self, point_id};
use super::points::{self, Payload};
use super::reads;
use super::writes::{CHUNK, batch};
use crate::conditions::{self, Condition};

/// Maximum number of attempts to set vectors; one fails if a point is deleted at the same time.
const MAX_ATTEMPTS: u32 = 3;

/// A change of a point that is applied only if the point is unchanged.
pub(super) struct Change {
    /// Context as it was read. Setting vectors ignores its field `embedded`.
    pub(super) read: Context,
    pub(super) id: Uuid,
    pub(super) new: New,
}

/// New state of a point.
pub(super) enum New {
    Payload(Payload),
    Vectors(PointVectors, Payload),
    Point(PointStruct),
}

impl Change {
    fn is_of(&self, stored: &Context) -> bool {
        match &self.new {
            New::Payload(_) | New::Point(_) => self.read == *stored,
            New::Vectors(..) => {
                let embedded = stored.embedded;
                Context {
                    embedded,
                    ..self.read.clone()
                } == *stored
            }
        }
    }

    fn payload(&self) -> &Payload {
        match &self.new {
            New::Payload(payload) | New::Vectors(_, payload) => payload,
            New::Point(point) => &point.payload,
        }
    }

    /// Returns the operations that apply the change if the text of the payload is `text`.
    fn operations(&self, tenant: &TenantId, text: &str) -> Vec<PointsUpdateOperation> {
        let mut conditions = conditions::of_tenant(tenant);
        conditions.push(Condition::Points(vec![self.id]));
        conditions.push(Condition::Is(points::CONTEXT, text.to_owned()));
        let still = filter::all(&conditions);
        let operations = match &self.new {
            New::Payload(payload) => vec![overwrite(payload, still)],
            // In this order, so that no payload claims a vector too early.
            New::Vectors(vectors, payload) => vec![
                Operation::UpdateVectors(UpdateVectors {
                    points: vec![vectors.clone()],
                    update_filter: Some(still.clone()),
                    ..UpdateVectors::default()
                }),
                overwrite(payload, still),
            ],
            New::Point(point) => vec![Operation::Upsert(PointStructList {
                points: vec![point.clone()],
                update_filter: Some(still),
                update_mode: Some(UpdateMode::UpdateOnly.into()),
                ..PointStructList::default()
            })],
        };
        operations.into_iter().map(PointsUpdateOperation::from).collect()
    }
}

fn overwrite(payload: &Payload, still: Filter) -> Operation {
    Operation::OverwritePayload(OverwritePayload {
        payload: payload.clone(),
        points_selector: Some(PointsSelectorOneOf::Filter(still).into()),
        ..OverwritePayload::default()
    })
}

/// Applies the changes of unchanged points, and returns the ids of those that hold the new context afterwards.
pub(super) async fn write(client: &Client, tenant: &TenantId, changes: &[Change]) -> Result<Vec<ContextId>, Failure> {
    let mut written = Vec::new();
    for chunk in changes.chunks(CHUNK) {
        let mut attempts = 1;
        written.extend(loop {
            match write_chunk(client, tenant, chunk).await {
                // Vectors are selected by id, so that a point deleted between lookup and write fails the call.
                Err(failure) if failure.code() == Some(Code::NotFound) && attempts < MAX_ATTEMPTS => attempts += 1,
                done => break done?,
            }
        });
    }
    Ok(written)
}

async fn write_chunk(client: &Client, tenant: &TenantId, chunk: &[Change]) -> Result<Vec<ContextId>, Failure> {
    let mut before = stored(client, tenant, chunk).await?;
    let operations = chunk.iter().flat_map(|change| {
        let unchanged = before
            .remove(&change.read.id)
            .filter(|(_, stored)| change.is_of(stored));
        unchanged.map_or_else(Vec::new, |(text, _)| change.operations(tenant, &text))
    });
    let operations: Vec<PointsUpdateOperation> = operations.collect();
    if operations.is_empty() {
        return Ok(Vec::new());
    }
    batch(client, operations).await?;
    // The server does not tell which points matched.
    let after = stored(client, tenant, chunk).await?;
    let is_written = |change: &&Change| {
        let new = points::text(change.payload());
        after
            .get(&change.read.id)
            .is_some_and(|(text, _)| Some(text.as_str()) == new)
    };
    Ok(chunk.iter().filter(is_written).map(|change| change.read.id).collect())
}

/// Returns the stored contexts with the text of their payloads. Unreadable ones are left out, as they differ from any that
/// was read.
async fn stored(
    client: &Client,
    tenant: &TenantId,
    chunk: &[Change],
) -> Result<HashMap<ContextId, (String, Context)>, Failure> {
    let ids = chunk.iter().map(|change| point_id(change.id)).collect();
    let found = reads::retrieve(client, ids, true).await?.into_iter();
    let contexts = found.filter_map(|stored| {
        let text = stored.text()?.to_owned();
        let context = stored.context(tenant).ok()?;
        Some((context.id, (text, context)))
    });
    Ok(contexts.collect())
}
