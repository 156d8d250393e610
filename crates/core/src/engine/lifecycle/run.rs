//! A garbage collection of one tenant that is under way.

use tokio::time::Duration;

use super::report::{GcAction, GcAffected, GcReport, MAX_LISTED};
use crate::context::Context;
use crate::engine::contexts::Contexts;
use crate::lifecycle::Gc;
use crate::metrics::{GC_CONSOLIDATED, GC_DELETED, GC_MADE, GC_PROMOTED, GC_SETTLED};
use crate::ports::StoreError;
use crate::{Config, Scope};

/// State of a run that all its stages share.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) gc: &'a Gc,
    pub(super) contexts: Contexts<'a>,
    pub(super) scope: &'a Scope,
    /// Set if the run changes nothing.
    pub(super) dry: bool,
    pub(super) report: &'a mut GcReport,
}

impl Run<'_> {
    /// Reports an action on a context, and counts it unless this is a dry run.
    pub(super) fn note(&mut self, context: &Context, action: GcAction, policy: Option<&str>) {
        *self.report.counts.entry((action, context.level)).or_default() += 1;
        if self.report.listed.len() < MAX_LISTED {
            self.report.listed.push(GcAffected {
                id: context.id,
                level: context.level,
                action,
                policy: policy.map(str::to_owned),
            });
        }
        if self.dry {
            return;
        }
        let level = context.level.as_str();
        match action {
            GcAction::Delete(reason) => {
                metrics::counter!(GC_DELETED, "level" => level, "reason" => reason.as_str()).increment(1);
            }
            GcAction::Promote => metrics::counter!(GC_PROMOTED, "level" => level).increment(1),
            GcAction::Consolidate => metrics::counter!(GC_CONSOLIDATED, "level" => level).increment(1),
            GcAction::Settle => metrics::counter!(GC_SETTLED, "level" => level).increment(1),
        }
    }

    /// Reports a summary.
    pub(super) fn made(&mut self) {
        self.report.made += 1;
        if !self.dry {
            metrics::counter!(GC_MADE).increment(1);
        }
    }

    pub(super) fn failed(&mut self, error: &StoreError) {
        self.report.failed(error);
    }

    /// Pauses between two batches, so that other calls get their turn.
    pub(super) async fn pause(&self) {
        if !self.dry {
            tokio::time::sleep(Duration::from_millis(self.gc.batch_pause_ms)).await;
        }
    }
}
