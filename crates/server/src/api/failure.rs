//! Failures of use cases as problems.

use context_manager_core::Error;
use context_manager_core::ports::{SnapshotError, StoreErrorKind};

use super::rate_limit::limited;
use crate::auth::SharedKeysError;
use crate::auth::management::KeyError;
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
            Failure::Keys(error) => return keys(&error),
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
            Failure::Snapshot(SnapshotError::Unsupported(_)) => Code::NotImplemented,
        };
        Self::new(code).with_detail(detail)
    }
}

/// Describes keys that were not changed. A path of the server is told to its log alone.
fn keys(error: &KeyError) -> Problem {
    let detail = error.to_string();
    let pointer = match error {
        KeyError::File(file) => {
            tracing::error!(error = %file, cause = std::error::Error::source(file).map(ToString::to_string), "the keys cannot be read or changed");
            let detail = "the server cannot read or change its file of keys; its log tells why";
            return Problem::new(Code::Internal).with_detail(detail);
        }
        KeyError::Shared(SharedKeysError::Store(error)) => {
            tracing::warn!(%error, cause = std::error::Error::source(error).map(ToString::to_string), "the keys in the store cannot be read or changed");
            let problem = Problem::new(Code::ServiceUnavailable).with_detail(detail);
            return match error.kind {
                StoreErrorKind::Unavailable(Some(after)) => problem.with_retry_after(after),
                StoreErrorKind::Unavailable(None)
                | StoreErrorKind::DiskFull
                | StoreErrorKind::DimensionMismatch { .. }
                | StoreErrorKind::Internal => problem,
            };
        }
        KeyError::Shared(SharedKeysError::Unusable(_)) => {
            tracing::error!(%error, "the keys in the store cannot be read or changed");
            return Problem::new(Code::Internal).with_detail("the keys in the store cannot be used; the log tells why");
        }
        KeyError::Full => return Problem::new(Code::InsufficientStorage).with_detail(detail),
        KeyError::NoStore => return Problem::new(Code::NotImplemented).with_detail(detail),
        KeyError::Random(_) => return Problem::new(Code::Internal).with_detail(detail),
        KeyError::Unknown(_) => return Problem::new(Code::NotFound).with_detail(detail),
        KeyError::NotValid(_) => return Problem::new(Code::Conflict).with_detail(detail),
        KeyError::Tenant(_) | KeyError::Reserved => "/tenant",
        KeyError::Name => "/name",
        KeyError::NoPermission | KeyError::Exceeds => "/permissions",
        KeyError::Over(_) => "/expires_at",
    };
    Problem::invalid_field(pointer, detail)
}
