//! Metadata as `key=value` facts, and equality of metadata as filters understand it.

use serde_json::{Map, Number, Value};

/// Returns the fact `key=value` in the form stores index; `None` when the value is not a scalar.
pub(super) fn metadata_fact(key: &str, value: &Value) -> Option<String> {
    let value = match value {
        Value::Null | Value::Bool(_) | Value::String(_) => value.to_string(),
        Value::Number(number) => digits(number),
        Value::Array(_) | Value::Object(_) => return None,
    };
    Some(format!("{key}={value}"))
}

/// Returns the digits of a number, the same for 1, 1.0 and 1e0, and for 0 and -0.0.
fn digits(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => (float + 0.0).to_string(),
        Some(_) | None => number.to_string(),
    }
}

/// Returns `true` if both have equal values under the same keys; 1 and 1.0 are equal, as in filters.
pub(crate) fn same_metadata(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let same = |(key, value): (&String, &Value)| other.get(key).is_some_and(|other| same_value(value, other));
    one.len() == other.len() && one.iter().all(same)
}

/// Returns `true` if both values are equal in the sense of [`same_metadata`].
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

/// Returns all facts of `metadata`: nested keys joined by dots, one fact for each element of a list.
pub(super) fn metadata_facts(metadata: &Map<String, Value>) -> Vec<String> {
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
    fn metadata_has_one_fact_per_scalar() {
        let Value::Object(metadata) = json!({"a": 1, "b": {"c": [true, "x"]}, "d": null, "e": 1.0}) else {
            unreachable!()
        };
        assert_eq!(
            metadata_facts(&metadata),
            ["a=1", "b.c=true", "b.c=\"x\"", "d=null", "e=1"]
        );
    }

    #[test]
    fn equal_numbers_are_equal_in_any_notation() {
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
}
