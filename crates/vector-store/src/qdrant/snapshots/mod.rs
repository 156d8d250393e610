//! Snapshots with a Qdrant server: the server's own snapshots of our collection, described and restored by us.
//!
//! A snapshot has the contexts only. What servers agree on stays outside: leases, offsets of sessions, which must never go
//! back, and keys. So do the descriptions of snapshots and the [log of deletions](super::deletions), for every server to
//! read.

mod lock;
mod place;
mod restore;

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::{Snapshot, SnapshotError, Snapshots, Staged, Verified};
use futures::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use lock::Lock;
use place::{Checked, Place, store_failed};

use super::agreements::Agreements;
use super::client::Client;
use super::config::Config;
use super::deletions::Deletions;
use super::http::{Http, failed};
use super::records::{self, Description};
use crate::Error;

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

impl QdrantSnapshots {
    /// Manages the snapshots of the collection of `client`, and completes a restore whose server ended.
    pub(super) fn new(
        client: &Client,
        agreements: &Agreements,
        deletions: &Arc<Deletions>,
        config: &Config,
        max_kept: usize,
    ) -> Result<Self, Error> {
        let at = Arc::new(Place {
            client: client.clone(),
            copy: client.beside("restore"),
            agreements: agreements.clone(),
            deletions: Arc::clone(deletions),
            http: Http::new(config)?,
            max_kept,
        });
        let completion = tokio::spawn(complete(Arc::downgrade(&at), Arc::clone(deletions)));
        deletions.unfinished.notify_one();
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
            let made = lock.run(at.create()).await;
            // From its end, as the server has named the file by then.
            sleep(SECOND).await;
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
