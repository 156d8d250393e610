//! Answers that tell a caller about what it stored or changed.

use context_manager_core::Stored;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;
use super::context::{EmbeddingStatus, StoredBody, WireLevel};

/// The context, or for a key without the permission `read` a receipt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Written)]
pub(in crate::api) enum WrittenBody {
    Context(Box<StoredBody>),
    Receipt(ReceiptBody),
}

/// A context that was stored or changed, without anything that it says: it may be somebody else's who said the same, and
/// a change keeps what it does not name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Receipt)]
pub(in crate::api) struct ReceiptBody {
    id: Uuid,
    level: WireLevel,
    created_at: Time,
    updated_at: Time,
    embedding_status: EmbeddingStatus,
    /// Present when it was there before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deduplicated: bool,
}

impl WrittenBody {
    /// For a caller who may read, or may not.
    pub(in crate::api) fn new(stored: Stored, may_read: bool) -> Self {
        if may_read {
            return Self::Context(Box::new(stored.into()));
        }
        let context = stored.context;
        Self::Receipt(ReceiptBody {
            id: context.id.0,
            level: context.level.into(),
            created_at: Time(context.created_at),
            updated_at: Time(context.updated_at),
            embedding_status: EmbeddingStatus::of(&context),
            deduplicated: stored.deduplicated,
        })
    }
}
