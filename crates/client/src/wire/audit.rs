//! Recent audited calls.

use serde::{Deserialize, Serialize};

use super::Time;

/// An audited call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRecord {
    /// Time of its end.
    pub at: Time,
    /// Name of the operation.
    pub action: String,
    /// Id of the caller's key, or subject of the token.
    pub who: String,
    /// Tenant of the caller.
    pub tenant: String,
    /// Path of the request; it names no person.
    pub path: String,
    /// Ids and names of conditions that select what was changed.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub what: Option<String>,
    /// Number of contexts that were changed or deleted.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub contexts: Option<u64>,
    /// `done`, `refused`, `forbidden`, `failed`, or `unfinished` if the client went away first.
    pub outcome: String,
    /// Status of the answer; `null` if there was none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub status: Option<u16>,
    /// Id of the request.
    pub request_id: String,
}

/// The last audited calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditList {
    /// The calls, newest first.
    pub records: Vec<AuditRecord>,
    /// Time since which they are kept: the start of the server, or the oldest of those kept. The audit log keeps all.
    pub since: Time,
}
