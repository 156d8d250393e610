//! Contexts on their way in and out.

use context_manager_core::context::Similar;
use context_manager_core::{Context, ContextId, Level, Moment, NewContext, Patch, Stored};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::metadata::Metadata;
use super::{Time, WrittenBody};
use crate::http::Problem;

/// A level of memory. `l1`, `l2` and `l3` are accepted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Level)]
pub(in crate::api) enum WireLevel {
    #[serde(alias = "l1", alias = "L1")]
    Immediate,
    #[serde(alias = "l2", alias = "L2")]
    ShortTerm,
    #[serde(alias = "l3", alias = "L3")]
    LongTerm,
}

impl From<WireLevel> for Level {
    fn from(level: WireLevel) -> Self {
        match level {
            WireLevel::Immediate => Self::Immediate,
            WireLevel::ShortTerm => Self::ShortTerm,
            WireLevel::LongTerm => Self::LongTerm,
        }
    }
}

impl From<Level> for WireLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Immediate => Self::Immediate,
            Level::ShortTerm => Self::ShortTerm,
            Level::LongTerm => Self::LongTerm,
        }
    }
}

/// Whether a context can be found by its meaning yet.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum EmbeddingStatus {
    /// Its vector is stored.
    Ready,
    /// It is stored and found by its words; its vector follows.
    Pending,
}

/// A context that is close to another one.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Similar)]
pub(in crate::api) struct SimilarBody {
    id: Uuid,
    /// Cosine of both vectors.
    #[schema(minimum = 0, maximum = 1)]
    similarity: f32,
}

impl From<Similar> for SimilarBody {
    fn from(similar: Similar) -> Self {
        Self {
            id: similar.id.0,
            similarity: similar.similarity,
        }
    }
}

impl From<SimilarBody> for Similar {
    fn from(similar: SimilarBody) -> Self {
        Self {
            id: ContextId(similar.id),
            similarity: similar.similarity,
        }
    }
}

/// A stored context.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Context)]
pub(in crate::api) struct ContextBody {
    id: Uuid,
    text: String,
    level: WireLevel,
    #[schema(required)]
    user_id: Option<String>,
    #[schema(required)]
    agent_id: Option<String>,
    #[schema(required)]
    session_id: Option<String>,
    tags: Vec<String>,
    metadata: Map<String, Value>,
    #[schema(minimum = 0, maximum = 1)]
    importance: f32,
    pinned: bool,
    token_count: u32,
    access_count: u64,
    /// When it happened; recency and time filters use it.
    #[schema(value_type = Time)]
    occurred_at: Time<Moment>,
    created_at: Time,
    updated_at: Time,
    #[schema(required)]
    last_accessed_at: Option<Time>,
    #[schema(required)]
    expires_at: Option<Time>,
    embedding_status: EmbeddingStatus,
    /// The contexts that a summary was made from.
    derived_from: Vec<Uuid>,
    /// Stored contexts that were close to it when its text was stored, closest first; only with `dedup.policy = "report"`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    similar_to: Vec<SimilarBody>,
    /// The context that replaced this one.
    #[schema(required)]
    superseded_by: Option<Uuid>,
}

impl EmbeddingStatus {
    pub(super) fn of(context: &Context) -> Self {
        if context.embedded { Self::Ready } else { Self::Pending }
    }
}

