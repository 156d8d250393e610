//! Stored form of a context: flat, with short fixed names, and times as whole milliseconds since the epoch.
//!
//! Beside the context it holds keys that only serve filters: `tenant`, `facts` and `visible`. A checksum
//! detects damage. Vectors are stored separately.

pub(crate) mod canonical;
pub(crate) mod fact;
pub(crate) mod key;
mod malformed;
mod place;
mod point_id;
mod versions;

use context_manager_core::context::{Context, ContextId, Origin, Revision, Similar, Superseded, TextLanguage};
use context_manager_core::{Moment, Scope, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use malformed::Malformed;
use malformed::{level, origin};
use place::{StoredMessage, StoredPart};
pub(crate) use point_id::PointIds;
use versions::{StoredRevision, StoredVersion};

/// Time of expiry of contexts that never expire: later than every timestamp, and exact as a float.
pub(crate) const NEVER: i64 = (1 << 53) - 1;

/// Time from which superseded contexts are invisible: earlier than every timestamp.
pub(crate) const ALWAYS: i64 = -NEVER;

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    tenant: String,
    id: Uuid,
    text: String,
    level: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// Set if the language was detected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    detected: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Absent for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<StoredMessage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<StoredPart>,
    /// Absent for the first version without a known author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<StoredRevision>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<StoredVersion>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
    #[serde(default, skip_deserializing)]
    facts: Vec<String>,
    importance: f32,
    #[serde(default)]
    pinned: bool,
    tokens: u32,
    accesses: u64,
    occurred: i64,
    created: i64,
    updated: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accessed: Option<i64>,
    expires: i64,
    #[serde(default, skip_deserializing)]
    visible: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    embedded: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    derived: Vec<Uuid>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    similar: Vec<(Uuid, f32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    superseded: Option<StoredSuperseded>,
    sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredSuperseded {
    by: Uuid,
    at: i64,
}

/// Encodes a context of `scope`.
///
/// # Errors
/// [`Malformed`] when it cannot be written as JSON.
pub fn encode(scope: &Scope, context: Context) -> Result<Map<String, Value>, Malformed> {
    let expires = context.expires_at.map_or(NEVER, Timestamp::as_millisecond);
    let stored = Stored {
        tenant: scope.tenant().as_str().to_owned(),
        id: context.id.0,
        facts: fact::all(&context),
        visible: if context.superseded_by.is_some() {
            ALWAYS
        } else {
            expires
        },
        expires,
        text: context.text,
        level: context.level.as_str().to_owned(),
        user: context.user_id,
        agent: context.agent_id,
        session: context.session_id,
        detected: context.language.as_ref().is_some_and(|language| language.detected),
        language: context.language.map(|language| language.tag),
        scope: context.scope,
        key: context.key,
        origin: (context.origin != Origin::User).then(|| context.origin.as_str().to_owned()),
        message: context.message.map(Into::into),
        part: context.part.map(Into::into),
        revision: versions::stored(context.revision, context.created_at),
        history: context.history.into_iter().map(Into::into).collect(),
        tags: context.tags,
        metadata: context.metadata,
        importance: context.importance,
        pinned: context.pinned,
        tokens: context.token_count,
        accesses: context.access_count,
        occurred: context.occurred_at.as_millisecond(),
        created: context.created_at.as_millisecond(),
        updated: context.updated_at.as_millisecond(),
        accessed: context.last_accessed_at.map(Timestamp::as_millisecond),
        ttl: context.ttl_secs,
        embedded: context.embedded,
        derived: context.derived_from.into_iter().map(|id| id.0).collect(),
        similar: context
            .similar_to
            .iter()
            .map(|one| (one.id.0, one.similarity))
            .collect(),
        superseded: context.superseded_by.map(|superseded| StoredSuperseded {
            by: superseded.by.0,
            at: superseded.at.as_millisecond(),
        }),
        sequence: context.sequence,
        slot: context.slot,
    };
    match serde_json::to_value(stored)? {
        Value::Object(mut payload) => {
            canonical::seal(&mut payload);
            Ok(payload)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("a struct becomes an object")
        }
    }
}

/// Decodes a context of `tenant` after checking its checksum. Payloads of earlier versions have none.
///
/// # Errors
/// [`Malformed`] when it is damaged, of another tenant, or not a context.
pub fn decode_sealed(tenant: &TenantId, mut payload: Map<String, Value>) -> Result<Context, Malformed> {
    if canonical::unseal(&mut payload) {
        decode(tenant, payload)
    } else {
        Err(Malformed::Damaged)
    }
}

/// Decodes a context of `tenant`.
pub(crate) fn decode(tenant: &TenantId, payload: Map<String, Value>) -> Result<Context, Malformed> {
    let stored: Stored = serde_json::from_value(Value::Object(payload))?;
    if stored.tenant != tenant.as_str() {
        return Err(Malformed::Tenant);
    }
    Ok(Context {
        id: ContextId(stored.id),
        text: stored.text,
        level: level(stored.level)?,
        user_id: stored.user,
        agent_id: stored.agent,
        session_id: stored.session,
        language: stored.language.map(|tag| TextLanguage {
            tag,
            detected: stored.detected,
        }),
        scope: stored.scope,
        key: stored.key,
        origin: origin(stored.origin)?,
        message: stored.message.map(Into::into),
        part: stored.part.map(Into::into),
        revision: match stored.revision {
            Some(revision) => revision.try_into()?,
            None => Revision::first(Timestamp::from_millisecond(stored.created)?, None),
        },
        history: stored
            .history
            .into_iter()
            .map(TryInto::try_into)
            .collect::<Result<_, _>>()?,
        tags: stored.tags,
        metadata: stored.metadata,
        importance: stored.importance,
        pinned: stored.pinned,
        token_count: stored.tokens,
        access_count: stored.accesses,
        occurred_at: Moment::from_millisecond(stored.occurred),
        created_at: Timestamp::from_millisecond(stored.created)?,
        updated_at: Timestamp::from_millisecond(stored.updated)?,
        last_accessed_at: stored.accessed.map(Timestamp::from_millisecond).transpose()?,
        expires_at: (stored.expires != NEVER)
            .then(|| Timestamp::from_millisecond(stored.expires))
            .transpose()?,
        ttl_secs: stored.ttl,
        embedded: stored.embedded,
        derived_from: stored.derived.into_iter().map(ContextId).collect(),
        similar_to: stored
            .similar
            .into_iter()
            .map(|(id, similarity)| Similar {
                id: ContextId(id),
                similarity,
            })
            .collect(),
        superseded_by: match stored.superseded {
            Some(superseded) => Some(Superseded {
                by: ContextId(superseded.by),
                at: Timestamp::from_millisecond(superseded.at)?,
            }),
            None => None,
        },
        sequence: stored.sequence,
        slot: stored.slot,
    })
}

#[cfg(test)]
mod tests;
