//! Outcome of an import from another system.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::place::Place;
use super::source::Source;

/// Maximum number of failures that are reported one by one.
const MAX_REPORTED: usize = 1000;

/// Outcome of an import from another system.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// System that wrote the export.
    pub(crate) source: Source,
    /// True if nothing was stored.
    pub(crate) dry_run: bool,
    /// Number of contexts that were stored.
    pub(crate) imported: u64,
    /// Number of contexts that were there already.
    pub(crate) known: u64,
    /// Number of contexts that were there in another form, changed here or in the source since, and stay as they are.
    pub(crate) changed: u64,
    /// Number of texts that were longer than a context may be, of which the beginning was taken.
    pub(crate) cut: u64,
    /// Number of records that were left out, by reason.
    pub(crate) left_out: BTreeMap<LeftOut, u64>,
    /// The first 1,000 records that failed.
    pub(crate) failed: Vec<Failed>,
    /// Number of records that failed.
    pub(crate) failed_total: u64,
}

/// Reason to leave a record out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LeftOut {
    /// It has no text.
    Empty,
    /// Call of a tool, or its output.
    Tool,
    /// Reasoning of the model.
    Reasoning,
    /// System prompt, or a note that the program wrote itself.
    System,
    /// Image, file or recording.
    Attachment,
    /// Message of a branch that was abandoned by an edit or another answer.
    Branch,
    /// Message of a subagent.
    Subagent,
    /// The same record came before.
    Repeated,
    /// It has expired.
    Expired,
    /// Record that holds neither message nor memory.
    Other,
}

/// A record that failed.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    /// Its file and number.
    pub(crate) place: String,
    /// The error.
    pub(crate) detail: String,
}

impl Report {
    pub(super) fn new(source: Source, dry_run: bool) -> Self {
        Self {
            source,
            dry_run,
            imported: 0,
            known: 0,
            changed: 0,
            cut: 0,
            left_out: BTreeMap::new(),
            failed: Vec::new(),
            failed_total: 0,
        }
    }

    pub(super) fn leave_out(&mut self, reason: LeftOut, count: usize) {
        if count > 0 {
            *self.left_out.entry(reason).or_default() += count as u64;
        }
    }

    pub(super) fn fail(&mut self, place: &Place, detail: impl fmt::Display) {
        self.failed_total += 1;
        if self.failed.len() < MAX_REPORTED {
            self.failed.push(Failed {
                place: place.to_string(),
                detail: detail.to_string(),
            });
        }
    }
}

impl LeftOut {
    /// Returns the records in words.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "without text",
            Self::Tool => "calls of tools and their output",
            Self::Reasoning => "reasoning",
            Self::System => "system prompts and notes of the program",
            Self::Attachment => "images, files and recordings",
            Self::Branch => "messages of abandoned branches",
            Self::Subagent => "messages of subagents",
            Self::Repeated => "repetitions",
            Self::Expired => "expired memories",
            Self::Other => "other records",
        }
    }
}
