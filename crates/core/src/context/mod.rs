//! Contexts: pieces of text an agent may need again, with level, scope, tags and metadata.

mod content_key;
mod history;
mod id;
mod input;
mod level;
mod message;
mod message_text;
mod origin;
mod part;
mod patch;
mod scope_path;
mod text_language;
mod validate;
mod version;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::Moment;

pub(crate) use crate::moment::to_millis;
pub(crate) use content_key::comparable_text;
pub use content_key::{ContentKey, SessionTrack};
pub use history::{MAX_HISTORY_BYTES, MAX_PAST_VERSIONS};
pub use id::ContextId;
pub use input::NewContext;
pub use level::{Level, UnknownLevel};
pub use message::{MAX_MESSAGE_BYTES, MAX_ROLE_BYTES, Message};
pub use message_text::{MessageText, message_text, read_message};
pub use origin::{Origin, UnknownOrigin};
pub use part::{Document, DocumentPart};
pub use patch::Patch;
pub(crate) use patch::{after, unique as unique_tags};
pub use scope_path::{MAX_SCOPE_BYTES, MAX_SCOPE_SEGMENTS, scope_and_above};
pub use text_language::TextLanguage;
pub use validate::{
    MAX_CONTENT_BYTES, MAX_DERIVED_FROM, MAX_ID_BYTES, MAX_KEY_BYTES, MAX_SUPERSEDES, MAX_TAG_BYTES, MAX_TAGS,
    MAX_TEXT_BYTES, MAX_TTL_SECS, Problem, Violation, Violations,
};
pub use version::{Change, PastVersion, Revision, Version};

/// Stored context. Times have millisecond precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// Id, unique within the tenant.
    pub id: ContextId,
    /// Text of 1 to [`MAX_TEXT_BYTES`] bytes, without surrounding white space.
    pub text: String,
    /// Level of memory.
    pub level: Level,
    /// User to whom the context belongs.
    pub user_id: Option<String>,
    /// Agent to which the context belongs.
    pub agent_id: Option<String>,
    /// Conversation to which the context belongs.
    pub session_id: Option<String>,
    /// Path in the tenant's tree of scopes, such as `org/acme/user/ann`.
    pub scope: Option<String>,
    /// Key, unique within tenant and scope.
    pub key: Option<String>,
    /// Source of the text.
    pub origin: Origin,
    /// Message that it was made from.
    pub message: Option<Message>,
    /// Place in the document that it was cut from.
    pub part: Option<DocumentPart>,
    /// Language of the text; `None` if it is unknown.
    pub language: Option<TextLanguage>,
    /// Tags, without duplicates, in the order given.
    pub tags: Vec<String>,
    /// Metadata, filterable by key.
    pub metadata: Map<String, Value>,
    /// Importance, 0 to 1.
    pub importance: f32,
    /// Exempts the context from expiry and demotion.
    pub pinned: bool,
    /// Number of tokens of the text, by the configured tokenizer.
    pub token_count: u32,
    /// Number of times that search served it.
    pub access_count: u64,
    /// Time of the event that the text describes.
    pub occurred_at: Moment,
    /// Time of the first store.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Time at which search last served it.
    pub last_accessed_at: Option<Timestamp>,
    /// Time of expiry; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// TTL that it was given, in seconds, from which unpinning and a change of level renew its expiry.
    pub ttl_secs: Option<u64>,
    /// `true` once its vector is stored.
    pub embedded: bool,
    /// Contexts from which a summary was made.
    pub derived_from: Vec<ContextId>,
    /// Similar contexts of the same user, agent and session at the time its text was stored, most similar first; empty
    /// unless `dedup.policy` is `report`.
    pub similar_to: Vec<Similar>,
    /// Context that superseded this one.
    pub superseded_by: Option<Superseded>,
    /// Sequence number: microseconds since the epoch, made unique. Lists and cursors follow it.
    pub sequence: u64,
    /// Offset in its session; see [`SessionTrack`].
    pub slot: Option<i64>,
    /// Number and author of the current version.
    pub revision: Revision,
    /// Earlier versions, oldest first. Candidates of a search come without.
    pub history: Vec<PastVersion>,
}

/// Context that is similar to another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similar {
    /// Id of the context that was stored before.
    pub id: ContextId,
    /// Cosine of both vectors, 0 to 1.
    pub similarity: f32,
}

/// Replacement of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superseded {
    /// Id of the context that replaced it.
    pub by: ContextId,
    /// Time of the replacement.
    pub at: Timestamp,
}

impl Context {
    /// Builds a long-term context of `text` with a new id and nothing else, as the engine or a test completes it.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            id: ContextId::generate(),
            text: text.into(),
            level: Level::LongTerm,
            user_id: None,
            agent_id: None,
            session_id: None,
            scope: None,
            key: None,
            origin: Origin::default(),
            message: None,
            part: None,
            language: None,
            tags: Vec::new(),
            metadata: Map::new(),
            importance: 0.5,
            pinned: false,
            token_count: 0,
            access_count: 0,
            occurred_at: Moment::default(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            last_accessed_at: None,
            expires_at: None,
            ttl_secs: None,
            embedded: false,
            derived_from: Vec::new(),
            similar_to: Vec::new(),
            superseded_by: None,
            sequence: 0,
            slot: None,
            revision: Revision::first(Timestamp::UNIX_EPOCH, None),
            history: Vec::new(),
        }
    }

    /// Returns `true` if the context has not expired at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }

    /// Returns the language that was given with the text.
    pub(crate) fn given_language(&self) -> Option<&str> {
        let given = self.language.as_ref().filter(|language| !language.detected);
        given.map(|language| language.tag.as_str())
    }

    /// Returns the key that equal texts in the same scope share. Messages, keyed contexts and parts of documents share it
    /// with nothing else: saying the same again there means something.
    pub fn content_key(&self) -> ContentKey {
        let id = self.message.as_ref().map(|_| self.id.to_string());
        let part = self
            .part
            .as_ref()
            .map(|part| format!("{}/{}/{}", part.index, part.digest, part.document_id));
        let places = [
            ('s', self.scope.as_deref()),
            ('k', self.key.as_deref()),
            ('m', id.as_deref()),
            ('d', part.as_deref()),
        ];
        let places: Vec<_> = places
            .into_iter()
            .filter_map(|(kind, place)| Some((kind, place?)))
            .collect();
        let (user, agent, session) = (&self.user_id, &self.agent_id, &self.session_id);
        ContentKey::within(
            user.as_deref(),
            agent.as_deref(),
            session.as_deref(),
            &self.text,
            &places,
        )
    }
}
