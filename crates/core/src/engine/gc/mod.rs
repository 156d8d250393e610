//! Garbage collection: promotes short-term contexts, deletes expired ones, applies policies.
//!
//! Runs are stateless: each run queries the store for candidates, so an interrupted run is resumed by the next, and may be
//! dropped at any moment. Decisions are those of [`crate::lifecycle`]; each batch is decided again under the locks of its
//! contexts, so that no change made meanwhile is lost. A failed batch is counted and left to the next run.
//!
//! Deletions are revocable ([`discard`](crate::ports::VectorStore::discard)): going back to a snapshot brings the contexts
//! back that nobody asked to delete.
//!
//! Deliberately absent: the schedule, and the lease among processes.

mod expired;
mod idle;
mod policies;
mod summary;

use std::collections::BTreeMap;

use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::ContextEngine;
use crate::context::{Context, ContextId, Level};
use crate::lifecycle::Reason;
use crate::metrics::{
    GC_BACKLOG, GC_CONSOLIDATED, GC_DELETED, GC_DURATION, GC_ERRORS, GC_MADE, GC_PROMOTED, GC_RUNS, GC_SETTLED,
};
use crate::ports::StoreError;
use crate::{Filter, Scope, Visibility};

/// The most contexts that a report lists.
pub const MAX_LISTED: usize = 1000;

/// What a collection does, or would do, with a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GcAction {
    /// It is deleted.
    Delete(Reason),
    /// It becomes long-term.
    Promote,
    /// A summary is made of it and others; it stays.
    Consolidate,
    /// It leaves the working memory of an idle session and becomes short-term.
    Settle,
}

/// A context that a collection is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcAffected {
    /// Which one.
    pub id: ContextId,
    /// Its level before.
    pub level: Level,
    /// What becomes of it.
    pub action: GcAction,
    /// The policy that says so, if one does.
    pub policy: Option<String>,
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// How many contexts of each level, by what becomes of them.
    pub counts: BTreeMap<(GcAction, Level), u64>,
    /// The first [`MAX_LISTED`] of them.
    pub listed: Vec<GcAffected>,
    /// Number of summaries made.
    pub made: u64,
    /// How many batches failed. The next run tries them again.
    pub errors: u64,
}

impl GcReport {
    /// How many contexts were, or would be, treated in a way.
    pub fn total(&self, is_meant: impl Fn(GcAction) -> bool) -> u64 {
        let meant = self.counts.iter().filter(|((action, _), _)| is_meant(*action));
        meant.map(|(_, count)| count).sum()
    }

    /// How many were deleted.
    pub fn deleted(&self) -> u64 {
        self.total(|action| matches!(action, GcAction::Delete(_)))
    }
}

/// A collection of one tenant's contexts that is under way.
#[derive(Debug)]
struct Run<'a> {
    scope: &'a Scope,
    /// Whether nothing is changed.
    dry: bool,
    report: &'a mut GcReport,
}

impl Run<'_> {
    fn note(&mut self, context: &Context, action: GcAction) {
        self.note_for(context, action, None);
    }

    fn note_for(&mut self, context: &Context, action: GcAction, policy: Option<&str>) {
        let (id, level) = (context.id, context.level);
        *self.report.counts.entry((action, level)).or_default() += 1;
        if self.report.listed.len() < MAX_LISTED {
            let policy = policy.map(str::to_owned);
            self.report.listed.push(GcAffected {
                id,
                level,
                action,
                policy,
            });
        }
        if self.dry {
            return;
        }
        let level = level.as_str();
        match action {
            GcAction::Delete(reason) => {
                metrics::counter!(GC_DELETED, "level" => level, "reason" => reason.as_str()).increment(1);
            }
            GcAction::Promote => metrics::counter!(GC_PROMOTED, "level" => level).increment(1),
            GcAction::Consolidate => metrics::counter!(GC_CONSOLIDATED, "level" => level).increment(1),
            GcAction::Settle => metrics::counter!(GC_SETTLED, "level" => level).increment(1),
        }
    }

    fn made(&mut self) {
        self.report.made += 1;
        if !self.dry {
            metrics::counter!(GC_MADE).increment(1);
        }
    }

    fn failed(&mut self, error: &StoreError) {
        tracing::warn!(%error, source = ?error.source, "a part of a collection failed and is left to the next one");
        self.report.errors += 1;
        metrics::counter!(GC_ERRORS).increment(1);
    }
}

