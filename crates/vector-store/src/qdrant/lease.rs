//! Turns among processes that share a server: who has one writes that into a point, for a while.
//!
//! The server compares and writes in one step: it replaces a point only if that still says what is expected of it. The
//! points are in a collection of their own, as they are nobody's contexts.
//!
//! Until when a turn lasts is told by the clock of who takes it. Where clocks differ by more than a turn's length two
//! processes may have it at once, which what is done in turns has to bear, and the others wait longer for the end of a
//! turn whose holder was killed while its clock was fast.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    CreateCollection, CreateCollectionBuilder, Filter, GetPoints, NamedVectors, PointStruct, UpsertPoints, Value,
    VectorParamsMap, WithPayloadSelector, vectors_config,
};
use tonic::Code;
use uuid::Uuid;

use super::client::{Client, Points};
use super::collection;
use super::config::{Config, ReadConsistency, WriteOrdering};
use super::failure::Failure;
use super::filter::{self, point_id};
use crate::conditions::{Bounds, Condition};

/// Who has the turn, and until when, in milliseconds since 1970.
const HOLDER: &str = "holder";
const UNTIL: &str = "until";

/// The turns of all who share a collection.
#[derive(Debug, Clone)]
pub(super) struct Leases {
    client: Client,
    create: CreateCollection,
}

impl Leases {
    /// Those beside the collection of `client`, on as many nodes.
    pub(super) fn beside(client: &Client, config: &Config) -> Self {
        let client = client
            .beside("leases")
            .with_guarantees(ReadConsistency::Majority, WriteOrdering::Strong);
        let create = CreateCollectionBuilder::new(&client.collection)
            .vectors_config(vectors_config::Config::ParamsMap(VectorParamsMap::default()))
            .shard_number(1)
            .replication_factor(config.replication_factor)
            .write_consistency_factor(config.write_consistency_factor)
            .timeout(config.timeout_secs);
        Self {
            create: create.build(),
            client,
        }
    }

    /// Has `holder` take the turn called `what`, or keep it, for `time` from `now` on; none gives it back. Whether it has it.
    pub(super) async fn take(&self, what: &str, holder: Uuid, now: Timestamp, time: Duration) -> Result<bool, Failure> {
        match self.attempt(what, holder, now, time).await {
            Err(failure) if failure.code() == Some(Code::NotFound) => {
                self.create_collection().await?;
                self.attempt(what, holder, now, time).await
            }
            answer => answer,
        }
    }

    async fn attempt(&self, what: &str, holder: Uuid, now: Timestamp, time: Duration) -> Result<bool, Failure> {
        // Given back, it is over by everybody's clock.
        let until = if time.is_zero() {
            0
        } else {
            now.saturating_add(time).unwrap_or(now).as_millisecond()
        };
        let (id, holder) = (
            point_id(Uuid::new_v5(&Uuid::NAMESPACE_OID, what.as_bytes())),
            holder.to_string(),
        );
        let point = PointStruct {
            id: Some(id.clone()),
            payload: HashMap::from([
                (HOLDER.to_owned(), Value::from(holder.clone())),
                (UNTIL.to_owned(), Value::from(until)),
            ]),
            vectors: Some(NamedVectors::default().into()),
        };
        let request = UpsertPoints {
            collection_name: self.client.collection.clone(),
            wait: Some(true),
            points: vec![point],
            ordering: self.client.ordering,
            update_filter: Some(is_free_for(&holder, now)),
            timeout: Some(self.client.timeout_secs()),
            ..UpsertPoints::default()
        };
        let upsert = |mut points: Points, request| async move { points.upsert(request).await };
        self.client.write(request, upsert).await?;
        // What was not free was passed over without a word.
        let request = GetPoints {
            collection_name: self.client.collection.clone(),
            ids: vec![id],
            with_payload: Some(WithPayloadSelector::from(true)),
            read_consistency: self.client.consistency,
            timeout: Some(self.client.timeout_secs()),
            ..GetPoints::default()
        };
        let get = |mut points: Points, request| async move { points.get(request).await };
        let found = self.client.points(request, get).await?;
        let holds = found
            .result
            .first()
            .and_then(|point| point.payload.get(HOLDER)?.kind.clone());
        Ok(holds == Some(Kind::StringValue(holder)))
    }

    async fn create_collection(&self) -> Result<(), Failure> {
        let created = self
            .client
            .collections(self.create.clone(), |mut collections, request| async move {
                collections.create(request).await
            })
            .await;
        match created {
            // Another process was faster, and its collection may only be there by name yet.
            Err(failure) if failure.code() != Some(Code::AlreadyExists) => Err(failure),
            _ => collection::made(&self.client, self.client.timeout()).await.map(drop),
        }
    }
}

/// Whether a point's turn is over, or this holder's own.
fn is_free_for(holder: &str, now: Timestamp) -> Filter {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 are exact for 280,000 years"
    )]
    let now = now.as_millisecond() as f64;
    let is_over = Bounds {
        below: Some(now),
        ..Bounds::default()
    };
    Filter {
        should: [
            Condition::Is(HOLDER, holder.to_owned()),
            Condition::Within(UNTIL, is_over),
        ]
        .into_iter()
        .map(filter::condition)
        .collect(),
        ..Filter::default()
    }
}
