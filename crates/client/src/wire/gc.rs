//! Garbage collection.

use std::time::Duration;

use context_manager_core::{self as domain, GcAffected, MAX_LISTED};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Level;

/// A run of garbage collection.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GcRequest {
    /// Report the actions without taking them.
    #[serde(default)]
    pub dry_run: bool,
}

/// Outcome of a run, or of a dry run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GcReport {
    /// True for a dry run.
    pub dry_run: bool,
    /// Number of deleted contexts.
    pub deleted: u64,
    /// Number of contexts that became long-term.
    pub promoted: u64,
    /// Number of contexts that were summarized; they stay.
    pub consolidated: u64,
    /// Number of summaries.
    pub made: u64,
    /// Number of contexts that left the working memory of idle sessions and became short-term.
    pub settled: u64,
    /// Number of batches that failed; the next run retries them.
    pub errors: u64,
    /// The same numbers by action, reason and level.
    pub counts: Vec<GcCount>,
    /// The contexts, at most 1,000.
    pub contexts: Vec<GcContext>,
    /// True if there are more contexts than are listed.
    pub truncated: bool,
    /// Time taken, in milliseconds.
    pub took_ms: f64,
}

/// Number of contexts of a level that share an action.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GcCount {
    /// The action.
    pub action: GcAction,
    /// Reason of a deletion: `expired`, `superseded` or `policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The level before.
    pub level: Level,
    /// The number.
    pub count: u64,
}

/// A context and the action on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GcContext {
    /// Its id.
    pub id: Uuid,
    /// The level before.
    pub level: Level,
    /// The action.
    pub action: GcAction,
    /// Reason of a deletion: `expired`, `superseded` or `policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Name of the policy that asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// Action on a context.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GcAction {
    /// Delete it.
    Delete,
    /// Make it long-term.
    Promote,
    /// Summarize it with others; it stays.
    Consolidate,
    /// Move it from working memory to short-term.
    Settle,
}

fn action(action: domain::GcAction) -> (GcAction, Option<String>) {
    match action {
        domain::GcAction::Delete(reason) => (GcAction::Delete, Some(reason.as_str().to_owned())),
        domain::GcAction::Promote => (GcAction::Promote, None),
        domain::GcAction::Consolidate => (GcAction::Consolidate, None),
        domain::GcAction::Settle => (GcAction::Settle, None),
    }
}

impl GcReport {
    /// Builds the response.
    pub fn new(report: domain::GcReport, dry_run: bool, took: Duration) -> Self {
        let total = |meant| report.total(|action| action == meant);
        let affected: u64 = report.counts.values().sum();
        Self {
            dry_run,
            deleted: report.deleted(),
            promoted: total(domain::GcAction::Promote),
            consolidated: total(domain::GcAction::Consolidate),
            made: report.made,
            settled: total(domain::GcAction::Settle),
            errors: report.errors,
            truncated: affected > MAX_LISTED as u64,
            took_ms: (took.as_secs_f64() * 1e6).round() / 1e3,
            counts: report.counts.into_iter().map(GcCount::from).collect(),
            contexts: report.listed.into_iter().map(GcContext::from).collect(),
        }
    }
}

impl From<((domain::GcAction, domain::Level), u64)> for GcCount {
    fn from(((what, level), count): ((domain::GcAction, domain::Level), u64)) -> Self {
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
