//! Errors of the engine.

use std::time::Duration;

use crate::context::{ContextId, Violations};
use crate::ports::{EmbedError, EmbedErrorKind, StoreError, StoreErrorKind};

/// Error of a call to the engine. Match on [`Error::kind`] unless a variant's data is needed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is invalid.
    #[error("the request is not valid")]
    Invalid(Violations),
    /// The scope has no such context.
    #[error("no context `{0}`")]
    NotFound(ContextId),
    /// The id belongs to a context with other content.
    #[error("id `{0}` holds another context")]
    Conflict(ContextId),
    /// The context has no change that could be taken back.
    #[error("context `{0}` has no earlier version")]
    NothingToUndo(ContextId),
    /// The text cannot be embedded now, and pending embeddings are not allowed.
    #[error("the text cannot be embedded")]
    Embedding(#[from] EmbedError),
    /// The store failed.
    #[error("the vector store failed")]
    Store(#[from] StoreError),
    /// The time of a search ran out before there was anything to answer from.
    #[error("the deadline passed")]
    DeadlineExceeded,
}

/// Kind of an [`Error`], by the caller's remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request must change.
    Invalid,
    /// The context does not exist.
    NotFound,
    /// The id is taken.
    Conflict,
    /// The embedder's vectors have another size than the store's.
    DimensionMismatch,
    /// A retry may succeed later.
    Unavailable,
    /// More time may do.
    DeadlineExceeded,
    /// No remedy: the fault is internal.
    Internal,
}

impl Error {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Conflict(_) | Self::NothingToUndo(_) => ErrorKind::Conflict,
            Self::DeadlineExceeded => ErrorKind::DeadlineExceeded,
            Self::Embedding(error) => match error.kind {
                EmbedErrorKind::Unavailable(_) => ErrorKind::Unavailable,
                EmbedErrorKind::DimensionMismatch { .. } => ErrorKind::DimensionMismatch,
                EmbedErrorKind::Refused => ErrorKind::Invalid,
            },
            Self::Store(error) => match error.kind {
                StoreErrorKind::Unavailable(_) | StoreErrorKind::DiskFull => ErrorKind::Unavailable,
                StoreErrorKind::DimensionMismatch { .. } => ErrorKind::DimensionMismatch,
                StoreErrorKind::Internal => ErrorKind::Internal,
            },
        }
    }

    /// Returns the delay before a retry, if it is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store(StoreError {
                kind: StoreErrorKind::Unavailable(after),
                ..
            })
            | Self::Embedding(EmbedError {
                kind: EmbedErrorKind::Unavailable(after),
                ..
            }) => *after,
            Self::Embedding(_)
            | Self::Invalid(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::NothingToUndo(_)
            | Self::Store(_)
            | Self::DeadlineExceeded => None,
        }
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}
