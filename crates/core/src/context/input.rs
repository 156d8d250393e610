//! Contexts to store.

use serde_json::{Map, Value};

use super::{ContextId, DocumentPart, Level, Message, Origin};
use crate::Moment;

/// Context to store. Only the text is required.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewContext {
    /// Text to remember.
    pub text: String,
    /// Initial level; `long_term` by default.
    pub level: Level,
    /// Id chosen by the caller; sending the same context again stores nothing.
    pub id: Option<ContextId>,
    /// User to whom the context belongs.
    pub user_id: Option<String>,
    /// Agent to which the context belongs.
    pub agent_id: Option<String>,
    /// Conversation to which the context belongs.
    pub session_id: Option<String>,
    /// Path in the tenant's tree of scopes, such as `org/acme/user/ann`.
    pub scope: Option<String>,
    /// Key, unique within tenant and scope: storing under it replaces what is there.
    pub key: Option<String>,
    /// Set if keys of other users are none of its business: its key is then one among those of its user.
    pub keys_of_user: bool,
    /// Source of the text.
    pub origin: Origin,
    /// Message from which it was made.
    pub message: Option<Message>,
    /// Place in the document from which it was cut.
    pub part: Option<DocumentPart>,
    /// Id of the credential that stores it.
    pub by: Option<String>,
    /// BCP 47 tag of the language of the text; detected by default.
    pub language: Option<String>,
    /// Tags; duplicates are removed.
    pub tags: Vec<String>,
    /// Metadata, filterable by key.
    pub metadata: Map<String, Value>,
    /// Importance, 0 to 1; 0.5 by default.
    pub importance: Option<f32>,
    /// Exempts the context from expiry and demotion.
    pub pinned: bool,
    /// Seconds until expiry.
    pub ttl_secs: Option<u64>,
    /// Time of the event; now by default.
    pub occurred_at: Option<Moment>,
    /// Contexts that this one replaces.
    pub supersedes: Vec<ContextId>,
}

impl NewContext {
    /// Builds a long-term context of `text` without scope or metadata.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}
