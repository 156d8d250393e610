//! Everything that snapshots are made of: the collections, the descriptions, the log of deletions and the server's files.

use std::collections::BTreeMap;
use std::sync::Arc;

use context_manager_core::TenantId;
use context_manager_core::ports::{Clock, Snapshot, SnapshotError, SystemClock};
use data_encoding::HEXLOWER;
use futures::StreamExt;
use sha2::{Digest, Sha256};

use crate::payload::key;
use crate::qdrant::agreements::Agreements;
use crate::qdrant::client::Client;
use crate::qdrant::deletions::Deletions;
use crate::qdrant::failure::Failure;
use crate::qdrant::http::{Content, Http};
use crate::qdrant::records::{self, Description};
use crate::qdrant::{analyzer, collection, reads, schema};
use crate::snapshot_name;

/// Format of descriptions that this version writes, and the newest it reads.
const FORMAT: u32 = 1;

/// Everything that snapshots are made of.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) client: Client,
    /// Client of the copy that a restore prepares.
    pub(super) copy: Client,
    pub(super) agreements: Agreements,
    pub(super) deletions: Arc<Deletions>,
    pub(super) http: Http,
    pub(super) max_kept: usize,
}

impl Place {
    pub(super) fn records(&self) -> &Agreements {
        self.deletions.records()
    }

    pub(super) async fn create(&self) -> Result<Snapshot, SnapshotError> {
        self.check_nodes().await?;
        let created_at = SystemClock.now();
        let state = records::change_state(self.records(), |state| records::State {
            epoch: state.epoch + 1,
            ..state
        });
        let state = state.await.map_err(store_failed)?;
        if state.restoring.is_some() {
            self.deletions.unfinished.notify_one();
            return Err(SnapshotError::Busy);
        }
        self.deletions.mark(state.epoch).await.map_err(store_failed)?;
        let info = collection::look(&self.client).await.map_err(store_failed)?;
        let info = info.ok_or_else(|| store_failed(Failure::Incomplete("collection")))?;
        let model = schema::stored_model(&info).map_err(|_foreign| store_failed(Failure::Incomplete("model")))?;
        let tenants = reads::facet(&self.client, key::TENANT, &[], true).await;
        let taken = self.http.create(&self.client.collection).await?;
        let description = Description {
            format: FORMAT,
            name: snapshot_name::at(created_at),
            created_at,
            epoch: state.epoch,
            contexts: tenants.map_err(store_failed)?.into_iter().collect(),
            model,
            analyzer: analyzer::read(&self.agreements).await.map_err(store_failed)?,
            bytes: taken.size,
            sha256: taken.sha256()?.to_owned(),
            file: taken.name,
        };
        records::describe(self.records(), &description)
            .await
            .map_err(store_failed)?;
        self.prune().await;
        let snapshot = description.snapshot()?;
        tracing::info!(
            snapshot = snapshot.name,
            contexts = snapshot.total(),
            bytes = snapshot.bytes,
            "a snapshot was made"
        );
        Ok(snapshot)
    }

    /// Removes the oldest snapshots beyond the maximum, and what was logged for them alone.
    async fn prune(&self) {
        let pruned = async {
            let all = records::all(self.records()).await.map_err(store_failed)?;
            for old in all.iter().skip(self.max_kept) {
                self.http.delete(&self.client.collection, &old.file).await?;
                records::forget(self.records(), &old.name).await.map_err(store_failed)?;
                tracing::info!(snapshot = old.name, "an old snapshot was removed");
            }
            self.trim().await
        };
        let pruned: Result<(), SnapshotError> = pruned.await;
        if let Err(error) = pruned {
            tracing::warn!(%error, "old snapshots were not removed, will retry with the next one");
        }
    }

    /// Removes what no snapshot needs from the log of deletions.
    pub(super) async fn trim(&self) -> Result<(), SnapshotError> {
        let all = records::all(self.records()).await.map_err(store_failed)?;
        let (Some(newest), Some(oldest)) = (all.first(), all.last()) else {
            return Ok(());
        };
        self.deletions
            .trim(oldest.epoch, newest.epoch)
            .await
            .map_err(store_failed)
    }

    /// Refuses a cluster: each of its nodes makes snapshots of its own shards only.
    pub(super) async fn check_nodes(&self) -> Result<(), SnapshotError> {
        match self.http.nodes().await? {
            1 => Ok(()),
            nodes => Err(SnapshotError::Unsupported(format!(
                "the Qdrant server is a cluster of {nodes} nodes, each of which makes snapshots of its own part only: copy \
                 the contexts with `context-manager export --all-tenants --vectors`, or use the tools of the cluster"
            ))),
        }
    }

    pub(super) async fn described(&self, name: &str) -> Result<Description, SnapshotError> {
        if !snapshot_name::is_valid(name) {
            return Err(SnapshotError::NotFound);
        }
        let found = records::described(self.records(), name).await.map_err(store_failed)?;
        let description = found.ok_or(SnapshotError::NotFound)?;
        if description.format > FORMAT {
            return Err(SnapshotError::Unusable(format!(
                "the snapshot has format {}, and this version reads formats up to {FORMAT}",
                description.format
            )));
        }
        Ok(description)
    }

    pub(super) async fn content(&self, description: &Description) -> Result<Content, SnapshotError> {
        let content = self.http.download(&self.client.collection, &description.file).await?;
        content.ok_or_else(|| SnapshotError::Damaged(format!("the file {} is missing", description.file)))
    }
}

impl Description {
    pub(super) fn snapshot(self) -> Result<Snapshot, SnapshotError> {
        let mut contexts = BTreeMap::new();
        for (tenant, count) in &self.contexts {
            let tenant = TenantId::try_new(tenant).map_err(|error| SnapshotError::Damaged(error.to_string()))?;
            contexts.insert(tenant, *count);
        }
        Ok(Snapshot {
            name: self.name,
            created_at: self.created_at,
            contexts,
            bytes: self.bytes,
            paused_ms: 0,
        })
    }
}

/// Size and checksum of content that was read.
#[derive(Debug, Clone)]
pub(super) struct Checked(Arc<std::sync::Mutex<(u64, Sha256)>>);

impl Checked {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    pub(super) fn read(&self, content: Content) -> Content {
        let read = Arc::clone(&self.0);
        let counted = content.inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                let mut read = read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                read.0 += chunk.len() as u64;
                read.1.update(chunk);
            }
        });
        counted.boxed()
    }

    /// Compares everything that was read with the description.
    pub(super) fn compare(&self, description: &Description) -> Result<(), SnapshotError> {
        let read = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if read.0 == description.bytes && HEXLOWER.encode(&read.1.finalize()) == description.sha256 {
            return Ok(());
        }
        Err(SnapshotError::Damaged(format!(
            "the file {} is not what it was",
            description.file
        )))
    }
}

pub(super) fn store_failed(failure: Failure) -> SnapshotError {
    SnapshotError::Store(failure.into_store_error("snapshot"))
}
