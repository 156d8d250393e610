//! Conversion of [conditions](crate::conditions) to filters of the server.

use qdrant_client::qdrant;
use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::{
    FieldCondition, Filter, HasIdCondition, IsEmptyCondition, Match, PointId, Range, RepeatedIntegers, RepeatedStrings,
};
use uuid::Uuid;

use crate::conditions::{Bounds, Condition};

/// Returns the filter for points that meet all conditions.
pub(super) fn all(conditions: &[Condition]) -> Filter {
    Filter {
        must: conditions.iter().cloned().map(condition).collect(),
        ..Filter::default()
    }
}

/// Converts the id of a point.
pub(super) fn point_id(id: Uuid) -> PointId {
    PointId::from(id.to_string())
}

/// Converts a condition.
pub(super) fn condition(condition: Condition) -> qdrant::Condition {
    let one_of = match condition {
        Condition::Is(key, word) => matches(key, MatchValue::Keyword(word)),
        Condition::AnyOf(key, strings) => matches(key, MatchValue::Keywords(RepeatedStrings { strings })),
        Condition::NoneOf(key, strings) => {
            let any = qdrant::Condition {
                condition_one_of: Some(matches(key, MatchValue::Keywords(RepeatedStrings { strings }))),
            };
            ConditionOneOf::Filter(Filter {
                must_not: vec![any],
                ..Filter::default()
            })
        }
        Condition::OneOf(key, integers) => matches(key, MatchValue::Integers(RepeatedIntegers { integers })),
        Condition::Within(key, bounds) => ConditionOneOf::Field(FieldCondition {
            key: key.to_owned(),
            range: Some(range(bounds)),
            ..FieldCondition::default()
        }),
        Condition::Missing(key) => ConditionOneOf::IsEmpty(IsEmptyCondition { key: key.to_owned() }),
        Condition::Points(ids) => ConditionOneOf::HasId(HasIdCondition {
            has_id: ids.into_iter().map(point_id).collect(),
        }),
    };
    qdrant::Condition {
        condition_one_of: Some(one_of),
    }
}

fn matches(key: &str, value: MatchValue) -> ConditionOneOf {
    ConditionOneOf::Field(FieldCondition {
        key: key.to_owned(),
        r#match: Some(Match {
            match_value: Some(value),
        }),
        ..FieldCondition::default()
    })
}

fn range(bounds: Bounds) -> Range {
    Range {
        gte: bounds.at_least,
        lt: bounds.below,
        ..Range::default()
    }
}
