//! Errors of snapshots.

use std::io;
use std::path::Path;

use context_manager_core::ports::{BoxError, SnapshotError};

use crate::Error;
use crate::embedded::failure::internal;

pub(super) fn damaged(problem: String) -> SnapshotError {
    SnapshotError::Damaged(problem)
}

pub(super) fn io_failed(error: io::Error) -> SnapshotError {
    SnapshotError::Files(Box::new(error))
}

pub(super) fn failed(error: impl Into<BoxError>) -> SnapshotError {
    SnapshotError::Files(error.into())
}

pub(super) fn store_failed(error: Error) -> SnapshotError {
    SnapshotError::Store(internal("restore", error))
}

/// Checks that the disk of `path` has room for so many bytes beside those that are kept free.
pub(super) fn check_space(path: &Path, bytes: u64, kept_free: u64) -> Result<(), SnapshotError> {
    let needed = bytes.saturating_add(kept_free);
    match fs4::available_space(path) {
        Ok(free) if free < needed => Err(SnapshotError::NoSpace { free, needed }),
        // If that is unknown, the copying fails.
        Ok(_) | Err(_) => Ok(()),
    }
}
