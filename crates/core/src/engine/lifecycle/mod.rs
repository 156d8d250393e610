//! Garbage collection: demotes idle sessions, promotes short-term contexts, deletes expired ones, applies policies.
//!
//! Runs are stateless: each run queries the store for candidates, so an interrupted run is resumed by the next, and may be
//! dropped at any moment. [`crate::lifecycle`] decides; each batch is decided again under the locks of its contexts, so that
//! no change made meanwhile is lost. A failed batch is counted and left to the next run.
//!
//! Deletions are revocable ([`discard`](crate::ports::VectorStore::discard)): a restored snapshot brings back contexts that
//! no client asked to delete.
//!
//! Deliberately absent: the schedule, and the lease among processes.

mod accesses;
mod expired;
mod idle;
mod policies;
mod report;
mod run;
mod summary;

use tokio::time::Instant;

use super::contexts::Contexts;
use super::listing::count_everywhere;
use crate::context::Level;
use crate::lifecycle::Gc;
use crate::metrics::{GC_BACKLOG, GC_DURATION, GC_RUNS};
use crate::{Config, Filter, Scope, Visibility};

pub(super) use accesses::{Accesses, flush as flush_accesses};
pub(super) use summary::Summaries;

pub use report::{GcAction, GcAffected, GcReport, MAX_LISTED};

use run::Run;

/// The garbage collector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Collector<'a> {
    pub(super) config: &'a Config,
    pub(super) gc: &'a Gc,
    pub(super) contexts: Contexts<'a>,
    pub(super) accesses: &'a Accesses,
    pub(super) summaries: Option<Summaries<'a>>,
}

impl Collector<'_> {
    /// Runs for every tenant.
    pub(super) async fn collect_all(&self) -> GcReport {
        let start = Instant::now();
        let mut report = GcReport::default();
        self.count_backlog().await;
        match self.contexts.store.tenants(&Filter::default()).await {
            Ok(tenants) => {
                for tenant in tenants {
                    self.run(&Scope::maintenance(tenant), false, &mut report).await;
                }
            }
            Err(error) => report.failed(&error),
        }
        self.count_backlog().await;
        finished(&report, start);
        report
    }

    /// Runs for one tenant; with `dry_run` it changes nothing.
    pub(super) async fn collect(&self, scope: &Scope, dry_run: bool) -> GcReport {
        let start = Instant::now();
        let mut report = GcReport::default();
        self.run(scope, dry_run, &mut report).await;
        if !dry_run {
            finished(&report, start);
        }
        report
    }

    async fn run(&self, scope: &Scope, dry_run: bool, report: &mut GcReport) {
        let mut run = Run {
            config: self.config,
            gc: self.gc,
            contexts: self.contexts,
            scope,
            dry: dry_run,
            report,
        };
        // Recent accesses count.
        while flush_accesses(self.contexts, self.accesses)
            .await
            .is_ok_and(|written| written > 0)
        {}
        idle::settle_sessions(&mut run).await;
        expired::promote_due(&mut run, self.summaries).await;
        expired::end_expired(&mut run, self.summaries).await;
        policies::apply(&mut run).await;
        if !dry_run && run.report.deleted() > 0 {
            // Once, as the next search waits for the new vocabulary.
            self.contexts.vocabularies.forget(scope.tenant());
        }
    }

    /// Sets the gauge of expired contexts that are not deleted yet, over all tenants.
    async fn count_backlog(&self) {
        for level in Level::ALL {
            let expired = Filter {
                levels: vec![level],
                visibility: Visibility::Expired(self.contexts.now()),
                ..Filter::default()
            };
            let Ok(count) = count_everywhere(self.contexts.store, &expired).await else {
                return;
            };
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!(GC_BACKLOG, "level" => level.as_str()).set(count as f64);
        }
    }
}

/// Records the end of a run.
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
            "garbage collection finished"
        );
    }
}
