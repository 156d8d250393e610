//! Contexts as clients send and receive them.

use context_manager_core::{self as domain, ContextId, Moment, Patch, Stored};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::metadata::Metadata;
use super::time::Time;

/// Level of memory. `l1`, `l2` and `l3` are accepted as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Working memory of a session.
    #[serde(alias = "l1", alias = "L1")]
    Immediate,
    /// Recent knowledge.
    #[serde(alias = "l2", alias = "L2")]
    ShortTerm,
    /// Lasting knowledge.
    #[serde(alias = "l3", alias = "L3")]
    LongTerm,
}

impl Level {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        domain::Level::from(self).as_str()
    }
}

impl From<Level> for domain::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Immediate => Self::Immediate,
            Level::ShortTerm => Self::ShortTerm,
            Level::LongTerm => Self::LongTerm,
        }
    }
}

impl From<domain::Level> for Level {
    fn from(level: domain::Level) -> Self {
        match level {
            domain::Level::Immediate => Self::Immediate,
            domain::Level::ShortTerm => Self::ShortTerm,
            domain::Level::LongTerm => Self::LongTerm,
        }
    }
}

/// Source of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person, or a program on behalf of one.
    User,
    /// An agent.
    Agent,
    /// Output of a tool, which `assemble` leaves out unless asked for it.
    Tool,
    /// An import from elsewhere.
    Import,
    /// Instructions, or the server itself.
    System,
}

impl From<Origin> for domain::context::Origin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::User => Self::User,
            Origin::Agent => Self::Agent,
            Origin::Tool => Self::Tool,
            Origin::Import => Self::Import,
            Origin::System => Self::System,
        }
    }
}

impl From<domain::context::Origin> for Origin {
    fn from(origin: domain::context::Origin) -> Self {
        match origin {
            domain::context::Origin::User => Self::User,
            domain::context::Origin::Agent => Self::Agent,
            domain::context::Origin::Tool => Self::Tool,
            domain::context::Origin::Import => Self::Import,
            domain::context::Origin::System => Self::System,
        }
    }
}

/// State of a context's dense vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingStatus {
    /// The vector is stored.
    Ready,
    /// The vector is still to come; until then only lexical search finds the context.
    Pending,
}

/// A context similar to another one.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
// Strict for servers, which read it from exports. Clients read what newer servers add.
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct Similar {
    /// Its id.
    pub id: Uuid,
    /// Cosine of the two vectors.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub similarity: f32,
}

impl From<domain::context::Similar> for Similar {
    fn from(similar: domain::context::Similar) -> Self {
        Self {
            id: similar.id.0,
            similarity: similar.similarity,
        }
    }
}

impl From<Similar> for domain::context::Similar {
    fn from(similar: Similar) -> Self {
        Self {
            id: ContextId(similar.id),
            similarity: similar.similarity,
        }
    }
}

/// A stored context.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Context {
    /// The id.
    pub id: Uuid,
    /// The text.
    pub text: String,
    /// Level of memory.
    pub level: Level,
    /// User it belongs to.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub user_id: Option<String>,
    /// Agent it belongs to.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub agent_id: Option<String>,
    /// Conversation it belongs to.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub session_id: Option<String>,
    /// Path in the tenant's tree of scopes.
    #[cfg_attr(feature = "openapi", schema(required))]
    #[serde(default)]
    pub scope: Option<String>,
    /// Key, unique within tenant and scope.
    #[cfg_attr(feature = "openapi", schema(required))]
    #[serde(default)]
    pub key: Option<String>,
    /// Source of the text.
    #[serde(default = "Origin::default")]
    pub origin: Origin,
    /// Role of the message that it was made from; `null` for anything else.
    #[cfg_attr(feature = "openapi", schema(required))]
    #[serde(default)]
    pub role: Option<String>,
    /// Id of the document that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// Offset of its first byte in that document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Number of its bytes in that document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// Titles of the sections around it in that document, the outermost first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headings: Option<Vec<String>>,
    /// Number of its version, from 1: raised by a change, and by storing another text under its key.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    #[serde(default = "first_version")]
    pub version: u32,
    /// BCP 47 tag of the language of the text, detected or as sent; `null` if it is unknown.
    #[cfg_attr(feature = "openapi", schema(required))]
    #[serde(default)]
    pub language: Option<String>,
    /// Tags, in the order given.
    pub tags: Vec<String>,
    /// Metadata, as it was sent.
    pub metadata: Map<String, Value>,
    /// Importance, 0 to 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub importance: f32,
    /// True if it is kept from expiry.
    pub pinned: bool,
    /// Number of tokens of the text.
    pub token_count: u32,
    /// Number of times it was served.
    pub access_count: u64,
    /// Time of the event; recency and time filters use it.
    #[cfg_attr(feature = "openapi", schema(value_type = Time))]
    pub occurred_at: Time<Moment>,
    /// Time of storing.
    pub created_at: Time,
    /// Time of the last change.
    pub updated_at: Time,
    /// Time it was served last; `null` if never.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_accessed_at: Option<Time>,
    /// Time of its expiry; `null` if it does not expire.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub expires_at: Option<Time>,
    /// State of its dense vector.
    pub embedding_status: EmbeddingStatus,
    /// Contexts that it summarizes.
    pub derived_from: Vec<Uuid>,
    /// Similar contexts found when the text was stored, most similar first; only with `dedup.policy = "report"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar_to: Vec<Similar>,
    /// Context that replaced this one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub superseded_by: Option<Uuid>,
}

