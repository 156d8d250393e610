//! What became of an import.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Problem;

/// What became of an import.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Import)]
pub(crate) struct ImportAnswer {
    /// Contexts that are stored now.
    pub(crate) imported: u64,
    /// Contexts that were there already with the same content, or whose time to live is over.
    pub(crate) skipped: u64,
    /// The first 1,000 lines that were not imported.
    pub(crate) failed: Vec<FailedLine>,
    /// How many lines were not imported.
    pub(crate) failed_total: u64,
    /// Whether the trailer was there and agrees with the lines before it. What was imported stays in any case.
    pub(crate) complete: bool,
    /// Why it is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) incomplete_because: Option<String>,
}

/// A line that was not imported.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailedLine {
    /// Its number; the header is line 1.
    pub(crate) line: u64,
    pub(crate) error: Problem,
}
