//! Which parts of the server work.
//!
//! Parts are checked in the background; whoever asks is answered from what was found last, so that probes cost nothing
//! however many come. Asking for a check of its own is possible, but never more often than the registry allows.

mod registry;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use registry::HealthRegistry;

/// How often parts are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthConfig {
    /// How many seconds the result of a check is used, as long as all is well; a part that is not is checked every five
    /// seconds.
    pub cache_ttl_secs: u64,
    /// How long a part may take for a check, in milliseconds, before it counts as unhealthy.
    pub check_timeout_ms: u64,
    /// Milliseconds between two checks, at least, however many are asked for.
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
    /// Everything that is wrong, each as `key: what is expected`.
    pub fn problems(&self) -> Vec<String> {
        let values = [
            ("cache_ttl_secs", self.cache_ttl_secs),
            ("check_timeout_ms", self.check_timeout_ms),
            ("min_check_interval_ms", self.min_check_interval_ms),
        ];
        let zero = values.iter().filter(|(_, value)| *value == 0);
        zero.map(|(key, _)| format!("{key}: must be at least 1")).collect()
    }

    fn cache_ttl(&self) -> Duration {
        Duration::from_secs(self.cache_ttl_secs)
    }

    fn check_timeout(&self) -> Duration {
        Duration::from_millis(self.check_timeout_ms)
    }

    fn min_check_interval(&self) -> Duration {
        Duration::from_millis(self.min_check_interval_ms)
    }
}

/// How a part is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Works.
    Healthy,
    /// Works, but not fully; answers are still right.
    Degraded,
    /// Does not work.
    Unhealthy,
}

impl Status {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// As a gauge shows it.
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

/// Finds out how a part is.
#[async_trait]
pub trait HealthCheck: fmt::Debug + Send + Sync + 'static {
    /// Asks the part for something small. It may be cut off when it takes too long.
    ///
    /// # Errors
    /// [`Trouble`] when all is not well.
    async fn check(&self) -> Result<(), Trouble>;
}

/// What is wrong with a part, in words that may be shown to anybody: no path, no address, no text of a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Trouble {
    /// How much of it works.
    pub status: Status,
    /// What is wrong.
    pub reason: String,
}

impl Trouble {
    /// Something works less well than it should.
    pub fn degraded(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Degraded,
            reason: reason.into(),
        }
    }

    /// Something does not work.
    pub fn unhealthy(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Unhealthy,
            reason: reason.into(),
        }
    }
}

/// What the server cannot do without a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Nothing works without it.
    Essential,
    /// What works without it works less well.
    Helpful,
}

/// A part and how it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentHealth {
    /// Its name.
    pub name: &'static str,
    /// What the server cannot do without it.
    pub importance: Importance,
    /// How it is.
    pub status: Status,
    /// Since when it is so.
    pub since: Instant,
    /// How long the last check took, if there was one.
    pub latency: Option<Duration>,
    /// What was wrong last, and when that was seen last.
    pub last_error: Option<(String, Instant)>,
}

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// It opens what it needs.
    #[default]
    Starting,
    /// It serves.
    Serving,
    /// It takes nothing on any more.
    Stopping,
}

/// How the server and its parts are.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Where the server is in its life.
    pub phase: Phase,
    /// Every part, in the order in which they were registered.
    pub components: Vec<ComponentHealth>,
    /// The part that a start waits for, and why, in words that may be shown to anybody.
    pub waits_for: Option<(&'static str, &'static str)>,
}

impl Health {
    /// Whether requests can be served.
    pub fn is_ready(&self) -> bool {
        self.status() != Status::Unhealthy
    }

    /// How the whole is: it works when every essential part does, and fully when all others do too.
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

    /// Why requests cannot be served; empty when they can.
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
