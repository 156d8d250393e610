//! Restores: a copy of the snapshot is prepared beside the collection, and then replaces the collection's contents.
//!
//! The collection never has a deleted context: deletions are applied to the copy, and only a snapshot of the copy goes into
//! the collection. From the moment that the [state](records::State) names the restore, deletions wait on every server until it is
//! complete, and any server that finds the lease free completes it. Every step may be done twice.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{Snapshot, SnapshotError, Staged};
use qdrant_client::qdrant::{CollectionInfo, DeleteCollection};
use tonic::Code;
use uuid::Uuid;

use super::lock::Lock;
use super::place::{Checked, Place, store_failed};
use crate::qdrant::client::rpc;
use crate::qdrant::failure::Failure;
use crate::qdrant::http::{Taken, failed};
use crate::qdrant::records::{self, Description, Restoring, State};
use crate::qdrant::{analyzer, collection, schema};

/// Prefix of the names of files that a restore leaves with the collection.
const UPLOADED: &str = "restore-";

/// Snapshot whose copy is ready.
#[derive(Debug)]
pub(super) struct StagedRestore {
    at: Arc<Place>,
    lock: Option<Lock>,
    description: Description,
    deleted_again: u64,
}

/// Prepares a copy of a snapshot, without the contexts that were deleted since.
pub(super) async fn stage(at: Arc<Place>, name: String, accept_erased: bool) -> Result<StagedRestore, SnapshotError> {
    let lock = Lock::take(&at.agreements).await?;
    let staged = async {
        at.check_nodes().await?;
        let description = at.described(&name).await?;
        let current = at.info().await?;
        let model = schema::stored_model(&current).map_err(|_foreign| store_failed(Failure::Incomplete("model")))?;
        if description.model != model && !description.model.is_completed_by(&model) {
            return Err(SnapshotError::Unusable(format!(
                "the snapshot holds vectors of the model {}, and the store those of the model {model}: configure the model of \
                 the snapshot for a server with another `vector_db.collection_prefix`",
                description.model
            )));
        }
        let is_complete = at.deletions.is_complete_since(description.epoch).await;
        if !is_complete.map_err(store_failed)? {
            if !accept_erased {
                return Err(SnapshotError::ErasedUnknown(
                    "the log of deletions begins later than it",
                ));
            }
            tracing::warn!("deleted contexts may come back with the snapshot, which was accepted");
        }
        if let Some(restoring) = at.state().await?.restoring {
            finish(&at, &lock, restoring).await?;
        }
        clean(&at).await?;
        let copied = copy(&at, &lock, &description, &current).await;
        if copied.is_err() {
            // The first error is reported.
            let _ = clean(&at).await;
        }
        copied.map(|deleted_again| (description, deleted_again))
    };
    match lock.run(staged).await {
        Ok((description, deleted_again)) => Ok(StagedRestore {
            at,
            lock: Some(lock),
            description,
            deleted_again,
        }),
        Err(error) => {
            lock.release().await;
            Err(error)
        }
    }
}

/// Copies a snapshot into a collection of its own, and returns the number of contexts that were deleted there.
async fn copy(
    at: &Place,
    lock: &Lock,
    description: &Description,
    current: &CollectionInfo,
) -> Result<u64, SnapshotError> {
    let checked = Checked::new();
    let content = lock.guard(checked.read(at.content(description).await?));
    let (name, sha256) = (upload_name(), &description.sha256);
    match at.http.upload(&at.copy.collection, &name, sha256, content).await {
        // Refused for its checksum, or for another reason.
        Err(SnapshotError::Unusable(problem)) => {
            checked.compare(description)?;
            return Err(SnapshotError::Unusable(problem));
        }
        uploaded => uploaded?,
    }
    let copy = collection::look(&at.copy).await.map_err(store_failed)?;
    let copy = copy.ok_or_else(|| store_failed(Failure::Incomplete("copy of the snapshot")))?;
    if shape(&copy) != shape(current) {
        return Err(SnapshotError::Unusable(
            "the collection has other vectors or another number of shards than when the snapshot was made; bring the \
             contexts of the snapshot into a collection of its own with Qdrant's tools"
                .to_owned(),
        ));
    }
    let deleted = at.deletions.apply(description.epoch, &at.copy, &at.client).await;
    deleted.map_err(store_failed)
}

