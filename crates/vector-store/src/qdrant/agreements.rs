//! Agreements among processes that share a server, such as who holds a lease: small points in a collection of their
//! own, as they are nobody's contexts.
//!
//! The server compares and writes in one step: it replaces a point only if that still says what is expected of it.

use qdrant_client::qdrant::{
    CreateCollection, CreateCollectionBuilder, DeletePoints, Filter, GetPoints, NamedVectors, PointStruct,
    PointsSelector, UpsertPoints, VectorParamsMap, WithPayloadSelector, points_selector, vectors_config,
};
use tonic::Code;
use uuid::Uuid;

use super::client::{Client, Points};
use super::collection;
use super::config::{Config, ReadConsistency, WriteOrdering};
use super::failure::Failure;
use super::filter::point_id;
use super::points::Payload;

/// The agreements of all who share a collection of contexts.
#[derive(Debug, Clone)]
pub(super) struct Agreements {
    client: Client,
    create: CreateCollection,
}

impl Agreements {
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

    /// Writes a point that is not there, or is there and meets `expected`; passes over it without a word otherwise.
    pub(super) async fn write(&self, id: Uuid, payload: Payload, expected: Filter) -> Result<(), Failure> {
        let point = PointStruct {
            id: Some(point_id(id)),
            payload,
            vectors: Some(NamedVectors::default().into()),
        };
        let request = UpsertPoints {
            collection_name: self.client.collection.clone(),
            wait: Some(true),
            points: vec![point],
            ordering: self.client.ordering,
            update_filter: Some(expected),
            timeout: Some(self.client.timeout_secs()),
            ..UpsertPoints::default()
        };
        let upsert = |mut points: Points, request| async move { points.upsert(request).await };
        match self.client.write(request.clone(), upsert).await {
            Err(failure) if failure.code() == Some(Code::NotFound) => {
                self.create_collection().await?;
                self.client.write(request, upsert).await
            }
            answer => answer,
        }
    }

    /// Reads the payload of a point; `None` when it is not there.
    pub(super) async fn read(&self, id: Uuid) -> Result<Option<Payload>, Failure> {
        let request = GetPoints {
            collection_name: self.client.collection.clone(),
            ids: vec![point_id(id)],
            with_payload: Some(WithPayloadSelector::from(true)),
            read_consistency: self.client.consistency,
            timeout: Some(self.client.timeout_secs()),
            ..GetPoints::default()
        };
        let get = |mut points: Points, request| async move { points.get(request).await };
        match self.client.points(request, get).await {
            Ok(found) => Ok(found.result.into_iter().next().map(|point| point.payload)),
            // The collection is made when something is written.
            Err(failure) if failure.code() == Some(Code::NotFound) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes what matches.
    pub(super) async fn delete(&self, matching: Filter) -> Result<(), Failure> {
        let selected = points_selector::PointsSelectorOneOf::Filter(matching);
        let request = DeletePoints {
            collection_name: self.client.collection.clone(),
            wait: Some(true),
            points: Some(PointsSelector::from(selected)),
            ordering: self.client.ordering,
            timeout: Some(self.client.timeout_secs()),
            ..DeletePoints::default()
        };
        let delete = |mut points: Points, request| async move { points.delete(request).await };
        match self.client.write(request, delete).await {
            Err(failure) if failure.code() == Some(Code::NotFound) => Ok(()),
            answer => answer,
        }
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
