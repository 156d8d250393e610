//! Flat JSON schemas, as every host accepts them.
//!
//! One schema that a host cannot read takes the tools of all servers of its session away. So there is no `$ref`, no union,
//! no list of types, no `$schema`, no bound: bounds stand in descriptions, and the memory checks them.

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

/// A property of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    name: &'static str,
    kind: Kind,
    description: &'static str,
    is_required: bool,
}

/// Type of a property.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Integer,
    Number,
    Flag,
    Texts,
    OneOf(&'static [&'static str]),
    Objects(&'static [Field]),
}

/// Returns a property that may be left out.
pub(crate) const fn field(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field {
        name,
        kind,
        description,
        is_required: false,
    }
}

/// Returns a property that must be there.
pub(crate) const fn required(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field {
        name,
        kind,
        description,
        is_required: true,
    }
}

/// Returns the schema of an object.
pub(crate) fn object(fields: &[Field]) -> JsonObject {
    let properties = fields.iter().map(|field| (field.name.to_owned(), property(field)));
    let needed = fields.iter().filter(|field| field.is_required);
    let needed: Vec<_> = needed.map(|field| field.name).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Value::Object(properties.collect()));
    if !needed.is_empty() {
        schema.insert("required".to_owned(), needed.into());
    }
    schema
}

fn property(field: &Field) -> Value {
    let description = field.description;
    match field.kind {
        Kind::Text => json!({"type": "string", "description": description}),
        Kind::Integer => json!({"type": "integer", "description": description}),
        Kind::Number => json!({"type": "number", "description": description}),
        Kind::Flag => json!({"type": "boolean", "description": description}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}, "description": description}),
        Kind::OneOf(names) => json!({"type": "string", "enum": names, "description": description}),
        Kind::Objects(fields) => json!({"type": "array", "items": object(fields), "description": description}),
    }
}
