//! Failures of the engine, and the errors of the store that they become.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::{BoxError, StoreError, StoreErrorKind};
use qdrant_edge::OperationError;

/// Reason for a failure of the engine.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    #[error("there is no other model")]
    NoOtherModel,
    #[error("what is stored is another model's")]
    ForeignModel,
    #[error("the data folder could not be changed")]
    Folder(#[source] Arc<crate::Error>),
    #[error("the disk of `vector_db.path` is full: it has {free} bytes left, and {needed} are needed")]
    DiskFull { free: u64, needed: u64 },
    #[error("the stored context that this would replace is damaged")]
    Unreadable,
    #[error("the engine failed")]
    Engine(#[source] Arc<OperationError>),
    #[error("the engine panicked")]
    Panicked,
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        Self::Engine(Arc::new(error))
    }
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Self::Folder(Arc::new(error))
    }
}

impl Failure {
    /// Returns the error of the store's `operation` that failed for this reason.
    pub(super) fn of(self, operation: &'static str) -> StoreError {
        if matches!(self, Self::DiskFull { .. }) {
            return StoreError {
                operation,
                kind: StoreErrorKind::DiskFull,
                source: Some(Box::new(self)),
            };
        }
        internal(operation, self)
    }
}

/// Runs work of the engine and turns a panic into a failure: the engine releases its locks when it unwinds.
pub(super) fn caught<T, E: Into<Failure>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(Into::into),
        Err(_reported_by_the_panic_hook) => Err(Failure::Panicked),
    }
}

pub(super) fn unavailable(
    operation: &'static str,
    retry_after: Option<Duration>,
    source: impl Into<BoxError>,
) -> StoreError {
    StoreError {
        operation,
        kind: StoreErrorKind::Unavailable(retry_after),
        source: Some(source.into()),
    }
}

pub(super) fn internal(operation: &'static str, source: impl Into<BoxError>) -> StoreError {
    StoreError {
        operation,
        kind: StoreErrorKind::Internal,
        source: Some(source.into()),
    }
}
