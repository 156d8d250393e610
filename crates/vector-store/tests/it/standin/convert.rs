//! Conversions between the types of the protocol and of the engine, where the store uses them.

use std::collections::HashMap;

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    self as proto, DenseVector, ListValue, NamedVectorsOutput, SparseVector, Value, VectorOutput, VectorsOutput,
    points_selector, vector, vector_output, vectors, vectors_output, with_payload_selector, with_vectors_selector,
};
use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{
    AnyVariants, Condition, FieldCondition, Filter, IsEmptyCondition, JsonPath, Match, Payload, PointId,
    PointStructPersisted, Range, VectorInternal, VectorPersisted, VectorStructInternal, VectorStructPersisted,
    WithPayloadInterface, WithVector,
};
use serde_json::Value as Json;
use tonic::Status;

pub(super) fn path(key: &str) -> Result<JsonPath, Status> {
    key.parse().map_err(|()| Status::invalid_argument("no path"))
}

pub(super) fn point_id(id: proto::PointId) -> Result<PointId, Status> {
    match id.point_id_options {
        Some(PointIdOptions::Uuid(id)) => id
            .parse()
            .map(PointId::Uuid)
            .map_err(|_| Status::invalid_argument("no UUID")),
        Some(PointIdOptions::Num(id)) => Ok(PointId::NumId(id)),
        None => Err(Status::invalid_argument("no id")),
    }
}

pub(super) fn point_id_out(id: PointId) -> proto::PointId {
    match id {
        PointId::Uuid(id) => proto::PointId::from(id.to_string()),
        PointId::NumId(id) => proto::PointId::from(id),
    }
}

pub(super) fn filter(filter: Option<proto::Filter>) -> Result<Filter, Status> {
    let filter = filter.unwrap_or_default();
    if filter.min_should.is_some() {
        return Err(Status::unimplemented("the stand-in knows no `min_should`"));
    }
    let must: Result<Vec<_>, _> = filter.must.into_iter().map(condition).collect();
    let should: Result<Vec<_>, _> = filter.should.into_iter().map(condition).collect();
    let must_not: Result<Vec<_>, _> = filter.must_not.into_iter().map(condition).collect();
    Ok(Filter {
        must: Some(must?),
        should: Some(should?).filter(|should| !should.is_empty()),
        must_not: Some(must_not?).filter(|must_not| !must_not.is_empty()),
        min_should: None,
    })
}

fn condition(condition: proto::Condition) -> Result<Condition, Status> {
    match condition.condition_one_of {
        Some(ConditionOneOf::HasId(ids)) => {
            let ids: Result<Vec<_>, _> = ids.has_id.into_iter().map(point_id).collect();
            Ok(Condition::HasId(ids?.into_iter().collect()))
        }
        Some(ConditionOneOf::Field(field)) => {
            let key = path(&field.key)?;
            let condition = match (field.r#match.and_then(|value| value.match_value), field.range) {
                (Some(MatchValue::Keyword(word)), None) => FieldCondition::new_match(key, Match::from(word)),
                (Some(MatchValue::Keywords(words)), None) => FieldCondition::new_match(key, Match::from(words.strings)),
                (Some(MatchValue::Integers(numbers)), None) => {
                    let numbers = AnyVariants::Integers(numbers.integers.into_iter().collect());
                    FieldCondition::new_match(key, Match::from(numbers))
                }
                (None, Some(range)) => FieldCondition::new_range(key, self::range(range)),
                _ => return Err(Status::unimplemented("the stand-in knows keywords and ranges only")),
            };
            Ok(Condition::Field(condition))
        }
        Some(ConditionOneOf::IsEmpty(field)) => Ok(Condition::IsEmpty(IsEmptyCondition::from(path(&field.key)?))),
        Some(ConditionOneOf::Filter(nested)) => Ok(Condition::Filter(filter(Some(nested))?)),
        _ => Err(Status::unimplemented("the stand-in knows ids, fields and filters only")),
    }
}

fn range(range: proto::Range) -> Range<OrderedFloat<f64>> {
    Range {
        lt: range.lt.map(OrderedFloat),
        gt: range.gt.map(OrderedFloat),
        gte: range.gte.map(OrderedFloat),
        lte: range.lte.map(OrderedFloat),
    }
}

/// The filter of a selector.
pub(super) fn selected(selector: Option<proto::PointsSelector>) -> Result<Filter, Status> {
    match selector.and_then(|selector| selector.points_selector_one_of) {
        Some(points_selector::PointsSelectorOneOf::Filter(selected)) => filter(Some(selected)),
        _ => Err(Status::unimplemented("the stand-in selects by filter only")),
    }
}

pub(super) fn point(point: proto::PointStruct) -> Result<PointStructPersisted, Status> {
    Ok(PointStructPersisted {
        id: point_id(point.id.unwrap_or_default())?,
        vector: vectors_in(point.vectors)?,
        payload: Some(payload(point.payload)),
    })
}

