//! Contexts as points of the server, and back.
//!
//! The payload of a point holds the keys that are indexed, and under [`CONTEXT`] everything else as one JSON text. The
//! protocol knows no number above 2^63, so that metadata as a structure would not come back as it was; and one text is
//! sent and read several times faster than a tree of small messages.

use std::collections::HashMap;

use context_manager_core::context::Context;
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{BoxError, Record};
use context_manager_core::{Scope, TenantId};
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    ListValue, NamedVectors, PointId, PointStruct, PointVectors, RetrievedPoint, ScoredPoint, Value, Vector,
    VectorsOutput, vector_output, vectors_output,
};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::filter::point_id;
use crate::payload::key::{self, DENSE, WORDS};
use crate::payload::{self, Malformed, PointIds};

/// Where the context itself is, as JSON.
pub(super) const CONTEXT: &str = "context";

/// A payload as the server keeps it.
pub(super) type Payload = HashMap<String, Value>;

/// A record as a point. Without words it has no vector of words: it is no document to count.
pub(super) fn encode(scope: &Scope, ids: PointIds, record: Record) -> Result<(Uuid, PointStruct), Malformed> {
    let Record { context, dense, terms } = record;
    let id = ids.point(context.id);
    let dense = dense.map(|dense| (DENSE.to_owned(), Vector::from(dense)));
    let words = (!terms.is_empty()).then(|| {
        let words: Vec<(u32, f32)> = terms.iter().collect();
        (WORDS.to_owned(), Vector::from(words))
    });
    let vectors = NamedVectors {
        vectors: dense.into_iter().chain(words).collect(),
    };
    let point = PointStruct {
        id: Some(point_id(id)),
        payload: encode_payload(scope, context)?,
        vectors: Some(vectors.into()),
    };
    Ok((id, point))
}

/// A vector for a point that exists.
pub(super) fn encode_vector(id: Uuid, vector: Vec<f32>) -> PointVectors {
    let vectors = NamedVectors {
        vectors: HashMap::from([(DENSE.to_owned(), Vector::from(vector))]),
    };
    PointVectors {
        id: Some(point_id(id)),
        vectors: Some(vectors.into()),
    }
}

/// A context as a payload.
pub(super) fn encode_payload(scope: &Scope, context: Context) -> Result<Payload, Malformed> {
    let mut stored = payload::encode(scope, context)?;
    let indexed = key::indexes().filter_map(|(key, _)| Some((key, stored.get(key)?.clone())));
    let mut payload: Payload = indexed.map(|(key, value)| (key.to_owned(), protocol(value))).collect();
    // They are not read back, and the facts repeat most of the rest.
    stored.remove(key::FACTS);
    stored.remove(key::VISIBLE);
    payload.insert(CONTEXT.to_owned(), Value::from(serde_json::to_string(&stored)?));
    Ok(payload)
}

/// What came back of a point, by whatever call.
pub(super) struct Stored {
    pub(super) id: Option<PointId>,
    payload: Payload,
    vectors: Option<VectorsOutput>,
}

impl From<RetrievedPoint> for Stored {
    fn from(point: RetrievedPoint) -> Self {
        Self {
            id: point.id,
            payload: point.payload,
            vectors: point.vectors,
        }
    }
}

impl From<ScoredPoint> for Stored {
    fn from(point: ScoredPoint) -> Self {
        Self {
            id: point.id,
            payload: point.payload,
            vectors: point.vectors,
        }
    }
}

impl Stored {
    /// The context and, as far as they came along, its vector and words.
    pub(super) fn record(self, tenant: &TenantId) -> Result<Record, BoxError> {
        let context = decode(tenant, self.payload)?;
        let (dense, terms) = vectors(self.vectors);
        Ok(Record { context, dense, terms })
    }

    /// The context.
    pub(super) fn context(self, tenant: &TenantId) -> Result<Context, BoxError> {
        decode(tenant, self.payload)
    }

    /// The context as it is written down.
    pub(super) fn text(&self) -> Option<&str> {
        text(&self.payload)
    }

    /// The words.
    pub(super) fn words(self) -> SparseVector {
        vectors(self.vectors).1
    }
}

/// Returns the context of a payload as it is written down.
pub(super) fn text(payload: &Payload) -> Option<&str> {
    match &payload.get(CONTEXT)?.kind {
        Some(Kind::StringValue(text)) => Some(text),
        Some(_) | None => None,
    }
}

fn decode(tenant: &TenantId, mut payload: Payload) -> Result<Context, BoxError> {
    let Some(Kind::StringValue(text)) = payload.remove(CONTEXT).and_then(|value| value.kind) else {
        return Err(format!("a stored point has no `{CONTEXT}`").into());
    };
    let stored: Map<String, Json> = serde_json::from_str(&text)?;
    Ok(payload::decode(tenant, stored)?)
}

fn vectors(stored: Option<VectorsOutput>) -> (Option<Vec<f32>>, SparseVector) {
    let mut named = match stored.and_then(|stored| stored.vectors_options) {
        Some(vectors_output::VectorsOptions::Vectors(named)) => named.vectors,
        Some(vectors_output::VectorsOptions::Vector(_)) | None => HashMap::new(),
    };
    let mut take = |name| Some(named.remove(name)?.into_vector());
    let dense = match take(DENSE) {
        Some(vector_output::Vector::Dense(dense)) => Some(dense.data),
        Some(_) | None => None,
    };
    let words = match take(WORDS) {
        Some(vector_output::Vector::Sparse(words)) => SparseVector::new(words.indices.into_iter().zip(words.values)),
        Some(_) | None => SparseVector::default(),
    };
    (dense, words)
}

/// A value of an indexed key, all of which are words, lists of words, or numbers below 2^63.
fn protocol(value: Json) -> Value {
    let kind = match value {
        Json::String(text) => Kind::StringValue(text),
        Json::Bool(value) => Kind::BoolValue(value),
        Json::Array(values) => Kind::ListValue(ListValue {
            values: values.into_iter().map(protocol).collect(),
        }),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Kind::IntegerValue(integer),
            None => Kind::DoubleValue(number.as_f64().unwrap_or_default()),
        },
        Json::Null | Json::Object(_) => Kind::NullValue(0),
    };
    Value { kind: Some(kind) }
}
