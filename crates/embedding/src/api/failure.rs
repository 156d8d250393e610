//! Why one HTTP call gave no vectors, and what follows from it.

use std::time::Duration;

use context_manager_core::ports::{EmbedError, EmbedErrorKind};
use context_manager_resilience::CircuitOpen;
use reqwest::StatusCode;

use super::wire::{BadVector, Garbled};

/// Why one HTTP call gave no vectors. No message holds a URL, a text or a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the service did not answer in time")]
    TimedOut,
    /// Not reached, or the connection broke before the whole answer was there.
    #[error("there is no connection to the service")]
    NoConnection(#[source] reqwest::Error),
    #[error("the service answered {status}")]
    Status {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    #[error("the service gave a garbled answer")]
    Garbled(#[from] Garbled),
    /// It was not asked.
    #[error("the service failed lately and is left alone")]
    CircuitOpen(#[from] CircuitOpen),
}

impl Failure {
    /// An answer that is not the JSON that was expected. Without serde's message, which may quote it.
    pub(crate) fn garbled(error: &serde_json::Error) -> Self {
        Self::Garbled(Garbled::NotJson {
            line: error.line(),
            column: error.column(),
        })
    }

    /// Whether the service refused the texts. Only these three statuses speak of the body; all other client errors
    /// speak of the credential, the path or the rate.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Status {
                status: StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY,
                ..
            }
        )
    }

    /// Whether the service is broken, too busy or out of reach; what a circuit breaker counts.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::TimedOut | Self::NoConnection(_) | Self::Garbled(_) => true,
            Self::Status { status, .. } => is_transient(*status),
            Self::CircuitOpen(_) => false,
        }
    }

    /// Whether the same call may succeed soon. Embedding changes nothing, so a call that broke half-way counts too.
    pub(crate) fn is_worth_another_try(&self) -> bool {
        match self {
            Self::NoConnection(_) => true,
            Self::Status { status, .. } => is_transient(*status),
            // Time is up, something that is no embedding service answers, or nobody was asked.
            Self::TimedOut | Self::Garbled(_) | Self::CircuitOpen(_) => false,
        }
    }

    /// How long the service is to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::CircuitOpen(open) => Some(open.retry_after),
            Self::TimedOut | Self::NoConnection(_) | Self::Garbled(_) => None,
        }
    }

    /// The status, when it is one that only somebody who changes the settings or the service can put right.
    pub(crate) fn misconfigured(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } if !self.is_refusal() && !self.is_outage() => Some(*status),
            Self::Status { .. } | Self::TimedOut | Self::NoConnection(_) | Self::Garbled(_) | Self::CircuitOpen(_) => {
                None
            }
        }
    }

    /// The value of the metric's label `outcome`.
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
            // A URL's query may hold a key.
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
