//! Background work on all tenants: garbage collection, pending vectors, models, measurements.

use std::sync::Arc;

use tokio::time::Duration;
use uuid::Uuid;

use super::models::{self, Pending, PendingRound, ReembedProgress, ReembedSettings};
use super::{ContextEngine, GcReport, lifecycle, reader, reindex};
use crate::Scope;
use crate::ports::{EmbedError, Embedder, ModelChange, ModelFingerprint, StoreError};

impl ContextEngine {
    /// Returns damage and failures of a store that still works, each as a sentence for operators.
    pub async fn store_troubles(&self) -> Vec<String> {
        self.0.store.troubles().await
    }

    /// Sets the gauges of stored data. Takes a call per tenant and level, so it should run seldom.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn measure(&self) -> Result<(), StoreError> {
        reader::measure(self.contexts()).await
    }

    /// Measures the recall of sampled searches in the background. Never returns; must run once at a time.
    pub async fn keep_measuring_recall(&self) {
        self.0.recall.keep_measuring(&*self.0.store).await;
    }

    /// Removes working memories not used for `l1_idle_secs` from memory, and returns their number. They stay in the store.
    pub fn evict_idle_sessions(&self) -> usize {
        self.0
            .memory
            .evict_idle(Duration::from_secs(self.0.config.l1_idle_secs))
    }

    /// Returns the number of contexts that the immediate level holds in memory, for all tenants, and its maximum.
    pub fn l1_len(&self) -> (usize, usize) {
        self.0.memory.len()
    }

    /// Runs a garbage collection of every tenant, batch by batch. Dropping the future stops it after the current write; the
    /// next run resumes. Failures are counted in [`GcReport::errors`].
    pub async fn collect_all(&self) -> GcReport {
        self.0.collector().collect_all().await
    }

    /// Runs a garbage collection of one tenant; with `dry_run` it only reports what it would do.
    pub async fn collect(&self, scope: &Scope, dry_run: bool) -> GcReport {
        self.0.collector().collect(scope, dry_run).await
    }

    /// Acquires or renews the garbage collection lease of all processes on this store for `time` from now on, and returns
    /// `true` if `holder` has it. A `time` of zero releases it. The lease is best effort: concurrent runs harm nothing, but
    /// do everything twice.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn acquire_gc_lease(&self, holder: Uuid, time: Duration) -> Result<bool, StoreError> {
        match &self.0.leases {
            Some(leases) => leases.lease("collect", holder, self.0.clock.now(), time).await,
            None => Ok(true),
        }
    }

    /// Writes one batch of access counts, and returns its number of contexts; 0 when nothing waits.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed; the counts of the batch wait for the next call.
    pub async fn flush_accesses(&self) -> Result<usize, StoreError> {
        lifecycle::flush_accesses(self.contexts(), &self.0.accesses).await
    }

    /// Checks that the embedder works: an embedding within `proven_for` without a failure since suffices. Otherwise it
    /// embeds a short text, which a service may charge for.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub async fn check_embedder(&self, proven_for: Duration) -> Result<(), EmbedError> {
        // Different each time, so that no cache has it.
        let text = format!("health check of {}", self.0.clock.now());
        self.0.models.check(proven_for, &text).await
    }

    /// Returns the model in use.
    pub async fn model(&self) -> ModelFingerprint {
        self.0.models.in_use().await.fingerprint().clone()
    }

    /// Completes when a context was stored without its vector, at once if that happened since the last time.
    pub async fn pending_arrived(&self) {
        self.0.backlog.arrived().await;
    }

    /// Counts the contexts that wait for their vector, and sets their gauges.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn pending(&self) -> Result<Pending, StoreError> {
        self.0.pending_vectors().count().await
    }

    /// Embeds contexts that wait, oldest first, up to `batch` of each tenant. A smaller batch after a failure tells whether a
    /// single text fails all others: a text that fails alone is skipped for a while.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed; contexts embedded before are stored.
    pub async fn embed_pending(&self, batch: usize) -> Result<PendingRound, StoreError> {
        self.0.pending_vectors().embed(batch).await
    }

    /// Embeds everything with `to` and then swaps the models. Searches and writes go on meanwhile; only the swap blocks
    /// them, for as long as running calls and some hundred changes take. Dropping the future stops it; another call resumes.
    /// `report` is called after every batch.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed. Failures of the embedder are retried.
    pub async fn reembed(
        &self,
        change: &dyn ModelChange,
        to: Arc<dyn Embedder>,
        settings: ReembedSettings,
        report: impl Fn(&ReembedProgress) + Send + Sync,
    ) -> Result<ReembedProgress, StoreError> {
        models::reembed(self.contexts(), change, to, settings, report).await
    }

    /// Makes the terms of all contexts again if they are of another analyzer or of one with other settings, and returns the
    /// number of contexts that changed; `None` if there was nothing to do. Searches and writes go on meanwhile. Dropping the
    /// future stops it; another call resumes.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed; what is done stays.
    pub async fn reindex(&self) -> Result<Option<u64>, StoreError> {
        reindex::reindex(self.contexts(), &self.0.text, &self.0.reindexing).await
    }
}
