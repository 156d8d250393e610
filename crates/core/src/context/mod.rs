//! A context: one piece of text an agent may need again, with its level, scope, tags and metadata.

mod content_key;
mod input;
mod level;
mod patch;
mod validate;

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Moment;

pub(crate) use content_key::comparable_text;
pub use content_key::{ContentKey, SessionTrack};
pub use input::NewContext;
pub use level::{Level, UnknownLevel};
pub use patch::Patch;
pub(crate) use patch::{after, unique as unique_tags};
pub use validate::{
    MAX_CONTENT_BYTES, MAX_DERIVED_FROM, MAX_ID_BYTES, MAX_SUPERSEDES, MAX_TAG_BYTES, MAX_TAGS, MAX_TEXT_BYTES,
    MAX_TTL_SECS, Problem, Violation, Violations,
};

/// Identifies a context within its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub Uuid);

impl ContextId {
    /// A new id: UUID version 7, so ids made later sort later.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A stored context. Times have millisecond precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// Unique within the tenant.
    pub id: ContextId,
    /// What the agent saw or said: 1 to [`MAX_TEXT_BYTES`] bytes, without surrounding white space.
    pub text: String,
    /// Where it lives.
    pub level: Level,
    /// The person it belongs to.
    pub user_id: Option<String>,
    /// The agent it belongs to.
    pub agent_id: Option<String>,
    /// The conversation it belongs to.
    pub session_id: Option<String>,
    /// Labels, without repetition, in the order given.
    pub tags: Vec<String>,
    /// Anything else, filterable by key.
    pub metadata: Map<String, Value>,
    /// 0 to 1.
    pub importance: f32,
    /// Never expired or moved down.
    pub pinned: bool,
    /// Tokens of the text, by the configured tokenizer.
    pub token_count: u32,
    /// How often search served it.
    pub access_count: u64,
    /// When the thing happened.
    pub occurred_at: Moment,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When search last served it.
    pub last_accessed_at: Option<Timestamp>,
    /// When it stops being served; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// The time to live it was given, in seconds; kept so that unpinning or a move to another level can renew it.
    pub ttl_secs: Option<u64>,
    /// Whether its vector is stored.
    pub embedded: bool,
    /// The contexts that a summary was made from.
    pub derived_from: Vec<ContextId>,
    /// Stored contexts of the same user, agent and session that were close to it when its text was stored, closest first;
    /// empty unless `dedup.policy` is `report`.
    pub similar_to: Vec<Similar>,
    /// The context that replaced this one, and when.
    pub superseded_by: Option<Superseded>,
    /// Order of creation within the store: microseconds since the epoch, made unique. Lists and cursors follow it.
    pub sequence: u64,
    /// Where it stands among the contexts of its session; see [`SessionTrack`].
    pub slot: Option<i64>,
}

/// A context that is close to another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similar {
    /// The context that was there before.
    pub id: ContextId,
    /// Cosine of both vectors, 0 to 1.
    pub similarity: f32,
}

/// That a context was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superseded {
    /// The context that replaced it.
    pub by: ContextId,
    /// Since when.
    pub at: Timestamp,
}

impl Context {
    /// Whether it is still served at `now`: not expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }

    /// The key that finds another context with the same text in the same scope.
    pub fn content_key(&self) -> ContentKey {
        ContentKey::new(
            self.user_id.as_deref(),
            self.agent_id.as_deref(),
            self.session_id.as_deref(),
            &self.text,
        )
    }
}

/// `time` cut to whole milliseconds, the precision of the wire and the store.
pub(crate) fn to_millis(time: Timestamp) -> Timestamp {
    Moment::from(time).try_into().unwrap_or(time)
}
