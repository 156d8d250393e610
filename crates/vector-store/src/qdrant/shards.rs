//! In which shards a tenant is, where the collection is sharded by tenant.
//!
//! Tenants are divided into groups by the hash of their name, and each group has a shard of its own. A large tenant can
//! be given one, too: the server looks for a shard with the tenant's name first and takes that of the group while there
//! is none, or while it is being filled.

use context_manager_core::TenantId;
use qdrant_client::qdrant::{
    CreateShardKey, CreateShardKeyRequest, ListShardKeysRequest, ReplicaState, ShardKey, ShardKeySelector, shard_key,
};

use super::client::Client;
use super::config::Config;
use super::failure::Failure;
use crate::payload::PointIds;

/// The shards of a tenant, when tenants are divided into so many groups.
pub(super) fn of(tenant: &TenantId, groups: u32) -> ShardKeySelector {
    ShardKeySelector {
        shard_keys: vec![named(tenant.as_str())],
        fallback: Some(group_of(tenant, groups)),
    }
}

/// The shard of the group that a tenant is in.
pub(super) fn group_of(tenant: &TenantId, groups: u32) -> ShardKey {
    group(PointIds::of(tenant).share(groups))
}

/// Makes the shards of the groups that are not there yet. Any number of replicas may do so at once.
pub(super) async fn prepare(client: &Client, config: &Config, groups: u32) -> Result<(), Failure> {
    let existing = keys(client).await?;
    for key in (0..groups).map(group).filter(|key| !existing.contains(key)) {
        let made = create(client, config.replication_factor, key.clone(), None).await;
        if let Err(failure) = made
            && (failure.is_outage() || !keys(client).await?.contains(&key))
        {
            return Err(failure);
        }
    }
    Ok(())
}

/// Makes one shard, with replicas that are ready at once or in this state.
pub(super) async fn create(
    client: &Client,
    replicas: u32,
    key: ShardKey,
    state: Option<ReplicaState>,
) -> Result<(), Failure> {
    let create = CreateShardKey {
        shard_key: Some(key),
        shards_number: Some(1),
        replication_factor: Some(replicas),
        placement: Vec::new(),
        initial_state: state.map(Into::into),
    };
    let request = CreateShardKeyRequest {
        collection_name: client.collection.clone(),
        request: Some(create),
        timeout: Some(client.timeout_secs()),
    };
    client
        .collections(request, |mut collections, request| async move {
            collections.create_shard_key(request).await
        })
        .await?;
    Ok(())
}

/// Which shards there are.
pub(super) async fn keys(client: &Client) -> Result<Vec<ShardKey>, Failure> {
    let request = ListShardKeysRequest {
        collection_name: client.collection.clone(),
    };
    let answer = client
        .collections(request, |mut collections, request| async move {
            collections.list_shard_keys(request).await
        })
        .await?;
    Ok(answer.shard_keys.into_iter().filter_map(|found| found.key).collect())
}

/// The shard of this name.
pub(super) fn named(name: &str) -> ShardKey {
    ShardKey {
        key: Some(shard_key::Key::Keyword(name.to_owned())),
    }
}

/// The shard of the group with this number. No tenant can be called that.
fn group(number: u32) -> ShardKey {
    named(&format!("group {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_never_mistaken_for_a_tenant_and_never_moves() {
        let Some(shard_key::Key::Keyword(name)) = group(3).key else {
            panic!("it has a name")
        };
        assert!(TenantId::try_new(&name).is_err());
        let tenant = TenantId::try_new("b").unwrap();
        assert_eq!(of(&tenant, 8).shard_keys, [named("b")]);
        // What is stored would not be found again.
        assert_eq!(group_of(&tenant, 8), group(7));
    }
}
