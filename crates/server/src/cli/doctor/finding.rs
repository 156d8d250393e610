//! Findings of the doctor.

use serde::Serialize;

/// Grade of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grade {
    /// It is as it should be.
    Good,
    /// It works, and will not always.
    Warning,
    /// It does not work.
    Error,
}

/// A finding.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// The examined part.
    pub(super) part: &'static str,
    pub(super) grade: Grade,
    /// State of the part.
    pub(super) found: String,
    /// Command or setting that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

/// Findings, in the order of the checks.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn good(&mut self, part: &'static str, found: impl Into<String>) {
        self.add(part, Grade::Good, found.into(), None);
    }

    pub(super) fn warning(&mut self, part: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.add(part, Grade::Warning, found.into(), Some(mend.into()));
    }

    pub(super) fn error(&mut self, part: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.add(part, Grade::Error, found.into(), Some(mend.into()));
    }

    /// Adds a good finding if the part has no other one.
    pub(super) fn otherwise(&mut self, part: &'static str, found: impl Into<String>) {
        if self.0.iter().all(|finding| finding.part != part) {
            self.good(part, found);
        }
    }

    pub(super) fn count(&self, grade: Grade) -> usize {
        self.0.iter().filter(|finding| finding.grade == grade).count()
    }

    fn add(&mut self, part: &'static str, grade: Grade, found: String, mend: Option<String>) {
        self.0.push(Finding {
            part,
            grade,
            found,
            mend,
        });
    }
}
