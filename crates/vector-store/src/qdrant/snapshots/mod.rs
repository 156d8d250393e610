//! Snapshots with a Qdrant server: the server's own snapshots of our collection, described and restored by us.
//!
//! A snapshot has the contexts only. What servers agree on stays outside: leases, offsets of sessions, which must never go
//! back, and keys. So do the descriptions of snapshots and the [log of deletions](super::deletions), for every server to
//! read.

mod lock;
mod restore;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::TenantId;
use context_manager_core::ports::{Clock, Snapshot, SnapshotError, Snapshots, Staged, SystemClock, Verified};
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use lock::Lock;

use super::agreements::Agreements;
use super::client::Client;
use super::config::Config;
use super::deletions::Deletions;
use super::failure::Failure;
use super::http::{Content, Http, failed, hex};
use super::records::{self, Description};
use super::{QdrantStore, analyzer, collection, reads, schema};
use crate::Error;
use crate::payload::key;
use crate::snapshot_name;

/// Format of descriptions that this version writes, and the newest it reads.
const FORMAT: u32 = 1;
/// Resolution of the time in the names that the server gives: two snapshots of the same second would share a file.
const SECOND: Duration = Duration::from_secs(1);
/// Pause before another attempt to complete a restore.
const RETRY: Duration = Duration::from_secs(5);

/// Snapshots of the store on a Qdrant server.
#[derive(Debug)]
pub(super) struct QdrantSnapshots {
    at: Arc<Place>,
    /// Completes restores of servers that ended.
    completion: JoinHandle<()>,
}

/// Everything that snapshots are made of.
#[derive(Debug)]
struct Place {
    client: Client,
    /// Client of the copy that a restore prepares.
    copy: Client,
    agreements: Agreements,
    deletions: Arc<Deletions>,
    http: Http,
    max_kept: usize,
}

impl QdrantSnapshots {
    /// Manages the snapshots of `store`, and completes a restore whose server ended.
    pub(super) fn new(store: &QdrantStore, config: &Config, max_kept: usize) -> Result<Self, Error> {
        let at = Arc::new(Place {
            client: store.client.clone(),
            copy: store.client.beside("restore"),
            agreements: store.agreements.clone(),
            deletions: Arc::clone(&store.deletions),
            http: Http::new(config)?,
            max_kept,
        });
        let completion = tokio::spawn(complete(Arc::downgrade(&at), Arc::clone(&store.deletions)));
        store.deletions.unfinished.notify_one();
        Ok(Self { at, completion })
    }
}

impl Drop for QdrantSnapshots {
    fn drop(&mut self) {
        self.completion.abort();
    }
}

#[async_trait]
impl Snapshots for QdrantSnapshots {
    async fn create(&self) -> Result<Snapshot, SnapshotError> {
        let at = Arc::clone(&self.at);
        // A task of its own, so that it completes when the caller is gone.
        let work = tokio::spawn(async move {
            let lock = Lock::take(&at.agreements).await?;
            let began = Instant::now();
            let made = lock.run(at.create()).await;
            sleep_until(began + SECOND).await;
            lock.release().await;
            made
        });
        work.await.map_err(failed).flatten()
    }

    async fn list(&self) -> Result<Vec<Snapshot>, SnapshotError> {
        let all = records::all(self.at.records()).await.map_err(store_failed)?;
        all.into_iter().map(Description::snapshot).collect()
    }

    async fn verify(&self, name: &str) -> Result<Verified, SnapshotError> {
        let lock = Lock::take(&self.at.agreements).await?;
        let verify = async {
            let description = self.at.described(name).await?;
            let content = self.at.content(&description).await?;
            let checked = Checked::new();
            let mut content = checked.read(content);
            while let Some(chunk) = content.next().await {
                chunk.map_err(failed)?;
            }
            checked.compare(&description)?;
            Ok(Verified {
                snapshot: description.snapshot()?,
                files: 1,
            })
        };
        let verified = lock.run(verify).await;
        lock.release().await;
        verified
    }

    async fn stage(&self, name: &str, accept_erased: bool) -> Result<Box<dyn Staged>, SnapshotError> {
        let (at, name) = (Arc::clone(&self.at), name.to_owned());
        let work = tokio::spawn(restore::stage(at, name, accept_erased));
        Ok(Box::new(work.await.map_err(failed).flatten()?))
    }
}

impl Place {
    fn records(&self) -> &Agreements {
        self.deletions.records()
    }

    async fn create(&self) -> Result<Snapshot, SnapshotError> {
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
    async fn trim(&self) -> Result<(), SnapshotError> {
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
    async fn check_nodes(&self) -> Result<(), SnapshotError> {
        match self.http.nodes().await? {
            1 => Ok(()),
            nodes => Err(SnapshotError::Unsupported(format!(
                "the Qdrant server is a cluster of {nodes} nodes, each of which makes snapshots of its own part only: copy \
                 the contexts with `context-manager export --all-tenants --vectors`, or use the tools of the cluster"
            ))),
        }
    }

    async fn described(&self, name: &str) -> Result<Description, SnapshotError> {
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

    async fn content(&self, description: &Description) -> Result<Content, SnapshotError> {
        let content = self.http.download(&self.client.collection, &description.file).await?;
        content.ok_or_else(|| SnapshotError::Damaged(format!("the file {} is missing", description.file)))
    }
}

impl Description {
    fn snapshot(self) -> Result<Snapshot, SnapshotError> {
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
struct Checked(Arc<std::sync::Mutex<(u64, Sha256)>>);

impl Checked {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn read(&self, content: Content) -> Content {
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
    fn compare(&self, description: &Description) -> Result<(), SnapshotError> {
        let read = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if read.0 == description.bytes && hex(&read.1.finalize()) == description.sha256 {
            return Ok(());
        }
        Err(SnapshotError::Damaged(format!(
            "the file {} is not what it was",
            description.file
        )))
    }
}

fn store_failed(failure: Failure) -> SnapshotError {
    SnapshotError::Store(failure.into_store_error("snapshot"))
}

/// Completes restores of servers that ended, whenever one is suspected.
async fn complete(at: Weak<Place>, deletions: Arc<Deletions>) {
    loop {
        deletions.unfinished.notified().await;
        let Some(at) = at.upgrade() else { return };
        match restore::complete_or_clean(&at).await {
            Ok(()) => {
                if let Err(error) = at.trim().await {
                    tracing::warn!(%error, "the log of deletions was not trimmed, will retry");
                }
            }
            // Another server is at it.
            Err(SnapshotError::Busy) => again(&deletions).await,
            Err(error) => {
                tracing::error!(%error, "a restore that was interrupted is not complete yet, will retry");
                again(&deletions).await;
            }
        }
    }
}

async fn again(deletions: &Deletions) {
    sleep(RETRY).await;
    deletions.unfinished.notify_one();
}
