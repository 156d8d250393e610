//! What a failed call to the server means to whoever made it.

use std::time::Duration;

use context_manager_core::ports::{BoxError, StoreError, StoreErrorKind};
use context_manager_resilience::{CallError, CircuitOpen, DeadlineExceeded};
use tonic::{Code, Status};

/// When to try again where the server does not say: within about this time a node is restarted or replaced.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The server's word for "not before so many seconds".
const RETRY_AFTER_KEY: &str = "retry-after";

/// What the server says in errors that it calls internal though they pass: a node of the cluster is gone and not yet
/// counted out, or the disk is full.
const PASSING: [&str; 2] = ["Please retry", "No space left on device"];

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There was no answer in time.
    #[error("the server did not answer in time")]
    Late(#[from] DeadlineExceeded),
    /// The server refused the call, or could not be reached.
    #[error("the server refused the call or could not be reached")]
    Status(#[source] Box<Status>),
    /// The server failed lately, and is not asked.
    #[error("the server is not asked for now")]
    NotAsked(#[source] CircuitOpen),
    /// The server took a write and did not apply it while it was waited for.
    #[error("the server did not apply the write in time")]
    NotApplied,
    /// The answer is not what the protocol promises.
    #[error("the server's answer has no {0}")]
    Incomplete(&'static str),
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
    /// Whether the server, or the way to it, is at fault: it may work again later.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Late(_) | Self::NotAsked(_) | Self::NotApplied => true,
            Self::Status(status) => is_outage(status) || status.code() == Code::DeadlineExceeded,
            Self::Incomplete(_) => false,
        }
    }

    /// Whether the same call may succeed at once: the connection broke, or there was none yet.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Status(status) if is_outage(status))
    }

    /// The status that the server gave, if it was the server.
    pub(super) fn code(&self) -> Option<Code> {
        match self {
            Self::Status(status) => Some(status.code()),
            Self::Late(_) | Self::NotAsked(_) | Self::NotApplied | Self::Incomplete(_) => None,
        }
    }

    /// The failure as the domain sees it.
    pub(super) fn into_store_error(self, operation: &'static str) -> StoreError {
        let kind = match &self {
            Self::Status(status) if status.code() == Code::ResourceExhausted => {
                StoreErrorKind::Unavailable(Some(retry_after(status).unwrap_or(RETRY_AFTER)))
            }
            Self::NotAsked(open) => StoreErrorKind::Unavailable(Some(open.retry_after)),
            _ if self.is_outage() => StoreErrorKind::Unavailable(Some(RETRY_AFTER)),
            Self::Status(status) => dimension_mismatch(status).unwrap_or(StoreErrorKind::Internal),
            Self::Late(_) | Self::NotApplied | Self::Incomplete(_) => StoreErrorKind::Internal,
        };
        store_error(operation, kind, Box::new(self))
    }
}

/// Something that is wrong and will stay so.
pub(super) fn internal(operation: &'static str, source: impl Into<BoxError>) -> StoreError {
    store_error(operation, StoreErrorKind::Internal, source.into())
}

fn store_error(operation: &'static str, kind: StoreErrorKind, source: BoxError) -> StoreError {
    StoreError {
        operation,
        kind,
        source: Some(source),
    }
}

/// A status that was made on this side of the connection has a source: the connection broke, or could not be made. A
/// server that shuts down cancels what it has not finished.
fn is_outage(status: &Status) -> bool {
    let passing = || PASSING.iter().any(|words| status.message().contains(words));
    matches!(status.code(), Code::Unavailable | Code::Cancelled)
        || (status.code() == Code::Internal && passing())
        || std::error::Error::source(status).is_some()
}

fn retry_after(status: &Status) -> Option<Duration> {
    let secs = status.metadata().get(RETRY_AFTER_KEY)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(secs))
}

/// Both sizes, if the server complains about the size of a vector, which it does in words only.
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
    fn what_passes_is_unavailable_and_what_stays_is_not() {
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
        ] {
            assert_eq!(kind(Status::internal(message)), unavailable, "{message}");
        }
        let broken = Status::from_error("connection reset".into());
        assert!(Failure::from(broken).is_passing());
        assert!(!Failure::Late(DeadlineExceeded).is_passing() && Failure::Late(DeadlineExceeded).is_outage());
    }

    #[test]
    fn the_server_says_when_to_come_back() {
        let mut metadata = MetadataMap::new();
        metadata.insert(RETRY_AFTER_KEY, "30".parse().unwrap());
        let status = Status::with_metadata(Code::ResourceExhausted, "slow down", metadata);
        assert_eq!(kind(status), StoreErrorKind::Unavailable(Some(Duration::from_secs(30))));
    }

    #[test]
    fn both_sizes_of_a_vector_are_told() {
        let message = "Wrong input: Vector dimension error: expected dim: 4, got 3";
        let expected = StoreErrorKind::DimensionMismatch { expected: 4, actual: 3 };
        assert_eq!(kind(Status::invalid_argument(message)), expected);
    }
}
