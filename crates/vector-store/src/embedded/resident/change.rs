//! A write to the contexts in memory, made before it is queued for the writer.

use std::hash::{DefaultHasher, Hash, Hasher};

use context_manager_core::Moment;
use context_manager_core::context::{Context, Level, Origin};
use context_manager_core::ports::{BoxError, Record};
use jiff::Timestamp;
use uuid::Uuid;

use super::compact;
use crate::payload::fact;

/// A context to keep in memory, or changes of one.
#[derive(Debug)]
pub(in crate::embedded) struct Change {
    pub(super) point: Uuid,
    pub(super) user: Option<Box<str>>,
    pub(super) columns: Columns,
    pub(super) context: Vec<u8>,
    /// Hashes of the context's facts, and of its scope.
    pub(super) facts: Vec<u32>,
    /// Encoded terms; `None` to keep those there are.
    pub(super) terms: Option<Vec<u8>>,
    pub(super) dense: Dense,
}

/// The vector of a changed context.
#[derive(Debug)]
pub(super) enum Dense {
    /// The one there is, if any.
    Kept,
    /// This one, or none yet.
    Is(Option<Vec<f32>>),
}

impl Dense {
    /// Returns the new vector.
    pub(super) fn vector(&self) -> Option<&[f32]> {
        match self {
            Self::Is(vector) => vector.as_deref(),
            Self::Kept => None,
        }
    }
}

/// Fields that filters test without decoding a context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub(super) level: Level,
    pub(super) origin: Origin,
    pub(super) is_superseded: bool,
    /// Milliseconds since the epoch; the greatest number for never.
    pub(super) expires: i64,
    pub(super) occurred: Moment,
    /// Hash of the session id; 0 for none.
    pub(super) session: u64,
    /// Hash of the agent id; 0 for none.
    pub(super) agent: u64,
    pub(super) slot: Option<i64>,
    pub(super) importance: f32,
}

impl Change {
    /// Keeps a record.
    pub(in crate::embedded) fn record(point: Uuid, record: &Record) -> Result<Self, BoxError> {
        Ok(Self {
            terms: Some(compact::encode_terms(&record.terms)),
            dense: Dense::Is(record.dense.clone()),
            ..Self::context(point, &record.context)?
        })
    }

    /// Replaces a context, and keeps its terms and its vector.
    pub(in crate::embedded) fn context(point: Uuid, context: &Context) -> Result<Self, BoxError> {
        Ok(Self {
            point,
            user: context.user_id.as_deref().map(Box::from),
            columns: Columns {
                level: context.level,
                origin: context.origin,
                is_superseded: context.superseded_by.is_some(),
                expires: context.expires_at.map_or(i64::MAX, Timestamp::as_millisecond),
                occurred: context.occurred_at,
                session: hash(context.session_id.as_deref()),
                agent: hash(context.agent_id.as_deref()),
                slot: context.slot,
                importance: context.importance,
            },
            context: compact::encode(context)?,
            facts: {
                let facts = fact::of_fields(context)
                    .into_iter()
                    .chain(context.scope.as_deref().map(scope_fact));
                facts.map(|fact| fact_hash(&fact)).collect()
            },
            terms: None,
            dense: Dense::Kept,
        })
    }

    /// Replaces a context and its vector, and keeps its terms.
    pub(in crate::embedded) fn embedded(point: Uuid, context: &Context, vector: Vec<f32>) -> Result<Self, BoxError> {
        Ok(Self {
            dense: Dense::Is(Some(vector)),
            ..Self::context(point, context)?
        })
    }

    pub(in crate::embedded) fn point(&self) -> Uuid {
        self.point
    }
}

/// Returns the fact of the scope itself, beside those of all scopes above it.
pub(super) fn scope_fact(path: &str) -> String {
    format!("={path}")
}

/// Returns the hash of a fact. Different facts may share one: what they match is tested again when it is decoded.
pub(super) fn fact_hash(fact: &str) -> u32 {
    crc32fast::hash(fact.as_bytes())
}

/// Returns the hash of an id, which is never 0; 0 for none.
pub(super) fn hash(id: Option<&str>) -> u64 {
    id.map_or(0, |id| {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish().max(1)
    })
}