#[async_trait]
impl Staged for StagedRestore {
    async fn take_over(mut self: Box<Self>) -> Result<(Snapshot, u64), SnapshotError> {
        // A task of its own, so that it completes when the caller is gone.
        let work = tokio::spawn(async move {
            let lock = self.lock.take().ok_or(SnapshotError::Busy)?;
            let restoring = Restoring {
                by: Uuid::now_v7(),
                snapshot: self.description.name.clone(),
                epoch: self.description.epoch,
                analyzer: self.description.analyzer.clone(),
            };
            let at = &self.at;
            let restore = async {
                at.begin(&restoring).await?;
                let (deleted, copy) = match prepare(at, &restoring).await {
                    Ok(prepared) => prepared,
                    Err(error) => {
                        at.end(&restoring).await?;
                        return Err(error);
                    }
                };
                replace(at, &lock, &restoring, &copy).await?;
                Ok(deleted)
            };
            let restored = lock.run(restore).await;
            if let Ok(State { restoring: None, .. }) = at.state().await
                && let Err(error) = lock.run(clean(at)).await
            {
                tracing::warn!(%error, "the copy of a snapshot was not removed, will retry");
            }
            lock.release().await;
            if restored.is_err() {
                at.deletions.unfinished.notify_one();
            }
            let deleted_again = self.deleted_again + restored?;
            Ok((self.description.clone().snapshot()?, deleted_again))
        });
        work.await.map_err(failed).flatten()
    }
}

impl Drop for StagedRestore {
    fn drop(&mut self) {
        // Cancelled.
        if let Some(lock) = self.lock.take() {
            let at = Arc::clone(&self.at);
            tokio::spawn(async move {
                if let Err(error) = lock.run(clean(&at)).await {
                    tracing::warn!(%error, "the copy of a snapshot was not removed, will retry");
                }
                lock.release().await;
            });
        }
    }
}

/// Completes a restore whose server ended, or removes the copy that it left. Does nothing without either.
pub(super) async fn complete_or_clean(at: &Place) -> Result<(), SnapshotError> {
    let is_copied = collection::look(&at.copy).await.map_err(store_failed)?.is_some();
    if !is_copied && at.state().await?.restoring.is_none() {
        return Ok(());
    }
    let lock = Lock::take(&at.agreements).await?;
    let completion = async {
        if let Some(restoring) = at.state().await?.restoring {
            finish(at, &lock, restoring).await?;
        }
        clean(at).await
    };
    let completed = lock.run(completion).await;
    lock.release().await;
    completed
}

/// Applies the deletions that were acknowledged before deletions began to wait, and makes a snapshot of the copy. Returns the
/// number of contexts that were deleted, and the snapshot.
async fn prepare(at: &Place, restoring: &Restoring) -> Result<(u64, Taken), SnapshotError> {
    let deleted = at.deletions.apply(restoring.epoch, &at.copy, &at.client).await;
    let deleted = deleted.map_err(store_failed)?;
    Ok((deleted, at.http.create(&at.copy.collection).await?))
}