impl From<Context> for ContextBody {
    fn from(context: Context) -> Self {
        let embedding_status = EmbeddingStatus::of(&context);
        Self {
            id: context.id.0,
            text: context.text,
            level: context.level.into(),
            user_id: context.user_id,
            agent_id: context.agent_id,
            session_id: context.session_id,
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
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewContext)]
pub(in crate::api) struct StoreBody {
    /// 1 to 32,768 bytes after trimming, without NUL.
    #[schema(min_length = 1, max_length = 32_768, example = "User prefers dark mode")]
    text: String,
    /// Default `long_term`.
    level: Option<WireLevel>,
    /// The client's own id; sent again unchanged it stores nothing new.
    id: Option<Uuid>,
    #[schema(min_length = 1, max_length = 256)]
    user_id: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    agent_id: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    session_id: Option<String>,
    #[schema(max_items = 64)]
    tags: Option<Vec<String>>,
    /// Numbers that would come back rounded are refused.
    #[schema(value_type = Option<Map<String, Value>>)]
    metadata: Option<Metadata>,
    /// Default 0.5.
    #[schema(minimum = 0, maximum = 1)]
    importance: Option<f32>,
    pinned: Option<bool>,
    /// Seconds until it expires.
    #[schema(minimum = 1, maximum = 3_153_600_000_u64)]
    ttl_secs: Option<u64>,
    /// Default now.
    #[schema(value_type = Option<Time>)]
    occurred_at: Option<Time<Moment>>,
    /// Contexts that this one replaces.
    #[schema(max_items = 100)]
    supersedes: Option<Vec<Uuid>>,
}

impl From<StoreBody> for NewContext {
    fn from(body: StoreBody) -> Self {
        Self {
            text: body.text,
            level: body.level.map_or(Level::LongTerm, Into::into),
            id: body.id.map(ContextId),
            user_id: body.user_id,
            agent_id: body.agent_id,
            session_id: body.session_id,
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

/// A context that is in the store now.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StoredContext)]
pub(in crate::api) struct StoredBody {
    #[serde(flatten)]
    context: ContextBody,
    /// Present when it was there before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deduplicated: bool,
}

impl From<Stored> for StoredBody {
    fn from(stored: Stored) -> Self {
        Self {
            context: stored.context.into(),
            deduplicated: stored.deduplicated,
        }
    }
}

/// Many contexts to store.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct BatchBody {
    /// Each is read by itself, so that one of the wrong form loses no other.
    #[schema(value_type = Vec<StoreBody>, min_items = 1, max_items = 1000)]
    pub(in crate::api) contexts: Vec<Box<RawValue>>,
}

/// What became of each, in the order sent.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BatchAnswer {
    pub(in crate::api) results: Vec<BatchItem>,
}

/// What became of one: a context or a receipt with 201 or 200, or an error.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BatchItem {
    /// 201 stored, 200 was there before, or an error's status.
    pub(in crate::api) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) context: Option<WrittenBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) error: Option<Problem>,
}

impl BatchItem {
    /// For a caller who may read, or may not.
    pub(in crate::api) fn new(result: Result<Stored, Problem>, may_read: bool) -> Self {
        match result {
            Ok(stored) => {
                let status = if stored.deduplicated { 200 } else { 201 };
                Self {
                    status,
                    context: Some(WrittenBody::new(stored, may_read)),
                    error: None,
                }
            }
            Err(problem) => Self {
                status: problem.status().as_u16(),
                context: None,
                error: Some(problem),
            },
        }
    }
}

/// A change: only what is given changes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContextPatch)]
pub(in crate::api) struct PatchBody {
    /// A new text, which is embedded again.
    #[schema(min_length = 1, max_length = 32_768)]
    text: Option<String>,
    level: Option<WireLevel>,
    /// Replaces all tags.
    #[schema(max_items = 64)]
    tags: Option<Vec<String>>,
    /// Merged key by key; `null` removes a key.
    #[schema(value_type = Option<Map<String, Value>>)]
    metadata: Option<Metadata>,
    #[schema(minimum = 0, maximum = 1)]
    importance: Option<f32>,
    pinned: Option<bool>,
    /// Seconds from now until it expires.
    #[schema(minimum = 1, maximum = 3_153_600_000_u64)]
    ttl_secs: Option<u64>,
}

impl From<PatchBody> for Patch {
    fn from(body: PatchBody) -> Self {
        Self {
            text: body.text,
            level: body.level.map(Into::into),
            tags: body.tags,
            metadata: body.metadata.map(|metadata| metadata.0),
            importance: body.importance,
            pinned: body.pinned,
            ttl_secs: body.ttl_secs,
        }
    }
}

/// One page of contexts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ContextPage {
    pub(in crate::api) contexts: Vec<ContextBody>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    #[schema(required)]
    pub(in crate::api) next_cursor: Option<String>,
}
