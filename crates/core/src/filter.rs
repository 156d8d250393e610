//! Which contexts a call is about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

use crate::Moment;
use crate::context::{Context, ContextId, Level};

/// Conditions that must all hold; an empty list or `None` is no condition.
///
/// Stores evaluate it as [`Filter::matches`] does, which is its definition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// One of these levels.
    pub levels: Vec<Level>,
    /// This person.
    pub user_id: Option<String>,
    /// This agent.
    pub agent_id: Option<String>,
    /// This session.
    pub session_id: Option<String>,
    /// Only those without a session.
    pub sessionless: bool,
    /// At least one of these tags.
    pub tags_any: Vec<String>,
    /// Every one of these tags.
    pub tags_all: Vec<String>,
    /// Happened at this time or later.
    pub occurred_after: Option<Moment>,
    /// Happened before this time.
    pub occurred_before: Option<Moment>,
    /// At least this important.
    pub min_importance: Option<f32>,
    /// For every key, the metadata value (or one element of it, if it is a list) equals one of these scalars. A key
    /// with dots reaches into nested objects.
    pub metadata: BTreeMap<String, Vec<Value>>,
    /// One of these ids; `Some` of an empty list matches nothing.
    pub ids: Option<Vec<ContextId>>,
    /// Made from at least one of these.
    pub derived_from: Vec<ContextId>,
    /// Whether its vector is stored.
    pub embedded: Option<bool>,
    /// Only pinned ones.
    pub pinned: bool,
    /// Which of the expired and superseded ones count.
    pub visibility: Visibility,
}

/// Whether contexts that are no longer served match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everything that is stored, for deletion and maintenance.
    #[default]
    All,
    /// Neither expired nor superseded at this time, for search and lists.
    Current(Timestamp),
    /// Not expired at this time, superseded or not.
    Live(Timestamp),
    /// Expired at this time, for collection.
    Expired(Timestamp),
}

impl Filter {
    /// The filter that matches these ids alone.
    pub fn by_ids(ids: Vec<ContextId>) -> Self {
        Self {
            ids: Some(ids),
            ..Self::default()
        }
    }

    /// Whether no condition is set, apart from visibility.
    pub fn is_empty(&self) -> bool {
        *self
            == Self {
                visibility: self.visibility,
                ..Self::default()
            }
    }

    /// Whether `context` meets every condition.
    pub fn matches(&self, context: &Context) -> bool {
        let same = |wanted: &Option<String>, actual: &Option<String>| wanted.is_none() || wanted == actual;
        (self.levels.is_empty() || self.levels.contains(&context.level))
            && same(&self.user_id, &context.user_id)
            && same(&self.agent_id, &context.agent_id)
            && same(&self.session_id, &context.session_id)
            && (!self.sessionless || context.session_id.is_none())
            && (self.tags_any.is_empty() || self.tags_any.iter().any(|tag| context.tags.contains(tag)))
            && self.tags_all.iter().all(|tag| context.tags.contains(tag))
            && self.occurred_after.is_none_or(|after| context.occurred_at >= after)
            && self.occurred_before.is_none_or(|before| context.occurred_at < before)
            && self.min_importance.is_none_or(|least| context.importance >= least)
            && self.matches_metadata(context)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&context.id))
            && (self.derived_from.is_empty() || self.derived_from.iter().any(|id| context.derived_from.contains(id)))
            && self.embedded.is_none_or(|embedded| context.embedded == embedded)
            && (!self.pinned || context.pinned)
            && match self.visibility {
                Visibility::All => true,
                Visibility::Current(now) => context.is_live(now) && context.superseded_by.is_none(),
                Visibility::Live(now) => context.is_live(now),
                Visibility::Expired(now) => !context.is_live(now),
            }
    }

    fn matches_metadata(&self, context: &Context) -> bool {
        if self.metadata.is_empty() {
            return true;
        }
        let facts: std::collections::HashSet<String> = metadata_facts(&context.metadata).into_iter().collect();
        self.metadata.iter().all(|(key, values)| {
            values
                .iter()
                .filter_map(|value| metadata_fact(key, value))
                .any(|f| facts.contains(&f))
        })
    }
}

/// One `key=value` statement about a context, in the form stores index; `None` when the value is not a scalar.
pub fn metadata_fact(key: &str, value: &Value) -> Option<String> {
    let value = match value {
        Value::Null | Value::Bool(_) | Value::String(_) => value.to_string(),
        Value::Number(number) => digits(number),
        Value::Array(_) | Value::Object(_) => return None,
    };
    Some(format!("{key}={value}"))
}

/// The digits of a number, the same for 1, 1.0 and 1e0, and for 0 and -0.0.
fn digits(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => (float + 0.0).to_string(),
        Some(_) | None => number.to_string(),
    }
}

/// Returns whether both hold the same under the same keys, where 1 and 1.0 are one number as they are in filters.
pub(crate) fn same_metadata(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let same = |(key, value): (&String, &Value)| other.get(key).is_some_and(|other| same_value(value, other));
    one.len() == other.len() && one.iter().all(same)
}

/// Returns whether both are the same value, in the sense of [`same_metadata`].
pub(crate) fn same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => digits(one) == digits(other),
        (Value::Object(one), Value::Object(other)) => same_metadata(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        _ => one == other,
    }
}

/// Every statement that the metadata makes: nested keys joined by dots, lists once for each element.
pub fn metadata_facts(metadata: &Map<String, Value>) -> Vec<String> {
    fn collect(key: &str, value: &Value, facts: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                members
                    .iter()
                    .for_each(|(name, value)| collect(&format!("{key}.{name}"), value, facts));
            }
            Value::Array(elements) => elements.iter().for_each(|element| collect(key, element, facts)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                facts.extend(metadata_fact(key, value));
            }
        }
    }
    let mut facts = Vec::new();
    metadata.iter().for_each(|(key, value)| collect(key, value, &mut facts));
    facts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_states_one_fact_a_scalar() {
        let Value::Object(metadata) = json!({"a": 1, "b": {"c": [true, "x"]}, "d": null, "e": 1.0}) else {
            unreachable!()
        };
        assert_eq!(
            metadata_facts(&metadata),
            ["a=1", "b.c=true", "b.c=\"x\"", "d=null", "e=1"]
        );
    }

    #[test]
    fn a_number_is_one_however_it_is_written() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let fact = |text: &str| metadata_fact("n", &value(text));
        for (one, other) in [
            ("0", "-0.0"),
            ("0.0", "-0"),
            ("1", "1.0"),
            ("100", "1e2"),
            ("1e17", "100000000000000000"),
        ] {
            assert_eq!(fact(one), fact(other), "{one} {other}");
            let nested = |text: &str| json!({"a": [{"b": value(text)}]});
            assert!(same_value(&nested(one), &nested(other)), "{one} {other}");
        }
        for (one, other) in [
            ("1", "\"1\""),
            ("9007199254740993", "9007199254740992.0"),
            ("0", "false"),
            ("[1]", "[1,1]"),
        ] {
            assert!(!same_value(&value(one), &value(other)), "{one} {other}");
        }
    }

    #[test]
    fn a_filter_without_conditions_is_empty_whatever_it_sees() {
        let mut filter = Filter {
            visibility: Visibility::Live(Timestamp::UNIX_EPOCH),
            ..Filter::default()
        };
        assert!(filter.is_empty());
        filter.ids = Some(Vec::new());
        assert!(!filter.is_empty());
    }
}
