//! Versions of a context: who changed what it says, when, and what it said before.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::id::ContextId;
use super::level::Level;
use super::text_language::TextLanguage;
use crate::Moment;
use crate::moment::to_millis;

/// Kind of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change {
    /// The context was stored.
    #[default]
    Stored,
    /// Some of its fields were changed.
    Changed,
    /// Another text was stored under its key.
    Replaced,
}

impl Change {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Stored, Self::Changed, Self::Replaced];

    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Changed => "changed",
            Self::Replaced => "replaced",
        }
    }
}

/// Number and author of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Number of the version, from 1.
    pub version: u32,
    /// Time of the change that made it.
    pub at: Timestamp,
    /// Id of the credential that made it, if it is known.
    pub by: Option<String>,
    /// Kind of the change.
    pub change: Change,
}

impl Revision {
    /// Revision of a context that is stored now.
    pub fn first(at: Timestamp, by: Option<String>) -> Self {
        Self {
            version: 1,
            at: to_millis(at),
            by,
            change: Change::Stored,
        }
    }
}

/// Earlier version of a context: everything that a change may replace.
#[derive(Debug, Clone, PartialEq)]
pub struct PastVersion {
    /// Number and author.
    pub revision: Revision,
    /// Text.
    pub text: String,
    /// Language of the text.
    pub language: Option<TextLanguage>,
    /// Level of memory.
    pub level: Level,
    /// Tags.
    pub tags: Vec<String>,
    /// Metadata.
    pub metadata: Map<String, Value>,
    /// Importance.
    pub importance: f32,
    /// Exempt from expiry and demotion.
    pub pinned: bool,
    /// TTL in seconds.
    pub ttl_secs: Option<u64>,
    /// Time of the event.
    pub occurred_at: Moment,
}

/// Version of a context or of one that it superseded, as a history lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Context that had this version.
    pub id: ContextId,
    /// Number and author.
    pub revision: Revision,
    /// Text.
    pub text: String,
}
