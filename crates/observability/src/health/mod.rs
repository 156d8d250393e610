//! Health of the server and its components.
//!
//! Components are checked in the background. Health endpoints serve the last cached result, so probes cost nothing; a fresh
//! check can be requested, at most once per minimum interval.

mod registry;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use registry::HealthRegistry;

/// Settings of health checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthConfig {
    /// Seconds between background checks; five at most while a component is unhealthy or degraded.
    pub cache_ttl_secs: u64,
    /// Milliseconds after which an unfinished check counts as failed.
    pub check_timeout_ms: u64,
    /// Minimum milliseconds between two checks, however many are requested.
    pub min_check_interval_ms: u64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            cache_ttl_secs: 30,
            check_timeout_ms: 2000,
            min_check_interval_ms: 1000,
        }
    }
}

impl HealthConfig {
    /// Returns every problem, each as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let values = [
            ("cache_ttl_secs", self.cache_ttl_secs),
            ("check_timeout_ms", self.check_timeout_ms),
            ("min_check_interval_ms", self.min_check_interval_ms),
        ];
        let zero = values.iter().filter(|(_, value)| *value == 0);
        zero.map(|(key, _)| format!("{key}: must be at least 1")).collect()
    }
}

/// Status of a component, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Works.
    Healthy,
    /// Works with restrictions; answers are still right.
    Degraded,
    /// Does not work.
    Unhealthy,
}

impl Status {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Returns its value in the gauge.
    fn level(self) -> f64 {
        match self {
            Self::Healthy => 0.0,
            Self::Degraded => 1.0,
            Self::Unhealthy => 2.0,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Checks one component.
#[async_trait]
pub trait HealthCheck: fmt::Debug + Send + Sync + 'static {
    /// Makes a small request to the component. Cancelled when it takes too long.
    ///
    /// # Errors
    /// [`Trouble`] when the component is degraded or unhealthy.
    async fn check(&self) -> Result<(), Trouble>;
}

/// Failure of a component, in public words: no path, address or user text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Trouble {
    /// Resulting status of the component.
    pub status: Status,
    /// Public reason.
    pub reason: String,
}

impl Trouble {
    /// The component works with restrictions.
    pub fn degraded(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Degraded,
            reason: reason.into(),
        }
    }

    /// The component does not work.
    pub fn unhealthy(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Unhealthy,
            reason: reason.into(),
        }
    }
}

/// Importance of a component to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// The server cannot serve without it.
    Essential,
    /// The server is degraded without it.
    Helpful,
}

/// Health of one component.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ComponentHealth {
    /// Its name.
    pub name: &'static str,
    /// Importance to the server.
    pub importance: Importance,
    /// Current status.
    pub status: Status,
    /// Time of the last change of the status.
    pub since: Instant,
    /// Duration of the last check, if there was one.
    pub latency: Option<Duration>,
    /// Last failure, and the last time it was observed.
    pub last_error: Option<(String, Instant)>,
}

/// Phase in the life of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Opens its stores and models.
    #[default]
    Starting,
    /// Serves requests.
    Serving,
    /// Finishes running requests and accepts no more.
    Stopping,
}

/// Health of the server and its components.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// Phase in the life of the server.
    pub phase: Phase,
    /// Components in the order of their registration.
    pub components: Vec<ComponentHealth>,
    /// Component that the start waits for, with a public reason.
    pub waits_for: Option<(&'static str, &'static str)>,
}

impl Health {
    /// Tells whether requests can be served.
    pub fn is_ready(&self) -> bool {
        self.status() != Status::Unhealthy
    }

    /// Returns the status of the server: unhealthy without an essential component, degraded without a helpful one.
    pub fn status(&self) -> Status {
        if self.phase != Phase::Serving {
            return Status::Unhealthy;
        }
        let effect = |part: &ComponentHealth| match part.importance {
            Importance::Essential => part.status,
            Importance::Helpful => part.status.min(Status::Degraded),
        };
        self.components.iter().map(effect).max().unwrap_or(Status::Healthy)
    }

    /// Returns the reasons that prevent serving; empty when ready.
    pub fn obstacles(&self) -> Vec<String> {
        match self.phase {
            Phase::Starting => vec![self.waits_for.map_or_else(
                || "the server is starting".to_owned(),
                |(part, reason)| format!("the server is starting and waits for {part}: {reason}"),
            )],
            Phase::Stopping => vec!["the server is stopping".to_owned()],
            Phase::Serving => {
                let essential = |part: &&ComponentHealth| part.importance == Importance::Essential;
                let broken = |part: &&ComponentHealth| part.status == Status::Unhealthy;
                let parts = self.components.iter().filter(essential).filter(broken);
                parts
                    .map(|part| {
                        let reason = part
                            .last_error
                            .as_ref()
                            .map_or("no reason is known", |(reason, _)| reason);
                        format!("{} is {}: {reason}", part.name, part.status)
                    })
                    .collect()
            }
        }
    }
}
