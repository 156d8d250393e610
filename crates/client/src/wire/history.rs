//! Versions of a context.

use context_manager_core::context as domain;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Time;

/// Versions of a context, and of those that it superseded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct History {
    /// Versions, newest first. Of one context at most the last 33 are kept.
    pub versions: Vec<Version>,
}

/// A version of a context.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version {
    /// Context that had this version: the one asked for, or one that it superseded.
    pub id: Uuid,
    /// Number of the version, from 1.
    pub version: u32,
    /// Text.
    pub text: String,
    /// Time of the change that made it.
    pub changed_at: Time,
    /// Id of the key or subject of the token that made it; `null` if it is not known.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub by: Option<String>,
    /// Kind of the change.
    pub change: Change,
}

/// Kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The context was stored.
    Stored,
    /// Some of its fields were changed.
    Changed,
    /// Another text was stored under its key.
    Replaced,
}

impl From<domain::Change> for Change {
    fn from(change: domain::Change) -> Self {
        match change {
            domain::Change::Stored => Self::Stored,
            domain::Change::Changed => Self::Changed,
            domain::Change::Replaced => Self::Replaced,
        }
    }
}

impl From<Change> for domain::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::Stored => Self::Stored,
            Change::Changed => Self::Changed,
            Change::Replaced => Self::Replaced,
        }
    }
}

impl From<domain::Version> for Version {
    fn from(version: domain::Version) -> Self {
        Self {
            id: version.id.0,
            version: version.revision.version,
            text: version.text,
            changed_at: Time(version.revision.at),
            by: version.revision.by,
            change: version.revision.change.into(),
        }
    }
}
