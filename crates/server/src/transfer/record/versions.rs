//! Versions of a context, as an export has them.

use context_manager_client::wire::{Change, Level, Metadata, Time};
use context_manager_core::Moment;
use context_manager_core::context::{PastVersion, Revision, TextLanguage};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevisionLine {
    version: u32,
    at: Time,
    by: Option<String>,
    change: Change,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionLine {
    revision: RevisionLine,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    level: Level,
    tags: Vec<String>,
    metadata: Metadata,
    importance: f32,
    pinned: bool,
    ttl_secs: Option<u64>,
    occurred_at: Time<Moment>,
}

impl From<Revision> for RevisionLine {
    fn from(revision: Revision) -> Self {
        Self {
            version: revision.version,
            at: Time(revision.at),
            by: revision.by,
            change: revision.change.into(),
        }
    }
}

impl From<RevisionLine> for Revision {
    fn from(line: RevisionLine) -> Self {
        Self {
            version: line.version.max(1),
            at: line.at.0,
            by: line.by,
            change: line.change.into(),
        }
    }
}

impl From<PastVersion> for VersionLine {
    fn from(past: PastVersion) -> Self {
        Self {
            revision: past.revision.into(),
            text: past.text,
            language: past
                .language
                .filter(|language| !language.detected)
                .map(|language| language.tag),
            level: past.level.into(),
            tags: past.tags,
            metadata: Metadata(past.metadata),
            importance: past.importance,
            pinned: past.pinned,
            ttl_secs: past.ttl_secs,
            occurred_at: Time(past.occurred_at),
        }
    }
}

impl From<VersionLine> for PastVersion {
    fn from(line: VersionLine) -> Self {
        Self {
            revision: line.revision.into(),
            text: line.text,
            language: line.language.map(|tag| TextLanguage { tag, detected: false }),
            level: line.level.into(),
            tags: line.tags,
            metadata: line.metadata.0,
            importance: line.importance,
            pinned: line.pinned,
            ttl_secs: line.ttl_secs,
            occurred_at: line.occurred_at.0,
        }
    }
}
