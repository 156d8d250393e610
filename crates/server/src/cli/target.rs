//! Data that commands work on: a data folder that no server has open, or a running server.

use context_manager_client::Client;
use context_manager_client::wire::{Restore, Restored, Snapshot, SnapshotList, VerifiedSnapshot};
use context_manager_core::{Scope, TenantId};

use super::connection::Connection;
use crate::app::Memory;
use crate::config::Config;

/// Data to work on.
#[derive(Debug)]
pub(super) enum Target {
    Folder(Box<Memory>),
    Server(Client),
}

impl Target {
    /// Prepares calls to the named server, or opens the data folder, which no server may have open then.
    pub(super) async fn open(connection: &Connection, config: &Config) -> anyhow::Result<Self> {
        Ok(match connection.client()? {
            Some(client) => Self::Server(client),
            None => Self::Folder(Box::new(Memory::open_offline(config).await?)),
        })
    }

    /// Closes the data folder.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Folder(memory) => memory.close().await,
            Self::Server(_) => Ok(()),
        }
    }

    pub(super) async fn create_snapshot(&self) -> anyhow::Result<Snapshot> {
        Ok(match self {
            Self::Folder(memory) => memory.store.snapshots.create().await?.into(),
            Self::Server(client) => client.create_snapshot().await?,
        })
    }

    pub(super) async fn list_snapshots(&self) -> anyhow::Result<SnapshotList> {
        Ok(match self {
            Self::Folder(memory) => {
                let snapshots = memory.store.snapshots.list().await?;
                SnapshotList {
                    snapshots: snapshots.into_iter().map(Into::into).collect(),
                }
            }
            Self::Server(client) => client.list_snapshots().await?,
        })
    }

    pub(super) async fn verify_snapshot(&self, name: &str) -> anyhow::Result<VerifiedSnapshot> {
        Ok(match self {
            Self::Folder(memory) => memory.store.snapshots.verify(name).await?.into(),
            Self::Server(client) => client.verify_snapshot(name).await?,
        })
    }

    pub(super) async fn restore_snapshot(&self, name: &str, options: &Restore) -> anyhow::Result<Restored> {
        Ok(match self {
            Self::Folder(memory) => {
                let snapshots = &*memory.store.snapshots;
                let restored = memory.engine.restore(snapshots, name, options.accept_erased);
                restored.await?.into()
            }
            Self::Server(client) => client.restore_snapshot(name, options).await?,
        })
    }
}

/// Returns the scope of everything that a tenant has.
pub(super) fn scope(tenant: &str) -> anyhow::Result<Scope> {
    Ok(Scope::maintenance(TenantId::try_new(tenant)?))
}
