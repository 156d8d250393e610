//! Giving a large tenant a shard of its own, while it is served.
//!
//! The server copies the tenant's points from the shard of its group into the new one and keeps both the same meanwhile;
//! searches go to the group until the copy is complete. Then the group's copy is deleted. Ended in between, all of it can
//! be done again and goes on where it was.

use std::time::Duration;

use context_manager_core::TenantId;
use context_manager_core::ports::StoreError;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::update_collection_cluster_setup_request::Operation;
use qdrant_client::qdrant::{
    CollectionClusterInfoRequest, DeletePoints, PointsSelector, ReplicaState, ReplicatePoints, ShardKey,
    ShardKeySelector, UpdateCollectionClusterSetupRequest,
};

use super::client::Client;
use super::failure::{Failure, internal};
use super::{QdrantStore, filter, shards};
use crate::conditions;

/// How often it is looked how far the server is.
const PAUSE: Duration = Duration::from_millis(200);

/// How often in a row the copy may be neither running nor complete: nodes learn of it one after the other.
const PATIENCE: u32 = 25;

/// How a shard stands.
struct Shard {
    states: Vec<ReplicaState>,
    id: Option<u32>,
    copying: bool,
}

impl Shard {
    fn is_complete(&self) -> bool {
        !self.copying && !self.states.is_empty() && self.states.iter().all(|state| *state == ReplicaState::Active)
    }
}

impl QdrantStore {
    /// Gives a tenant a shard of its own and moves its contexts there, while they are served. Done again, it does nothing.
    ///
    /// The new shard has one replica; more are made with the server's own means.
    ///
    /// # Errors
    /// [`StoreError`] when the collection is not sharded by tenant, or the server failed; it can be done again.
    pub async fn promote(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let Some(groups) = self.client.groups() else {
            return Err(internal(
                "promote",
                "the collection is not sharded by tenant, see `vector_db.sharding`",
            ));
        };
        let (group, own) = (shards::group_of(tenant, groups), shards::named(tenant.as_str()));
        let unavailable = |failure: Failure| failure.into_store_error("promote");
        let mut shard = look(&self.client, &own).await.map_err(unavailable)?;
        if shard.id.is_none() {
            shards::create(&self.client, 1, own.clone(), Some(ReplicaState::Partial))
                .await
                .map_err(unavailable)?;
            shard = look(&self.client, &own).await.map_err(unavailable)?;
        }
        if !shard.is_complete() && !shard.copying {
            copy(&self.client, tenant, &group, &own).await.map_err(unavailable)?;
        }
        let mut idle = 0;
        while !shard.is_complete() {
            idle = if shard.copying { 0 } else { idle + 1 };
            if idle > PATIENCE {
                return Err(internal("promote", "the server ended copying before its time"));
            }
            tokio::time::sleep(PAUSE).await;
            shard = look(&self.client, &own).await.map_err(unavailable)?;
        }
        remove(&self.client, tenant, group).await.map_err(unavailable)
    }
}

/// How the shard of this name stands, on all nodes.
async fn look(client: &Client, key: &ShardKey) -> Result<Shard, Failure> {
    let request = CollectionClusterInfoRequest {
        collection_name: client.collection.clone(),
    };
    let info = client
        .collections(request, |mut collections, request| async move {
            collections.collection_cluster_info(request).await
        })
        .await?;
    let local = info.local_shards.iter();
    let local = local.map(|shard| (shard.shard_key.as_ref(), shard.shard_id, shard.state()));
    let remote = info.remote_shards.iter();
    let remote = remote.map(|shard| (shard.shard_key.as_ref(), shard.shard_id, shard.state()));
    let found = local.chain(remote).filter(|(name, ..)| *name == Some(key));
    let (ids, states): (Vec<u32>, Vec<ReplicaState>) = found.map(|(_, id, state)| (id, state)).unzip();
    let id = ids.first().copied();
    let copying = info
        .shard_transfers
        .iter()
        .any(|transfer| transfer.to_shard_id == id && id.is_some());
    Ok(Shard { states, id, copying })
}

/// Has the server begin to copy.
async fn copy(client: &Client, tenant: &TenantId, from: &ShardKey, to: &ShardKey) -> Result<(), Failure> {
    let replicate = ReplicatePoints {
        from_shard_key: Some(from.clone()),
        to_shard_key: Some(to.clone()),
        filter: Some(filter::all(&conditions::of_tenant(tenant))),
    };
    let request = UpdateCollectionClusterSetupRequest {
        collection_name: client.collection.clone(),
        timeout: Some(client.timeout_secs()),
        operation: Some(Operation::ReplicatePoints(replicate)),
    };
    client
        .collections(request, |mut collections, request| async move {
            collections.update_collection_cluster_setup(request).await
        })
        .await?;
    Ok(())
}

/// Deletes what the group still has of the tenant.
async fn remove(client: &Client, tenant: &TenantId, group: ShardKey) -> Result<(), Failure> {
    let all = filter::all(&conditions::of_tenant(tenant));
    let request = DeletePoints {
        collection_name: client.collection.clone(),
        wait: Some(true),
        points: Some(PointsSelector::from(PointsSelectorOneOf::Filter(all))),
        ordering: client.ordering,
        shard_key_selector: Some(ShardKeySelector {
            shard_keys: vec![group],
            fallback: None,
        }),
        timeout: Some(client.timeout_secs()),
    };
    client
        .write(
            request,
            |mut points, request| async move { points.delete(request).await },
        )
        .await
}
