//! Why a write failed.

use std::sync::Arc;

use qdrant_edge::OperationError;

/// Why a write failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    #[error("there is no other model")]
    NoOtherModel,
    #[error("what is stored is another model's")]
    ForeignModel,
    #[error("the data folder could not be changed")]
    Folder(#[source] Arc<crate::Error>),
    #[error("the disk has {free} bytes left, and {least} are kept free")]
    DiskFull { free: u64, least: u64 },
    #[error("the engine could not write")]
    Engine(#[source] Arc<OperationError>),
    #[error("the engine panicked while writing")]
    Panicked,
}
