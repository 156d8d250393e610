//! Errors of calls.

use std::time::Duration;

use crate::wire::{Code, Problem};

/// Error of a call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client could not be built.
    #[error("cannot set up a client for `{url}`")]
    Setup {
        /// URL of the server.
        url: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server refused the call or failed.
    #[error("the server answered {} {}: {}", .0.problem.status, .0.problem.title, .0.problem.detail)]
    Refused(Box<Refusal>),
    /// No response came, or it broke off.
    #[error("the server `{url}` does not answer")]
    Unreachable {
        /// URL of the server.
        url: String,
        /// The reason.
        source: reqwest::Error,
    },
    /// The call took too long, its retries included. A write may have been applied.
    #[error("the server `{url}` did not answer within {limit:?}")]
    Deadline {
        /// URL of the server.
        url: String,
        /// Maximum duration of the call.
        limit: Duration,
    },
    /// A stream of events broke off.
    #[error("the stream of the server `{url}` broke off")]
    Interrupted {
        /// URL of the server.
        url: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The request or the response is not the JSON of its type.
    #[error("not the JSON of the API")]
    Json(#[from] serde_json::Error),
}

/// A response other than success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its body. A response without one, such as a proxy's, has [`Code::Unknown`].
    pub problem: Problem,
    /// Earliest time to retry.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// Returns the problem in the server's response, if there was one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(refusal) => Some(&refusal.problem),
            Self::Setup { .. }
            | Self::Unreachable { .. }
            | Self::Interrupted { .. }
            | Self::Deadline { .. }
            | Self::Json(_) => None,
        }
    }

    /// Returns the code of the problem, if the server sent one.
    pub fn code(&self) -> Option<Code> {
        self.problem().map(|problem| problem.code)
    }

    /// Returns the status of the response, if it was an error.
    pub fn status(&self) -> Option<u16> {
        self.problem().map(|problem| problem.status)
    }

    /// Returns the earliest time to retry, if the server named one.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Setup { .. }
            | Self::Unreachable { .. }
            | Self::Interrupted { .. }
            | Self::Deadline { .. }
            | Self::Json(_) => None,
        }
    }
}
