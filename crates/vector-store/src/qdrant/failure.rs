//! Errors of calls to the server, and their meaning for callers.

use std::time::Duration;

use context_manager_core::ports::{StoreError, StoreErrorKind};
use context_manager_resilience::{CallError, CircuitOpen, DeadlineExceeded};
use tonic::{Code, Status};

use crate::payload::Malformed;

/// Default time after which to retry: about the time it takes to restart or replace a node.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Metadata key of the number of seconds after which to retry.
const RETRY_AFTER_KEY: &str = "retry-after";

/// Messages of internal errors that are transient: a node of the cluster is gone but not yet marked dead, the disk is full, or
/// a restore replaces a shard.
const TRANSIENT: [&str; 5] = [
    "Please retry",
    "No space left on device",
    "Local shard",
    "enough active replicas",
    "no active replica",
];

/// Error of a call to the server.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The deadline passed.
    #[error("the server did not answer in time")]
    Late(#[from] DeadlineExceeded),
    /// The server refused the call, or could not be reached.
    #[error("the server refused the call or could not be reached")]
    Status(#[source] Box<Status>),
    /// The circuit breaker is open.
    #[error("the server is not asked for now")]
    NotAsked(#[source] CircuitOpen),
    /// The server accepted a write but did not apply it in time.
    #[error("the server did not apply the write in time")]
    NotApplied,
    /// A restore of a snapshot is under way.
    #[error("a snapshot is being restored")]
    Restoring,
    /// The answer lacks something that the protocol promises.
    #[error("the server's answer has no {0}")]
    Incomplete(&'static str),
    /// A context cannot be encoded or decoded.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The arguments are invalid.
    #[error(transparent)]
    Invalid(#[from] StoreError),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl From<CallError<Failure>> for Failure {
    fn from(error: CallError<Failure>) -> Self {
        match error {
            CallError::Open(open) => Self::NotAsked(open),
            CallError::Failed(failure) => failure,
        }
    }
}

impl Failure {
    /// Returns `true` if the server or the network failed, so that a later call may succeed.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Late(_) | Self::NotAsked(_) | Self::NotApplied | Self::Restoring => true,
            Self::Status(status) => is_outage(status) || status.code() == Code::DeadlineExceeded,
            Self::Incomplete(_) | Self::Malformed(_) | Self::Invalid(_) => false,
        }
    }

    /// Returns `true` if an immediate retry may succeed: the connection broke, or there was none yet.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Status(status) if is_outage(status))
    }

    /// Returns the status code of the server, if it answered.
    pub(super) fn code(&self) -> Option<Code> {
        if let Self::Status(status) = self {
            Some(status.code())
        } else {
            None
        }
    }

    /// Converts to the error of the port.
    pub(super) fn into_store_error(self, operation: &'static str) -> StoreError {
        if let Self::Invalid(error) = self {
            return error;
        }
        let kind = match &self {
            Self::Status(status) if status.code() == Code::ResourceExhausted => {
                StoreErrorKind::Unavailable(Some(retry_after(status).unwrap_or(RETRY_AFTER)))
            }
            Self::NotAsked(open) => StoreErrorKind::Unavailable(Some(open.retry_after)),
            _ if self.is_outage() => StoreErrorKind::Unavailable(Some(RETRY_AFTER)),
            Self::Status(status) => dimension_mismatch(status).unwrap_or(StoreErrorKind::Internal),
            Self::Late(_)
            | Self::NotApplied
            | Self::Restoring
            | Self::Incomplete(_)
            | Self::Malformed(_)
            | Self::Invalid(_) => StoreErrorKind::Internal,
        };
        StoreError {
            operation,
            kind,
            source: Some(Box::new(self)),
        }
    }
}

/// Returns `true` for an outage. A status with a source was made by the client: the connection broke, or could not be made.
/// A server that shuts down cancels unfinished calls.
fn is_outage(status: &Status) -> bool {
    let transient = || TRANSIENT.iter().any(|words| status.message().contains(words));
    matches!(status.code(), Code::Unavailable | Code::Cancelled)
        || (status.code() == Code::Internal && transient())
        || std::error::Error::source(status).is_some()
}

fn retry_after(status: &Status) -> Option<Duration> {
    let secs = status.metadata().get(RETRY_AFTER_KEY)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(secs))
}

/// Returns both sizes if the server refused a vector for its size, which only the message tells.
fn dimension_mismatch(status: &Status) -> Option<StoreErrorKind> {
    let number_after = |text: &str| {
        let (_, rest) = status.message().split_once(text)?;
        let end = rest.find(|character: char| !character.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    };
    (status.code() == Code::InvalidArgument).then_some(())?;
    let (expected, actual) = (number_after("expected dim: ")?, number_after("got ")?);
    Some(StoreErrorKind::DimensionMismatch { expected, actual })
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataMap;

    use super::*;

    fn kind(status: Status) -> StoreErrorKind {
        Failure::from(status).into_store_error("test").kind
    }

    #[test]
    fn only_transient_errors_are_unavailable() {
        let unavailable = StoreErrorKind::Unavailable(Some(RETRY_AFTER));
        for (code, expected) in [
            (Code::Unavailable, unavailable),
            (Code::DeadlineExceeded, unavailable),
            (Code::ResourceExhausted, unavailable),
            (Code::Internal, StoreErrorKind::Internal),
            (Code::NotFound, StoreErrorKind::Internal),
            (Code::PermissionDenied, StoreErrorKind::Internal),
            (Code::InvalidArgument, StoreErrorKind::Internal),
        ] {
            assert_eq!(kind(Status::new(code, "x")), expected, "{code}");
        }
        for message in [
            "Consistency of this update is not guaranteed. Please retry.",
            "No space left on device: WAL",
            "1 of 1 read operations failed: Local shard 0 not found",
        ] {
            assert_eq!(kind(Status::internal(message)), unavailable, "{message}");
        }
        let broken = Status::from_error("connection reset".into());
        assert!(Failure::from(broken).is_transient());
        assert!(!Failure::Late(DeadlineExceeded).is_transient() && Failure::Late(DeadlineExceeded).is_outage());
    }

    #[test]
    fn the_server_tells_when_to_retry() {
        let mut metadata = MetadataMap::new();
        metadata.insert(RETRY_AFTER_KEY, "30".parse().unwrap());
        let status = Status::with_metadata(Code::ResourceExhausted, "slow down", metadata);
        assert_eq!(kind(status), StoreErrorKind::Unavailable(Some(Duration::from_secs(30))));
    }

    #[test]
    fn a_refused_vector_tells_both_sizes() {
        let message = "Wrong input: Vector dimension error: expected dim: 4, got 3";
        let expected = StoreErrorKind::DimensionMismatch { expected: 4, actual: 3 };
        assert_eq!(kind(Status::invalid_argument(message)), expected);
    }
}
