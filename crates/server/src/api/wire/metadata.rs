//! Metadata on its way in.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::read_value;

/// Any JSON value, refused where it would not come back as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Exact(pub(super) Value);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        read_value(text.get()).map(Self).map_err(D::Error::custom)
    }
}

/// An object of such values, in the order sent.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Metadata(pub(super) Map<String, Value>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
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
