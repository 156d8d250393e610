//! Places in an export, for people to find.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Record of a file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    file: Arc<str>,
    /// Kind of the record, such as `line`, and its number from 1; `None` for the whole file.
    record: Option<(&'static str, u64)>,
}

impl Place {
    pub(super) fn of_file(file: &Path) -> Self {
        Self {
            file: file.to_string_lossy().into(),
            record: None,
        }
    }

    /// Returns the place of its file.
    pub(super) fn file(&self) -> Self {
        Self {
            file: Arc::clone(&self.file),
            record: None,
        }
    }

    /// Returns the place of a record of the same file.
    pub(super) fn record(&self, kind: &'static str, number: u64) -> Self {
        Self {
            file: Arc::clone(&self.file),
            record: Some((kind, number)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match self.record {
            Some((kind, number)) => write!(f, ", {kind} {number}"),
            None => Ok(()),
        }
    }
}
