//! State that processes sharing a server agree on, such as leases: small points in a collection of their own.
//!
//! Writes are compare-and-set: the server replaces a point only if it meets a condition.

use qdrant_client::qdrant::{
    CreateCollection, CreateCollectionBuilder, DeletePoints, Filter, GetPoints, NamedVectors, PointStruct,
    PointsSelector, ScrollPoints, UpdateMode, UpsertPoints, VectorParamsMap, WithPayloadSelector, points_selector,
    vectors_config,
};
use tonic::Code;
use uuid::Uuid;

use super::client::{Client, rpc};
use super::collection;
use super::config::{Config, ReadConsistency, WriteOrdering};
use super::failure::Failure;
use super::filter::point_id;
use super::points::Payload;

/// Collection of agreements, created on the first write.
#[derive(Debug, Clone)]
pub(super) struct Agreements {
    pub(super) client: Client,
    create: CreateCollection,
}

impl Agreements {
    /// Returns the agreements beside the collection of `client`, with the same replication.
    pub(super) fn beside(client: &Client, config: &Config) -> Self {
        Self::named(client, config, "leases")
    }

    /// Returns agreements as [`Agreements::beside`], in the collection with `name` appended.
    pub(super) fn named(client: &Client, config: &Config, name: &str) -> Self {
        let client = client
            .beside(name)
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

    /// Writes a point if it is missing or meets `expected`. Does nothing otherwise, without an error.
    pub(super) async fn write(&self, id: Uuid, payload: Payload, expected: Filter) -> Result<(), Failure> {
        self.write_as(UpdateMode::Upsert, id, payload, expected).await
    }

    /// As [`Self::write`]; the mode decides whether the point is created, replaced, or both.
    pub(super) async fn write_as(
        &self,
        mode: UpdateMode,
        id: Uuid,
        payload: Payload,
        expected: Filter,
    ) -> Result<(), Failure> {
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
            update_mode: Some(mode.into()),
            timeout: Some(self.client.timeout_secs()),
            ..UpsertPoints::default()
        };
        match self.client.write(request.clone(), rpc!(upsert)).await {
            Err(failure) if failure.code() == Some(Code::NotFound) => {
                self.create_collection().await?;
                self.client.write(request, rpc!(upsert)).await
            }
            answer => answer,
        }
    }

    /// Returns the payload of a point, or `None` if there is none.
    pub(super) async fn read(&self, id: Uuid) -> Result<Option<Payload>, Failure> {
        self.read_fields(id, true).await
    }

    /// Returns these fields of a point's payload, or `None` if there is no point.
    pub(super) async fn read_fields(
        &self,
        id: Uuid,
        fields: impl Into<WithPayloadSelector>,
    ) -> Result<Option<Payload>, Failure> {
        let request = GetPoints {
            collection_name: self.client.collection.clone(),
            ids: vec![point_id(id)],
            with_payload: Some(fields.into()),
            read_consistency: self.client.consistency,
            timeout: Some(self.client.timeout_secs()),
            ..GetPoints::default()
        };
        match self.client.points(request, rpc!(get)).await {
            Ok(found) => Ok(found.result.into_iter().next().map(|point| point.payload)),
            // Nothing was written yet.
            Err(failure) if failure.code() == Some(Code::NotFound) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Returns these fields of the payloads of at most `limit` points that match.
    pub(super) async fn list(
        &self,
        matching: Filter,
        fields: impl Into<WithPayloadSelector>,
        limit: u32,
    ) -> Result<Vec<Payload>, Failure> {
        let request = ScrollPoints {
            collection_name: self.client.collection.clone(),
            filter: Some(matching),
            limit: Some(limit),
            with_payload: Some(fields.into()),
            read_consistency: self.client.consistency,
            timeout: Some(self.client.timeout_secs()),
            ..ScrollPoints::default()
        };
        match self.client.points(request, rpc!(scroll)).await {
            Ok(found) => Ok(found.result.into_iter().map(|point| point.payload).collect()),
            Err(failure) if failure.code() == Some(Code::NotFound) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes the points that match.
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
        match self.client.write(request, rpc!(delete)).await {
            Err(failure) if failure.code() == Some(Code::NotFound) => Ok(()),
            answer => answer,
        }
    }

    async fn create_collection(&self) -> Result<(), Failure> {
        match self.client.collections(self.create.clone(), rpc!(create)).await {
            // Another process was faster, and may not have finished.
            Err(failure) if failure.code() != Some(Code::AlreadyExists) => Err(failure),
            _ => collection::made(&self.client, self.client.timeout()).await.map(drop),
        }
    }
}
