//! Metadata, whose values come back exactly as they were sent.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::numbers;

/// Any JSON value. Reading refuses numbers that would be rounded and keys given twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Exact(pub Value);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let read = AnyValue.deserialize(&mut serde_json::Deserializer::from_str(text.get()));
        let value = read.map_err(|error| {
            let message = error.to_string();
            // The position within the value; the outer reader adds that within the body.
            let end = message.rfind(" at line ").unwrap_or(message.len());
            D::Error::custom(&message[..end])
        })?;
        if !numbers::all_come_back(text.get()) {
            return Err(D::Error::custom("number out of range"));
        }
        Ok(Self(value))
    }
}

/// An object of exact values, in the order sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Metadata(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
    }
}

impl From<Map<String, Value>> for Metadata {
    fn from(values: Map<String, Value>) -> Self {
        Self(values)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut metadata = Map::new();
        while let Some((key, Exact(value))) = map.next_entry()? {
            metadata.insert(key, value);
        }
        Ok(Metadata(metadata))
    }
}

/// Reads a [`Value`] as `serde_json` does, but refuses a key given twice.
struct AnyValue;

macro_rules! scalars {
    ($($method:ident: $value:ty),*) => {$(
        fn $method<E>(self, value: $value) -> Result<Value, E> {
            Ok(value.into())
        }
    )*};
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str, visit_string: String);

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if values.contains_key(&key) {
                return Err(A::Error::custom("is given twice"));
            }
            values.insert(key, map.next_value_seed(Self)?);
        }
        Ok(values.into())
    }
}

impl<'de> DeserializeSeed<'de> for AnyValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}