impl ContextEngine {
    /// Collects what is to be collected of every tenant, batch by batch. Dropping the future ends it after what it is
    /// writing at the moment; the next run goes on from there.
    ///
    /// What fails is counted in [`GcReport::errors`] and tried again by the next run.
    pub async fn collect_all(&self) -> GcReport {
        let start = Instant::now();
        let mut report = GcReport::default();
        self.count_backlog().await;
        match self.store.tenants(&Filter::default()).await {
            Ok(tenants) => {
                for tenant in tenants {
                    let scope = Scope::maintenance(tenant);
                    self.run(&scope, false, &mut report).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, source = ?error.source, "nothing was collected: the store failed");
                report.errors += 1;
                metrics::counter!(GC_ERRORS).increment(1);
            }
        }
        self.count_backlog().await;
        finished(&report, start);
        report
    }

    /// Collects what is to be collected of one tenant, or with `dry_run` only tells what that is.
    pub async fn collect(&self, scope: &Scope, dry_run: bool) -> GcReport {
        let start = Instant::now();
        let mut report = GcReport::default();
        self.run(scope, dry_run, &mut report).await;
        if !dry_run {
            finished(&report, start);
        }
        report
    }

    /// Whether it is `holder`'s turn to collect, among all processes on the same store, for `time` from now. With a `time`
    /// of zero it gives its turn back. Two that collect at once harm nothing, but do everything twice.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn may_collect(&self, holder: Uuid, time: Duration) -> Result<bool, StoreError> {
        match &self.leases {
            Some(leases) => leases.lease("collect", holder, self.clock.now(), time).await,
            None => Ok(true),
        }
    }

    async fn run(&self, scope: &Scope, dry_run: bool, report: &mut GcReport) {
        let mut run = Run {
            scope,
            dry: dry_run,
            report,
        };
        // What was served a moment ago counts.
        while self.flush_accesses().await.is_ok_and(|written| written > 0) {}
        self.settle_idle_sessions(&mut run).await;
        self.promote_due(&mut run).await;
        self.end_expired(&mut run).await;
        self.apply_policies(&mut run).await;
        let deleted = run.report.deleted();
        if !dry_run && deleted > 0 {
            // Once: it is taken anew by the next search, which would wait for it after every batch.
            self.vocabularies.forget(scope.tenant());
        }
    }

    /// How many contexts one batch has.
    fn gc_batch(&self) -> usize {
        self.config.gc_batch_size
    }

    /// A pause between two batches, for everybody else.
    async fn rest(&self, run: &Run<'_>) {
        if !run.dry {
            tokio::time::sleep(Duration::from_millis(self.lifecycle.gc.batch_pause_ms)).await;
        }
    }

    /// Sets the gauge of what is expired and not collected yet, over all tenants.
    async fn count_backlog(&self) {
        for level in Level::ALL {
            let filter = Filter {
                levels: vec![level],
                visibility: Visibility::Expired(self.clock.now()),
                ..Filter::default()
            };
            let Ok(tenants) = self.store.tenants(&filter).await else {
                return;
            };
            let mut waiting = 0;
            for tenant in tenants {
                waiting += self
                    .store
                    .count(&Scope::maintenance(tenant), &filter)
                    .await
                    .unwrap_or(0);
            }
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!(GC_BACKLOG, "level" => level.as_str()).set(waiting as f64);
        }
    }
}

/// Records that a run is over.
fn finished(report: &GcReport, start: Instant) {
    let outcome = if report.errors == 0 { "ok" } else { "incomplete" };
    metrics::counter!(GC_RUNS, "outcome" => outcome).increment(1);
    metrics::histogram!(GC_DURATION).record(start.elapsed());
    if !report.counts.is_empty() || report.errors > 0 {
        tracing::info!(
            deleted = report.deleted(),
            promoted = report.total(|action| action == GcAction::Promote),
            consolidated = report.total(|action| action == GcAction::Consolidate),
            made = report.made,
            settled = report.total(|action| action == GcAction::Settle),
            errors = report.errors,
            took_ms = start.elapsed().as_secs_f64() * 1000.0,
            "collected"
        );
    }
}
