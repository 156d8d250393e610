//! Conversion between contexts and points of the server.
//!
//! The payload of a point holds the indexed keys and, under [`CONTEXT`], the whole context as JSON text. The protocol has no
//! numbers above 2^63, which metadata may contain, and one text is several times faster to send and read than a tree of
//! small messages.

use std::collections::HashMap;

use context_manager_core::context::Context;
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::Record;
use context_manager_core::{Scope, TenantId};
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    ListValue, NamedVectors, PointId, PointStruct, PointVectors, RetrievedPoint, ScoredPoint, Value, Vector,
    VectorsOutput, vector_output, vectors_output,
};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::failure::Failure;
use super::filter::point_id;
use crate::payload::key::{self, DENSE, WORDS};
use crate::payload::{self, Malformed, PointIds};

/// Key of the context, as JSON text.
pub(super) const CONTEXT: &str = "context";

/// Payload of a point.
pub(super) type Payload = HashMap<String, Value>;

/// Converts a record to a point. An empty sparse vector is left out, so that the server does not count it as a document.
pub(super) fn encode(scope: &Scope, ids: PointIds, record: Record) -> Result<(Uuid, PointStruct), Malformed> {
    let Record { context, dense, terms } = record;
    let id = ids.point(context.id);
    let dense = dense.map(|dense| (DENSE.to_owned(), Vector::from(dense)));
    let sparse = (!terms.is_empty()).then(|| {
        let sparse: Vec<(u32, f32)> = terms.iter().collect();
        (WORDS.to_owned(), Vector::from(sparse))
    });
    let vectors = NamedVectors {
        vectors: dense.into_iter().chain(sparse).collect(),
    };
    let point = PointStruct {
        id: Some(point_id(id)),
        payload: encode_payload(scope, context)?,
        vectors: Some(vectors.into()),
    };
    Ok((id, point))
}

/// Returns a new vector for an existing point.
pub(super) fn encode_vector(id: Uuid, vector: Vec<f32>) -> PointVectors {
    let vectors = NamedVectors {
        vectors: HashMap::from([(DENSE.to_owned(), Vector::from(vector))]),
    };
    PointVectors {
        id: Some(point_id(id)),
        vectors: Some(vectors.into()),
    }
}

/// Converts a context to a payload.
pub(super) fn encode_payload(scope: &Scope, context: Context) -> Result<Payload, Malformed> {
    let mut stored = payload::encode(scope, context)?;
    let indexed = key::indexes().filter_map(|(key, _)| Some((key, stored.get(key)?.clone())));
    let mut payload: Payload = indexed.map(|(key, value)| (key.to_owned(), protocol(value))).collect();
    // These are never read back, and the facts repeat most of the rest.
    stored.remove(key::FACTS);
    stored.remove(key::VISIBLE);
    payload.insert(CONTEXT.to_owned(), Value::from(serde_json::to_string(&stored)?));
    Ok(payload)
}

/// Point as returned by any call.
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
    /// Decodes the record, with the vectors that were returned.
    pub(super) fn record(self, tenant: &TenantId) -> Result<Record, Failure> {
        let context = decode(tenant, self.payload)?;
        let (dense, terms) = vectors(self.vectors);
        Ok(Record { context, dense, terms })
    }

    /// Decodes the context.
    pub(super) fn context(self, tenant: &TenantId) -> Result<Context, Failure> {
        decode(tenant, self.payload)
    }

    /// Returns the context as JSON text.
    pub(super) fn text(&self) -> Option<&str> {
        text(&self.payload)
    }

    /// Returns the sparse vector.
    pub(super) fn sparse(self) -> SparseVector {
        vectors(self.vectors).1
    }
}

/// Returns the context of a payload as JSON text.
pub(super) fn text(payload: &Payload) -> Option<&str> {
    match &payload.get(CONTEXT)?.kind {
        Some(Kind::StringValue(text)) => Some(text),
        Some(_) | None => None,
    }
}

fn decode(tenant: &TenantId, mut payload: Payload) -> Result<Context, Failure> {
    let Some(Kind::StringValue(text)) = payload.remove(CONTEXT).and_then(|value| value.kind) else {
        return Err(Failure::Incomplete("context"));
    };
    let stored: Map<String, Json> = serde_json::from_str(&text).map_err(Malformed::from)?;
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
    let sparse = match take(WORDS) {
        Some(vector_output::Vector::Sparse(sparse)) => SparseVector::new(sparse.indices.into_iter().zip(sparse.values)),
        Some(_) | None => SparseVector::default(),
    };
    (dense, sparse)
}

/// Converts the value of an indexed key: a string, a list of strings, or a number below 2^63.
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
