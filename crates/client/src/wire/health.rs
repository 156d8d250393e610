//! State of the server and its components.

use serde::{Deserialize, Serialize};

use super::Time;

/// State of the server and its components.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `healthy` when every component is, `degraded` when something works less well; an `unhealthy` server answers 503.
    #[cfg_attr(feature = "openapi", schema(example = "healthy"))]
    pub status: String,
    /// Version of the server.
    pub version: String,
    /// Seconds since its start.
    pub uptime_secs: u64,
    /// Every component.
    pub components: Vec<ComponentHealth>,
}

/// State of a component.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComponentHealth {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(example = "vector_store"))]
    pub name: String,
    /// `healthy`, `degraded` or `unhealthy`.
    #[cfg_attr(feature = "openapi", schema(example = "healthy"))]
    pub status: String,
    /// True if the server is unhealthy when the component is.
    pub essential: bool,
    /// Time of the last change of `status`.
    pub since: Time,
    /// Time the last check took; `null` before the first.
    pub latency_ms: Option<f64>,
    /// Last error; `null` if there was none.
    pub last_error: Option<String>,
    /// Time of the last error.
    pub last_error_at: Option<Time>,
}

/// Answer of a probe.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthAnswer {
    /// `up` or `ready`.
    pub status: String,
}

/// Filter of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LogFilter {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or `target=level` joined by commas, as `log.filter` of the
    /// configuration.
    #[cfg_attr(feature = "openapi", schema(example = "info,context_manager_core=debug"))]
    pub filter: String,
}
