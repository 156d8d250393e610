//! Scopes of a tenant.

use context_manager_core::ScopeCount;
use serde::{Deserialize, Serialize};

/// A scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScopeSummary {
    /// Path of the scope.
    pub scope: String,
    /// Number of contexts in it; with `depth`, also of those below it.
    pub contexts: u64,
}

/// One page of scopes, by path.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScopePage {
    /// Scopes of the page.
    pub scopes: Vec<ScopeSummary>,
    /// Value of `cursor` for the next page; `null` on the last one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

impl From<ScopeCount> for ScopeSummary {
    fn from(ScopeCount { scope, contexts }: ScopeCount) -> Self {
        Self { scope, contexts }
    }
}
