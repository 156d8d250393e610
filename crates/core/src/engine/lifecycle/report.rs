//! Reports of garbage collection.

use std::collections::BTreeMap;

use crate::context::{ContextId, Level};
use crate::lifecycle::Reason;
use crate::metrics::GC_ERRORS;
use crate::ports::StoreError;

/// Maximum number of contexts that a report lists.
pub const MAX_LISTED: usize = 1000;

/// Action of a garbage collection on a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GcAction {
    /// Deletes it.
    Delete(Reason),
    /// Makes it long-term.
    Promote,
    /// Makes a summary of it and others; it stays.
    Consolidate,
    /// Demotes it from the working memory of an idle session to short-term.
    Settle,
}

/// A context that a garbage collection affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcAffected {
    /// Id of the context.
    pub id: ContextId,
    /// Level before the run.
    pub level: Level,
    /// Action on it.
    pub action: GcAction,
    /// Name of the policy that requires the action, if one does.
    pub policy: Option<String>,
}

/// Result of a garbage collection, or of a dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Number of contexts by action and level.
    pub counts: BTreeMap<(GcAction, Level), u64>,
    /// The first [`MAX_LISTED`] affected contexts.
    pub listed: Vec<GcAffected>,
    /// Number of summaries made.
    pub made: u64,
    /// Number of failed batches. The next run tries them again.
    pub errors: u64,
}

impl GcReport {
    /// Returns the number of contexts with an action that `is_meant`.
    pub fn total(&self, is_meant: impl Fn(GcAction) -> bool) -> u64 {
        let meant = self.counts.iter().filter(|((action, _), _)| is_meant(*action));
        meant.map(|(_, count)| count).sum()
    }

    /// Returns the number of deleted contexts.
    pub fn deleted(&self) -> u64 {
        self.total(|action| matches!(action, GcAction::Delete(_)))
    }

    pub(super) fn failed(&mut self, error: &StoreError) {
        tracing::warn!(%error, source = ?error.source, "a part of a garbage collection failed and is left to the next one");
        self.errors += 1;
        metrics::counter!(GC_ERRORS).increment(1);
    }
}
