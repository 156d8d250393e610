//! Imports.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Outcome of an import.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Import {
    /// Number of contexts that were stored.
    pub imported: u64,
    /// Number of contexts that were there with the same content, or have expired.
    pub skipped: u64,
    /// The first 1,000 lines that failed.
    pub failed: Vec<FailedLine>,
    /// Number of lines that failed.
    pub failed_total: u64,
    /// True if there was a trailer and it agrees with the lines before it. Imported contexts stay in any case.
    pub complete: bool,
    /// Reason for not being complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_because: Option<String>,
}

/// A line that failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailedLine {
    /// Its number; the header is line 1.
    pub line: u64,
    /// The error.
    pub error: Problem,
}
