//! What a collection did, or would do.

use std::time::Duration;

use context_manager_core::{GcAction, GcAffected, GcReport, MAX_LISTED};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::WireLevel;

/// How to collect.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GcRequest)]
pub(in crate::api) struct GcBody {
    /// Whether only to tell what would be done.
    #[serde(default)]
    pub(in crate::api) dry_run: bool,
}

/// What was done, or would be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GcReport)]
pub(in crate::api) struct GcAnswer {
    dry_run: bool,
    /// Contexts deleted.
    deleted: u64,
    /// Contexts that became long-term.
    promoted: u64,
    /// Contexts that a summary was made of; they stay.
    consolidated: u64,
    /// Summaries that were made.
    made: u64,
    /// Contexts that left the working memory of idle sessions and became short-term.
    settled: u64,
    /// Batches that failed; the next collection tries them again.
    errors: u64,
    /// The same counts by level and reason.
    counts: Vec<GcCount>,
    /// Which contexts, at most 1,000.
    contexts: Vec<GcContext>,
    /// Whether there are more than are listed.
    truncated: bool,
    took_ms: f64,
}

/// How many contexts of a level are treated in one way.
#[derive(Debug, Serialize, ToSchema)]
struct GcCount {
    action: WireAction,
    /// For deleted ones: `expired`, `superseded` or `policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The level before.
    level: WireLevel,
    count: u64,
}

/// A context and what becomes of it.
#[derive(Debug, Serialize, ToSchema)]
struct GcContext {
    id: Uuid,
    /// The level before.
    level: WireLevel,
    action: WireAction,
    /// For deleted ones: `expired`, `superseded` or `policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The name of the policy, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

/// What becomes of a context.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GcAction)]
enum WireAction {
    /// It is deleted.
    Delete,
    /// It becomes long-term.
    Promote,
    /// A summary is made of it and others; it stays.
    Consolidate,
    /// It leaves working memory and becomes short-term.
    Settle,
}

fn action(action: GcAction) -> (WireAction, Option<&'static str>) {
    match action {
        GcAction::Delete(reason) => (WireAction::Delete, Some(reason.as_str())),
        GcAction::Promote => (WireAction::Promote, None),
        GcAction::Consolidate => (WireAction::Consolidate, None),
        GcAction::Settle => (WireAction::Settle, None),
    }
}

impl GcAnswer {
    /// The answer as it goes out.
    pub(in crate::api) fn new(report: GcReport, dry_run: bool, took: Duration) -> Self {
        let total = |meant| report.total(|action| action == meant);
        let affected: u64 = report.counts.values().sum();
        Self {
            dry_run,
            deleted: report.deleted(),
            promoted: total(GcAction::Promote),
            consolidated: total(GcAction::Consolidate),
            made: report.made,
            settled: total(GcAction::Settle),
            errors: report.errors,
            truncated: affected > MAX_LISTED as u64,
            took_ms: (took.as_secs_f64() * 1e6).round() / 1e3,
            counts: report.counts.into_iter().map(GcCount::from).collect(),
            contexts: report.listed.into_iter().map(GcContext::from).collect(),
        }
    }
}

impl From<((GcAction, context_manager_core::Level), u64)> for GcCount {
    fn from(((what, level), count): ((GcAction, context_manager_core::Level), u64)) -> Self {
        let (action, reason) = action(what);
        Self {
            action,
            reason,
            level: level.into(),
            count,
        }
    }
}

impl From<GcAffected> for GcContext {
    fn from(affected: GcAffected) -> Self {
        let (action, reason) = action(affected.action);
        Self {
            id: affected.id.0,
            level: affected.level.into(),
            action,
            reason,
            policy: affected.policy,
        }
    }
}
