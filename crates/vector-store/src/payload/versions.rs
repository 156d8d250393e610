//! Stored form of the versions of a context.

use context_manager_core::Moment;
use context_manager_core::context::{Change, PastVersion, Revision, TextLanguage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::malformed::{Malformed, level};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredRevision {
    version: u32,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    change: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredVersion {
    revision: StoredRevision,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    detected: bool,
    level: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
    importance: f32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    occurred: i64,
}

/// Returns a revision to store; `None` for one that says no more than `created`.
pub(super) fn stored(revision: Revision, created: Timestamp) -> Option<StoredRevision> {
    (revision != Revision::first(created, None)).then(|| revision.into())
}

impl From<Revision> for StoredRevision {
    fn from(revision: Revision) -> Self {
        Self {
            version: revision.version,
            at: revision.at.as_millisecond(),
            by: revision.by,
            change: revision.change.as_str().to_owned(),
        }
    }
}

impl TryFrom<StoredRevision> for Revision {
    type Error = Malformed;

    fn try_from(stored: StoredRevision) -> Result<Self, Malformed> {
        let change = Change::ALL.into_iter().find(|change| change.as_str() == stored.change);
        Ok(Self {
            version: stored.version,
            at: Timestamp::from_millisecond(stored.at)?,
            by: stored.by,
            change: change.ok_or(Malformed::Change(stored.change))?,
        })
    }
}

impl From<PastVersion> for StoredVersion {
    fn from(past: PastVersion) -> Self {
        Self {
            revision: past.revision.into(),
            text: past.text,
            detected: past.language.as_ref().is_some_and(|language| language.detected),
            language: past.language.map(|language| language.tag),
            level: past.level.as_str().to_owned(),
            tags: past.tags,
            metadata: past.metadata,
            importance: past.importance,
            pinned: past.pinned,
            ttl: past.ttl_secs,
            occurred: past.occurred_at.as_millisecond(),
        }
    }
}

impl TryFrom<StoredVersion> for PastVersion {
    type Error = Malformed;

    fn try_from(stored: StoredVersion) -> Result<Self, Malformed> {
        Ok(Self {
            revision: stored.revision.try_into()?,
            text: stored.text,
            language: stored.language.map(|tag| TextLanguage {
                tag,
                detected: stored.detected,
            }),
            level: level(stored.level)?,
            tags: stored.tags,
            metadata: stored.metadata,
            importance: stored.importance,
            pinned: stored.pinned,
            ttl_secs: stored.ttl,
            occurred_at: Moment::from_millisecond(stored.occurred),
        })
    }
}
