//! Events of a tenant.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Level;

/// A context that was stored, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContextEvent {
    /// Id of the context.
    pub id: Uuid,
    /// Its level.
    pub level: Level,
    /// Path of its scope; `null` without one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub scope: Option<String>,
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Place to resume from.
    pub id: String,
    /// Kind of the write.
    pub kind: EventKind,
}

/// Kind of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A new context.
    Stored(ContextEvent),
    /// A change of a context.
    Changed(ContextEvent),
    /// A deletion by a call.
    Deleted(ContextEvent),
    /// A deletion by garbage collection.
    Expired(ContextEvent),
    /// Events before this one are lost: the contexts must be read again.
    Gap,
}
