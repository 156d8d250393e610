//! Conversations and counts.

use context_manager_core::ports::SessionSummary;
use serde::{Deserialize, Serialize};

use super::{LevelCounts, Limits, Time};

/// Summary of a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Its id.
    pub session_id: String,
    /// Number of contexts.
    pub total: u64,
    /// Number of contexts by level.
    #[cfg_attr(feature = "openapi", schema(inline))]
    pub contexts: LevelCounts<u64>,
    /// Time of the first event.
    pub first_activity_at: Time,
    /// Time of the last event.
    pub last_activity_at: Time,
}

impl From<SessionSummary> for Session {
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

/// One page of conversations, by id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionPage {
    /// Conversations of the page.
    pub sessions: Vec<Session>,
    /// Value of `cursor` for the next page; `null` on the last one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// Counts of the tenant's contexts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stats {
    /// Number of contexts.
    pub total: u64,
    /// Number of contexts by level.
    #[cfg_attr(feature = "openapi", schema(inline))]
    pub contexts: LevelCounts<u64>,
    /// Number of contexts whose dense vector is still to come.
    pub pending_embeddings: u64,
    /// Share of the contexts, 0 to 1, that are indexed again after a change of the analysis of texts; `null` when all are.
    #[cfg_attr(feature = "openapi", schema(required, minimum = 0, maximum = 1))]
    #[serde(default)]
    pub reindexed: Option<f32>,
    /// Bytes on disk, of all tenants; `null` for keys without the permission `admin`.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub store_bytes: Option<u64>,
    /// Use of the memory for contexts, by all tenants together; only for keys with the permission `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The embedding model.
    pub model: Model,
    /// Seconds since the start of the server.
    pub uptime_secs: u64,
    /// Use of the server's limits, by all tenants together; only for keys with the permission `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// Use of the memory for contexts: tenants that are read or written are kept there, those used last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Memory {
    /// Maximum size in bytes.
    pub budget_bytes: u64,
    /// Approximate size in bytes.
    pub bytes: u64,
    /// Number of tenants in memory.
    pub tenants: u64,
    /// Number of their contexts.
    pub contexts: u64,
}

/// The embedding model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Number of dimensions of its vectors.
    pub dimensions: usize,
}