pub(super) fn vectors_in(vectors: Option<proto::Vectors>) -> Result<VectorStructPersisted, Status> {
    let vectors = match vectors.and_then(|vectors| vectors.vectors_options) {
        Some(vectors::VectorsOptions::Vectors(named)) => named.vectors,
        Some(vectors::VectorsOptions::Vector(_)) | None => {
            return Err(Status::unimplemented("vectors have names here"));
        }
    };
    let vectors = vectors.into_iter().map(|(name, vector)| match vector.vector {
        Some(vector::Vector::Dense(dense)) => Ok((name, VectorPersisted::Dense(dense.data))),
        Some(vector::Vector::Sparse(words)) => Ok((name, VectorPersisted::Sparse(sparse(words)))),
        _ => Err(Status::unimplemented(
            "the stand-in knows dense and sparse vectors only",
        )),
    });
    Ok(VectorStructPersisted::Named(vectors.collect::<Result<_, _>>()?))
}

pub(super) fn sparse(words: SparseVector) -> qdrant_edge::SparseVector {
    qdrant_edge::SparseVector {
        indices: words.indices,
        values: words.values,
    }
}

pub(super) fn vectors_out(stored: Option<VectorStructInternal>) -> Option<VectorsOutput> {
    let Some(VectorStructInternal::Named(named)) = stored else {
        return None;
    };
    let vectors = named.into_iter().filter_map(|(name, vector)| {
        let vector = match vector {
            VectorInternal::Dense(data) => vector_output::Vector::Dense(DenseVector { data }),
            VectorInternal::Sparse(words) => vector_output::Vector::Sparse(SparseVector {
                values: words.values,
                indices: words.indices,
            }),
            VectorInternal::MultiDense(_) => return None,
        };
        let output = VectorOutput {
            vector: Some(vector),
            ..VectorOutput::default()
        };
        Some((name, output))
    });
    let named = NamedVectorsOutput {
        vectors: vectors.collect(),
    };
    Some(VectorsOutput {
        vectors_options: Some(vectors_output::VectorsOptions::Vectors(named)),
    })
}

pub(super) fn payload(payload: HashMap<String, Value>) -> Payload {
    Payload(payload.into_iter().map(|(key, value)| (key, json(value))).collect())
}

pub(super) fn payload_out(payload: Option<Payload>) -> HashMap<String, Value> {
    let payload = payload.map(|payload| payload.0).unwrap_or_default();
    payload
        .into_iter()
        .map(|(key, value)| (key, value_out(value)))
        .collect()
}

fn json(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::from(value),
        Some(Kind::IntegerValue(value)) => Json::from(value),
        Some(Kind::DoubleValue(value)) => Json::from(value),
        Some(Kind::StringValue(value)) => Json::from(value),
        Some(Kind::ListValue(values)) => values.values.into_iter().map(json).collect(),
        Some(Kind::StructValue(members)) => Json::Object(
            members
                .fields
                .into_iter()
                .map(|(key, value)| (key, json(value)))
                .collect(),
        ),
    }
}

fn value_out(value: Json) -> Value {
    let kind = match value {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(value),
        // As the server does: what does not fit becomes a float.
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Kind::DoubleValue(number.as_f64().unwrap()), Kind::IntegerValue),
        Json::String(value) => Kind::StringValue(value),
        Json::Array(values) => Kind::ListValue(ListValue {
            values: values.into_iter().map(value_out).collect(),
        }),
        Json::Object(members) => Kind::StructValue(proto::Struct {
            fields: members
                .into_iter()
                .map(|(key, value)| (key, value_out(value)))
                .collect(),
        }),
    };
    Value { kind: Some(kind) }
}

pub(super) fn with_payload(selector: Option<proto::WithPayloadSelector>) -> WithPayloadInterface {
    match selector.and_then(|selector| selector.selector_options) {
        Some(with_payload_selector::SelectorOptions::Enable(all)) => WithPayloadInterface::Bool(all),
        Some(with_payload_selector::SelectorOptions::Include(names)) => {
            let keys = names.fields.iter().map(|name| path(name).unwrap());
            WithPayloadInterface::Fields(keys.collect())
        }
        Some(with_payload_selector::SelectorOptions::Exclude(_)) | None => WithPayloadInterface::Bool(false),
    }
}

pub(super) fn with_vectors(selector: Option<proto::WithVectorsSelector>) -> WithVector {
    match selector.and_then(|selector| selector.selector_options) {
        Some(with_vectors_selector::SelectorOptions::Include(names)) => WithVector::Selector(names.names),
        Some(with_vectors_selector::SelectorOptions::Enable(all)) => WithVector::Bool(all),
        None => WithVector::Bool(false),
    }
}
