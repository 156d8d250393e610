//! Why a call to the engine failed.

use std::time::Duration;

use crate::context::{ContextId, Violations};
use crate::ports::{EmbedError, EmbedErrorKind, StoreError, StoreErrorKind};

/// Why a call to the engine failed. Match on [`Error::kind`] unless a variant's data is needed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not as it must be.
    #[error("the request is not valid")]
    Invalid(Violations),
    /// There is no such context in this scope.
    #[error("no context `{0}`")]
    NotFound(ContextId),
    /// The id is taken by a context with other content.
    #[error("id `{0}` holds another context")]
    Conflict(ContextId),
    /// The text cannot be embedded now, and contexts without a vector are not wanted.
    #[error("the text cannot be embedded")]
    Embedding(#[from] EmbedError),
    /// The store failed.
    #[error("the vector store failed")]
    Store(#[from] StoreError),
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Change the request.
    Invalid,
    /// Nothing is there.
    NotFound,
    /// Choose another id, or do without: it is there already.
    Conflict,
    /// The vector's size does not fit the store's.
    DimensionMismatch,
    /// Try again later.
    Unavailable,
    /// Nothing: it is our fault.
    Internal,
}

impl Error {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Conflict(_) => ErrorKind::Conflict,
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

    /// When to try again, if that is known and of use.
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
            Self::Embedding(_) | Self::Invalid(_) | Self::NotFound(_) | Self::Conflict(_) | Self::Store(_) => None,
        }
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}