/// Servers that know no versions have only first ones.
fn first_version() -> u32 {
    1
}

impl Default for Origin {
    fn default() -> Self {
        domain::context::Origin::default().into()
    }
}

impl EmbeddingStatus {
    /// Returns the state of a context.
    pub fn of(context: &domain::Context) -> Self {
        if context.embedded { Self::Ready } else { Self::Pending }
    }
}

impl From<domain::Context> for Context {
    fn from(context: domain::Context) -> Self {
        let embedding_status = EmbeddingStatus::of(&context);
        let part = context.part;
        Self {
            scope: context.scope,
            key: context.key,
            origin: context.origin.into(),
            role: context.message.map(|message| message.role),
            offset: part.as_ref().map(|part| part.offset),
            length: part.as_ref().map(|part| part.length),
            headings: part.as_ref().map(|part| part.headings.clone()),
            document_id: part.map(|part| part.document_id),
            version: context.revision.version,
            id: context.id.0,
            text: context.text,
            level: context.level.into(),
            user_id: context.user_id,
            agent_id: context.agent_id,
            session_id: context.session_id,
            language: context.language.map(|language| language.tag),
            tags: context.tags,
            metadata: context.metadata,
            importance: context.importance,
            pinned: context.pinned,
            token_count: context.token_count,
            access_count: context.access_count,
            occurred_at: Time(context.occurred_at),
            created_at: Time(context.created_at),
            updated_at: Time(context.updated_at),
            last_accessed_at: context.last_accessed_at.map(Time),
            expires_at: context.expires_at.map(Time),
            embedding_status,
            derived_from: context.derived_from.into_iter().map(|id| id.0).collect(),
            similar_to: context.similar_to.into_iter().map(Into::into).collect(),
            superseded_by: context.superseded_by.map(|superseded| superseded.by.0),
        }
    }
}

/// A context to store.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewContext {
    /// 1 to 32,768 bytes after trimming, without NUL.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 32_768, example = "User prefers dark mode")
    )]
    pub text: String,
    /// Level of memory. Default `long_term`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Id chosen by the client. Sending the same context under the same id again stores nothing new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// User it belongs to.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Agent it belongs to.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Conversation it belongs to.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Path in the tenant's tree of scopes: 1 to 16 segments of letters, digits, `.`, `_`, `-` and `@`.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 512, example = "org/acme/user/ann")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Key, unique within tenant and scope: storing under it replaces what is there, and keeps that in the history.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Source of the text. Default `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// BCP 47 tag of the language of the text, such as `de` or `pt-BR`. Default: detected.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 2, max_length = 35, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Tags to filter by.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Any JSON object. Numbers that would be rounded are refused.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Map<String, Value>>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Importance. Default 0.5.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance: Option<f32>,
    /// Keep it from expiry. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Seconds until it expires.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_153_600_000_u64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u64>,
    /// Time of the event. Default now.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Time>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Time<Moment>>,
    /// Contexts that this one replaces.
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<Vec<Uuid>>,
}

impl From<NewContext> for domain::NewContext {
    fn from(body: NewContext) -> Self {
        Self {
            text: body.text,
            level: body.level.map_or(domain::Level::LongTerm, Into::into),
            id: body.id.map(ContextId),
            user_id: body.user_id,
            agent_id: body.agent_id,
            session_id: body.session_id,
            scope: body.scope,
            key: body.key,
            keys_of_user: false,
            origin: body.origin.unwrap_or_default().into(),
            message: None,
            part: None,
            by: None,
            language: body.language,
            tags: body.tags.unwrap_or_default(),
            metadata: body.metadata.unwrap_or_default().0,
            importance: body.importance,
            pinned: body.pinned.unwrap_or_default(),
            ttl_secs: body.ttl_secs,
            occurred_at: body.occurred_at.map(|time| time.0),
            supersedes: body.supersedes.unwrap_or_default().into_iter().map(ContextId).collect(),
        }
    }
}

/// A context that was stored, or was there before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredContext {
    /// The context.
    #[serde(flatten)]
    pub context: Context,
    /// Present and true if the context was stored before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deduplicated: bool,
}

impl From<Stored> for StoredContext {
    fn from(stored: Stored) -> Self {
        Self {
            context: stored.context.into(),
            deduplicated: stored.deduplicated,
        }
    }
}

/// A change of a context. Fields that are absent keep their values.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ContextPatch {
    /// New text, which is embedded again.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 32_768))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// New language, as a BCP 47 tag.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 2, max_length = 35, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// New level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Replaces all tags.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Merged key by key; `null` removes a key.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Map<String, Value>>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// New importance.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance: Option<f32>,
    /// Keep it from expiry, or stop doing so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Seconds from now until it expires.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_153_600_000_u64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u64>,
}

impl From<ContextPatch> for Patch {
    fn from(body: ContextPatch) -> Self {
        Self {
            text: body.text,
            language: body.language,
            level: body.level.map(Into::into),
            tags: body.tags,
            metadata: body.metadata.map(|metadata| metadata.0),
            importance: body.importance,
            pinned: body.pinned,
            ttl_secs: body.ttl_secs,
            by: None,
        }
    }
}

/// One page of contexts, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContextPage {
    /// Contexts of the page.
    pub contexts: Vec<Context>,
    /// Value of `cursor` for the next page; `null` on the last one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
