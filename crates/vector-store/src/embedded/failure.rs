//! Reasons for which the engine fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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

/// Runs work of the engine's so that a panic of it is a failure like others: the thread lives on, and the engine gives its
/// locks back on the way out.
pub(super) fn caught<T, E: Into<Failure>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(Into::into),
        Err(_reported_by_the_panic_hook) => Err(Failure::Panicked),
    }
}
