//! Failures of use cases as problems.

use context_manager_core::Error;
use context_manager_core::ports::SnapshotError;

use super::rate_limit::limited;
use crate::http::{Code, Problem};
use crate::service::Failure;
use crate::service::reembedding::CannotReembed;

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let detail = failure.to_string();
        let code = match failure {
            Failure::Engine(error) => return error.into(),
            Failure::CannotReembed(CannotReembed::Store(error)) | Failure::Snapshot(SnapshotError::Store(error)) => {
                return Error::from(error).into();
            }
            Failure::Snapshot(SnapshotError::Files(source)) => {
                tracing::error!(error = %source, "snapshots cannot be read or written");
                return Self::new(Code::Internal);
            }
            Failure::Interrupted => return Self::new(Code::Internal),
            Failure::Stopping => return Self::new(Code::ServiceUnavailable),
            Failure::RateLimited(refusal) => return limited(&refusal),
            Failure::InvalidLogFilter => return Self::invalid_field("/filter", detail),
            Failure::Overloaded(overloaded) => {
                let problem = Self::new(Code::ServiceUnavailable).with_detail(detail);
                return problem.with_retry_after(overloaded.retry_after);
            }
            Failure::Starting | Failure::Snapshot(SnapshotError::Busy) => Code::ServiceUnavailable,
            Failure::Forbidden(_) | Failure::QuotaExceeded(_) => Code::Forbidden,
            Failure::Snapshot(SnapshotError::NotFound) => Code::NotFound,
            Failure::CannotReembed(_)
            | Failure::Snapshot(
                SnapshotError::Damaged(_) | SnapshotError::Unusable(_) | SnapshotError::ErasedUnknown(_),
            ) => Code::Conflict,
            Failure::Snapshot(SnapshotError::NoSpace { .. }) => Code::InsufficientStorage,
            Failure::NoSnapshots => Code::NotImplemented,
        };
        Self::new(code).with_detail(detail)
    }
}
