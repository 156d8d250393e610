//! Reasons for refusing or failing a use case, for every edge to tell in its own way.

use context_manager_core::Error;
use context_manager_core::ports::SnapshotError;
use context_manager_resilience::{Cause, Overloaded};

use super::reembedding::CannotReembed;
use crate::auth::management::KeyError;
use crate::limits::{NoRoom, Refusal};

/// Reason for refusing or failing a use case. Its text is meant for the caller.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the server is starting, /health/ready tells what it waits for")]
    Starting,
    #[error("the server is stopping")]
    Stopping,
    /// The caller lacks a permission.
    #[error("{0}")]
    Forbidden(String),
    #[error("the limit {} is exceeded", .0.name)]
    RateLimited(Refusal),
    #[error("{}", overloaded(.0))]
    Overloaded(#[from] Overloaded),
    #[error("{0}")]
    QuotaExceeded(String),
    #[error(transparent)]
    Engine(#[from] Error),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The keys were not changed.
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    CannotReembed(#[from] CannotReembed),
    #[error("must be a level, or `target=level` joined by commas")]
    InvalidLogFilter,
    /// The work panicked.
    #[error("the work ended before its time")]
    Interrupted,
}

impl From<NoRoom> for Failure {
    fn from(no_room: NoRoom) -> Self {
        match no_room {
            NoRoom::QuotaExceeded(detail) => Self::QuotaExceeded(detail),
            NoRoom::Engine(error) => Self::Engine(error),
        }
    }
}

fn overloaded(overloaded: &Overloaded) -> &'static str {
    match overloaded.cause {
        Cause::QueueFull => "as many requests are under way as the server takes; try again later",
        Cause::DeadlinePassed => "the request waited too long; try again later",
        Cause::Closed => "the server is stopping",
    }
}
