//! Operating the server: garbage collection, the embedding model, snapshots, logs.

use std::sync::Arc;

use context_manager_core::ports::{Snapshot, Snapshots, Verified};
use context_manager_core::{Error, GcReport, ReembedProgress, Restored};
use jiff::Timestamp;

use super::audit::Audited;
use super::call::Call;
use super::failure::Failure;
use super::reembedding::{CannotReembed, ReembedState};
use super::use_case::UseCase;
use crate::auth::Principal;

impl Call {
    /// Collects garbage of the caller's tenant; with `dry_run` tells what would be done.
    pub(crate) async fn collect_garbage(&self, dry_run: bool) -> Result<GcReport, Failure> {
        self.enter(UseCase::CollectGarbage).await?;
        let collector = Arc::clone(&self.service().backend()?.garbage_collector);
        let scope = self.scope().clone();
        let report = if dry_run {
            collector.preview(&scope).await
        } else {
            // Waited for outside the write, so that a client that goes away leaves the queue.
            let permit = collector.permit().await;
            // Boxed, as the future of a run is large.
            let run = Box::pin(async move { Ok(collector.run(&scope, permit).await.map_err(Error::from)?) });
            self.write(run).await?
        };
        report.ok_or(Failure::Stopping)
    }

    /// Starts to change to the other embedding model.
    pub(crate) async fn start_reembedding(&self) -> Result<(ReembedState, Option<ReembedProgress>), Failure> {
        self.enter(UseCase::StartReembedding).await?;
        let reembedding = &self.service().backend()?.reembedding;
        reembedding.start().await?;
        Ok(reembedding.status())
    }

    /// Returns the state of the change of the embedding model.
    pub(crate) async fn reembedding(&self) -> Result<(ReembedState, Option<ReembedProgress>), Failure> {
        self.enter(UseCase::GetReembedding).await?;
        Ok(self.service().backend()?.reembedding.status())
    }

    /// Stops the change of the embedding model, and removes the vectors of the model that is not in use.
    pub(crate) async fn discard_reembedding(&self) -> Result<(), Failure> {
        self.enter(UseCase::DiscardReembedding).await?;
        let discarded = self.service().backend()?.reembedding.discard().await;
        discarded.map_err(|error| CannotReembed::from(error).into())
    }

    /// Takes a snapshot of the whole store.
    pub(crate) async fn create_snapshot(&self) -> Result<Snapshot, Failure> {
        Ok(self.snapshots_for(UseCase::CreateSnapshot).await?.create().await?)
    }

    /// Lists the snapshots, newest first.
    pub(crate) async fn snapshots(&self) -> Result<Vec<Snapshot>, Failure> {
        Ok(self.snapshots_for(UseCase::ListSnapshots).await?.list().await?)
    }

    /// Compares a snapshot with what was recorded when it was taken.
    pub(crate) async fn verify_snapshot(&self, name: &str) -> Result<Verified, Failure> {
        Ok(self.snapshots_for(UseCase::VerifySnapshot).await?.verify(name).await?)
    }

    /// Sets the whole store back to a snapshot.
    pub(crate) async fn restore_snapshot(&self, name: String, accept_erased: bool) -> Result<Restored, Failure> {
        let snapshots = self.snapshots_for(UseCase::RestoreSnapshot).await?;
        let backend = self.service().backend()?.clone();
        self.write(async move {
            // It would go on in another state of the store than it began in.
            backend.reembedding.stop().await;
            let restored = backend.engine.restore(&*snapshots, &name, accept_erased).await;
            let resumed = backend.reembedding.resume().await;
            // The first error is reported.
            let restored = restored?;
            resumed.map_err(Error::from)?;
            Ok(restored)
        })
        .await
    }

    async fn snapshots_for(&self, use_case: UseCase) -> Result<Arc<dyn Snapshots>, Failure> {
        self.enter(use_case).await?;
        Ok(Arc::clone(&self.service().backend()?.snapshots))
    }

    /// Returns the caller.
    pub(crate) async fn identity(&self) -> Result<&Principal, Failure> {
        self.enter(UseCase::GetCaller).await?;
        Ok(self.caller())
    }

    /// Returns the last audited calls, newest first, and the time since which all are kept.
    pub(crate) async fn audit(&self, limit: usize) -> Result<(Vec<Audited>, Timestamp), Failure> {
        self.enter(UseCase::ListAudit).await?;
        Ok(self.service().trail.newest(limit))
    }

    /// Returns the filter of the log.
    pub(crate) async fn log_filter(&self) -> Result<String, Failure> {
        self.enter(UseCase::GetLogFilter).await?;
        Ok(self.service().logs.filter())
    }

    /// Replaces the filter of the log until the server ends.
    pub(crate) async fn set_log_filter(&self, filter: &str) -> Result<(), Failure> {
        self.enter(UseCase::SetLogFilter).await?;
        let logs = &self.service().logs;
        let before = logs.filter();
        logs.set_filter(filter).map_err(|_invalid| Failure::InvalidLogFilter)?;
        tracing::warn!(before, now = filter, "the log filter was changed");
        Ok(())
    }
}
