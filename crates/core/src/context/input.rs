//! What a caller gives to store a context.

use serde_json::{Map, Value};

use super::{ContextId, Level};
use crate::Moment;

/// A context to store. Only the text is required.
#[derive(Debug, Clone, PartialEq)]
pub struct NewContext {
    /// What to remember.
    pub text: String,
    /// Level at which it starts; default `long_term`.
    pub level: Level,
    /// The caller's own id; sending the same id again unchanged stores nothing new.
    pub id: Option<ContextId>,
    /// The person it belongs to.
    pub user_id: Option<String>,
    /// The agent it belongs to.
    pub agent_id: Option<String>,
    /// The conversation it belongs to.
    pub session_id: Option<String>,
    /// Labels; repeated ones count once.
    pub tags: Vec<String>,
    /// Anything else.
    pub metadata: Map<String, Value>,
    /// 0 to 1; default 0.5.
    pub importance: Option<f32>,
    /// Never expired or moved down.
    pub pinned: bool,
    /// Seconds until it expires.
    pub ttl_secs: Option<u64>,
    /// When it happened; default now.
    pub occurred_at: Option<Moment>,
    /// Contexts this one replaces.
    pub supersedes: Vec<ContextId>,
}

impl Default for NewContext {
    fn default() -> Self {
        Self {
            text: String::new(),
            level: Level::LongTerm,
            id: None,
            user_id: None,
            agent_id: None,
            session_id: None,
            tags: Vec::new(),
            metadata: Map::new(),
            importance: None,
            pinned: false,
            ttl_secs: None,
            occurred_at: None,
            supersedes: Vec::new(),
        }
    }
}