/// Replaces the contents of the collection, and ends the restore. A server that refuses the contents has changed nothing: that
/// cancels the restore.
async fn replace(at: &Place, lock: &Lock, restoring: &Restoring, copy: &Taken) -> Result<(), SnapshotError> {
    let content = at.http.download(&at.copy.collection, &copy.name).await?;
    let content = lock.guard(content.ok_or_else(|| failed("the snapshot of the copy is missing"))?);
    match at
        .http
        .upload(&at.client.collection, &upload_name(), copy.sha256()?, content)
        .await
    {
        Err(SnapshotError::Unusable(problem)) => {
            at.end(restoring).await?;
            return Err(SnapshotError::Unusable(problem));
        }
        replaced => replaced?,
    }
    let fingerprint = analyzer::read(&at.agreements).await.map_err(store_failed)?;
    if let Some(analyzer) = &restoring.analyzer
        && fingerprint.as_ref() != Some(analyzer)
    {
        analyzer::write(&at.agreements, analyzer).await.map_err(store_failed)?;
        tracing::warn!("the snapshot was made with other settings of `lexical`: restart one server to index it again");
    }
    at.end(restoring).await
}

/// Completes a restore whose server ended.
async fn finish(at: &Place, lock: &Lock, restoring: Restoring) -> Result<(), SnapshotError> {
    let restoring = &Restoring {
        by: Uuid::now_v7(),
        ..restoring
    };
    at.begin(restoring).await?;
    tracing::warn!(snapshot = restoring.snapshot, "completing a restore whose server ended");
    if collection::look(&at.copy).await.map_err(store_failed)?.is_none() {
        tracing::error!("the copy of the snapshot was removed: restore the snapshot again");
        return at.end(restoring).await;
    }
    let (_, copy) = prepare(at, restoring).await?;
    replace(at, lock, restoring, &copy).await
}

/// Removes the copy, its files, and those that restores left with the collection.
async fn clean(at: &Place) -> Result<(), SnapshotError> {
    for file in at.http.list(&at.client.collection).await? {
        if file.name.starts_with(UPLOADED) {
            at.http.delete(&at.client.collection, &file.name).await?;
        }
    }
    // The server keeps the files of a collection that is deleted.
    for file in at.http.list(&at.copy.collection).await? {
        at.http.delete(&at.copy.collection, &file.name).await?;
    }
    let request = DeleteCollection {
        collection_name: at.copy.collection.clone(),
        timeout: Some(at.copy.timeout_secs()),
    };
    match at.copy.collections(request, rpc!(delete)).await {
        Err(failure) if failure.code() != Some(Code::NotFound) => Err(store_failed(failure)),
        _ => Ok(()),
    }
}

impl Place {
    async fn state(&self) -> Result<State, SnapshotError> {
        records::state(self.records()).await.map_err(store_failed)
    }

    /// Has deletions wait for a restore.
    async fn begin(&self, restoring: &Restoring) -> Result<(), SnapshotError> {
        let changed = records::change_state(self.records(), |state| State {
            restoring: Some(restoring.clone()),
            ..state
        });
        changed.await.map(drop).map_err(store_failed)
    }

    /// Has deletions go on, unless another server took the restore over.
    async fn end(&self, restoring: &Restoring) -> Result<(), SnapshotError> {
        let changed = records::change_state(self.records(), |state| State {
            restoring: state.restoring.filter(|at_it| at_it.by != restoring.by),
            ..state
        });
        changed.await.map(drop).map_err(store_failed)
    }

    async fn info(&self) -> Result<CollectionInfo, SnapshotError> {
        let info = collection::look(&self.client).await.map_err(store_failed)?;
        info.ok_or_else(|| store_failed(Failure::Incomplete("collection")))
    }
}

/// Returns what the server compares before it replaces the contents of a collection.
fn shape(info: &CollectionInfo) -> Option<(u32, impl PartialEq + use<>)> {
    let params = info.config.as_ref()?.params.as_ref()?;
    Some((
        params.shard_number,
        (params.vectors_config.clone(), params.sparse_vectors_config.clone()),
    ))
}

/// Returns a new name for an uploaded file. The server shows only files of this ending.
fn upload_name() -> String {
    format!("{UPLOADED}{}.snapshot", Uuid::now_v7().simple())
}
