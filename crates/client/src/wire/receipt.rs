//! Responses to writes.

use context_manager_core::Stored;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Time;
use super::context::{EmbeddingStatus, Level, StoredContext};

/// The context, or a receipt for keys without the permission `read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Written {
    /// The context.
    Context(Box<StoredContext>),
    /// The receipt.
    Receipt(Receipt),
}

/// A context that was stored or changed, without its contents: they may be another author's who stored the same text, or
/// may stand from before the change.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
// For the schema, which tells a receipt from a context by it. Clients read what newer servers add.
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct Receipt {
    /// Its id.
    pub id: Uuid,
    /// Its level.
    pub level: Level,
    /// Time of storing.
    pub created_at: Time,
    /// Time of the last change.
    pub updated_at: Time,
    /// State of its dense vector.
    pub embedding_status: EmbeddingStatus,
    /// Present and true if the context was stored before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deduplicated: bool,
}

impl Written {
    /// Returns the id of the context.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Context(stored) => stored.context.id,
            Self::Receipt(receipt) => receipt.id,
        }
    }

    /// Returns whether its dense vector is still to come.
    pub fn is_pending(&self) -> bool {
        let status = match self {
            Self::Context(stored) => stored.context.embedding_status,
            Self::Receipt(receipt) => receipt.embedding_status,
        };
        status == EmbeddingStatus::Pending
    }

    /// Returns whether it was stored before.
    pub fn is_deduplicated(&self) -> bool {
        match self {
            Self::Context(stored) => stored.deduplicated,
            Self::Receipt(receipt) => receipt.deduplicated,
        }
    }

    /// Builds the response for a caller who may read contexts, or may not.
    pub fn new(stored: Stored, may_read: bool) -> Self {
        if may_read {
            return Self::Context(Box::new(stored.into()));
        }
        let context = stored.context;
        Self::Receipt(Receipt {
            id: context.id.0,
            level: context.level.into(),
            created_at: Time(context.created_at),
            updated_at: Time(context.updated_at),
            embedding_status: EmbeddingStatus::of(&context),
            deduplicated: stored.deduplicated,
        })
    }
}
