//! Failures of HTTP calls, and their consequences.

use std::time::Duration;

use context_manager_core::ports::{EmbedError, EmbedErrorKind};
use context_manager_resilience::CircuitOpen;
use reqwest::StatusCode;

use super::wire::{BadVector, Garbled};

/// Failure of one HTTP call. No message holds a URL, a text or a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the service did not answer in time")]
    TimedOut,
    /// The service was not reached, or the connection broke before the end of the answer.
    #[error("there is no connection to the service")]
    NoConnection(#[source] reqwest::Error),
    #[error("the service answered {status}")]
    Status {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    #[error("the service gave a garbled answer")]
    Garbled(#[from] Garbled),
    /// No call was made.
    #[error("the service failed lately and is left alone")]
    CircuitOpen(#[from] CircuitOpen),
}

impl Failure {
    /// Failure for an answer that is not the expected JSON, without serde's message, which may quote it.
    pub(crate) fn garbled(error: &serde_json::Error) -> Self {
        Self::Garbled(Garbled::NotJson {
            line: error.line(),
            column: error.column(),
        })
    }

    /// Tells whether the service refused the texts. Only these three statuses concern the body; other client errors
    /// concern the credential, the path or the rate.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Status {
                status: StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY,
                ..
            }
        )
    }

    /// Tells whether the service is failing, busy or unreachable, which counts for the circuit breaker.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::TimedOut | Self::NoConnection(_) | Self::Garbled(_) => true,
            Self::Status { status, .. } => is_transient(*status),
            Self::CircuitOpen(_) => false,
        }
    }

    /// Tells whether a retry may succeed. Embedding is idempotent, so a call that broke off counts too.
    pub(crate) fn is_worth_another_try(&self) -> bool {
        match self {
            Self::NoConnection(_) => true,
            Self::Status { status, .. } => is_transient(*status),
            // Time is up, something other than an embedding service answers, or no call was made.
            Self::TimedOut | Self::Garbled(_) | Self::CircuitOpen(_) => false,
        }
    }

    /// Returns the time to wait before the next call.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::CircuitOpen(open) => Some(open.retry_after),
            Self::TimedOut | Self::NoConnection(_) | Self::Garbled(_) => None,
        }
    }

    /// Returns a status that points to wrong settings of the client or the service.
    pub(crate) fn misconfigured(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } if !self.is_refusal() && !self.is_outage() => Some(*status),
            Self::Status { .. } | Self::TimedOut | Self::NoConnection(_) | Self::Garbled(_) | Self::CircuitOpen(_) => {
                None
            }
        }
    }

    /// Returns the value of the label `outcome`.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::NoConnection(_) => "no_connection",
            Self::Garbled(_) => "garbled",
            Self::CircuitOpen(_) => "circuit_open",
            Self::Status { .. } if self.is_refusal() => "refused",
            Self::Status { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => "rate_limited",
            Self::Status { status, .. } if status.is_server_error() => "server_error",
            Self::Status { .. } => "client_error",
        }
    }
}

fn is_transient(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::TimedOut
        } else {
            // The query may hold a key.
            Self::NoConnection(error.without_url())
        }
    }
}

impl From<Failure> for EmbedError {
    fn from(failure: Failure) -> Self {
        let kind = if failure.is_refusal() {
            EmbedErrorKind::Refused
        } else {
            EmbedErrorKind::Unavailable(failure.retry_after())
        };
        Self::new(kind, failure)
    }
}

impl From<BadVector> for EmbedError {
    fn from(bad: BadVector) -> Self {
        let kind = match bad {
            BadVector::Size { expected, actual } => EmbedErrorKind::DimensionMismatch { expected, actual },
            BadVector::NotFinite => EmbedErrorKind::Unavailable(None),
        };
        Self::new(kind, bad)
    }
}
