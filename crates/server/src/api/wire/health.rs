//! How the server and its parts are, over the wire.

use context_manager_core::ports::{Clock, SystemClock};
use context_manager_observability::{ComponentHealth, Health, Importance};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::Time;

/// How the server and its parts are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(in crate::api) struct HealthBody {
    /// `healthy` when every part is, `degraded` when something works less well; a server that is `unhealthy` answers 503.
    #[schema(example = "healthy")]
    status: &'static str,
    /// The server's version.
    version: &'static str,
    /// Since its start.
    uptime_secs: u64,
    /// Every part.
    components: Vec<ComponentBody>,
}

/// A part and how it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ComponentHealth)]
struct ComponentBody {
    /// Its name.
    #[schema(example = "vector_store")]
    name: &'static str,
    /// `healthy`, `degraded` or `unhealthy`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// Whether nothing works without it.
    essential: bool,
    /// Since when it is so.
    since: Time,
    /// How long the last check took; `null` before the first.
    latency_ms: Option<f64>,
    /// What was wrong last; `null` when nothing ever was.
    last_error: Option<String>,
    /// When that was seen last.
    last_error_at: Option<Time>,
}

impl HealthBody {
    pub(in crate::api) fn new(health: &Health, started: Instant) -> Self {
        let now = SystemClock.now();
        Self {
            status: health.status().as_str(),
            version: env!("CARGO_PKG_VERSION"),
            uptime_secs: started.elapsed().as_secs(),
            components: health
                .components
                .iter()
                .map(|part| ComponentBody::new(part, now))
                .collect(),
        }
    }
}

impl ComponentBody {
    fn new(part: &ComponentHealth, now: Timestamp) -> Self {
        let at = |moment: Instant| {
            let ago = SignedDuration::try_from(moment.elapsed()).unwrap_or_default();
            Time(now.checked_sub(ago).unwrap_or(now))
        };
        let last_error = part.last_error.as_ref();
        Self {
            name: part.name,
            status: part.status.as_str(),
            essential: part.importance == Importance::Essential,
            since: at(part.since),
            latency_ms: part.latency.map(|latency| latency.as_secs_f64() * 1000.0),
            last_error: last_error.map(|(reason, _)| reason.clone()),
            last_error_at: last_error.map(|(_, moment)| at(*moment)),
        }
    }
}
