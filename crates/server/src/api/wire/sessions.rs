//! Sessions and counts.

use context_manager_core::Stats;
use context_manager_core::ports::SessionSummary;
use serde::Serialize;
use utoipa::ToSchema;

use super::{LevelCounts, LimitsBody, Time};
use crate::limits::Guards;

/// A session at a glance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(in crate::api) struct SessionBody {
    session_id: String,
    /// All its contexts.
    total: u64,
    /// Its contexts at each level.
    #[schema(inline)]
    contexts: LevelCounts<u64>,
    first_activity_at: Time,
    last_activity_at: Time,
}

impl From<SessionSummary> for SessionBody {
    fn from(session: SessionSummary) -> Self {
        Self {
            session_id: session.session_id,
            total: session.counts.iter().sum(),
            contexts: session.counts.into(),
            first_activity_at: Time(session.first_activity_at),
            last_activity_at: Time(session.last_activity_at),
        }
    }
}

/// One page of sessions, by id.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SessionPage {
    pub(in crate::api) sessions: Vec<SessionBody>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    #[schema(required)]
    pub(in crate::api) next_cursor: Option<String>,
}

/// What the tenant has stored, and where.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stats)]
pub(in crate::api) struct StatsBody {
    /// All contexts.
    total: u64,
    /// Contexts at each level.
    #[schema(inline)]
    contexts: LevelCounts<u64>,
    /// Contexts whose vector is still to come.
    pending_embeddings: u64,
    /// Bytes on disk, of the whole store with all its tenants; `null` for keys without the permission `admin`.
    #[schema(required)]
    store_bytes: Option<u64>,
    model: ModelBody,
    uptime_secs: u64,
    /// How the server's limits are used, by all tenants together; for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<LimitsBody>,
}

/// The embedding model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
struct ModelBody {
    name: String,
    dimensions: usize,
}

impl StatsBody {
    /// The counts as they go out, with those of the server as a whole for operators, who may see its `guards`.
    pub(in crate::api) fn new(stats: Stats, uptime_secs: u64, guards: Option<&Guards>) -> Self {
        Self {
            total: stats.contexts.iter().sum(),
            contexts: stats.contexts.into(),
            pending_embeddings: stats.pending,
            store_bytes: guards.is_some().then_some(stats.store_bytes),
            model: ModelBody {
                name: stats.model.name,
                dimensions: stats.model.dimensions,
            },
            uptime_secs,
            limits: guards.map(Into::into),
        }
    }
}
