//! Schemas in the shapes that every generator of clients reads.
//!
//! Derived schemas say `allOf` for flattened fields and `oneOf` with `null` for optional ones. Generators take the one for
//! inheritance or drop the operation, and make a union type of the other. They drop bodies of JSON lines too, unless these
//! are files.

use serde_json::{Map, Value, json};

/// Replaces `allOf` by one object, `oneOf` with `null` by a nullable type, and JSON lines by a file.
pub(super) fn flatten(document: &mut Value) {
    let schemas = match document.pointer("/components/schemas") {
        Some(Value::Object(schemas)) => schemas.clone(),
        _ => return,
    };
    visit(document, &schemas);
}

fn visit(value: &mut Value, schemas: &Map<String, Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, schemas)),
        Value::Object(fields) => {
            if let Some(Value::Array(parts)) = fields.remove("allOf") {
                merge(fields, parts, schemas);
            }
            if let Some(part) = beside_null(fields) {
                fields.remove("oneOf");
                fields.extend(nullable(part, schemas));
            }
            for media in ["application/x-ndjson", "application/octet-stream"] {
                if let Some(lines) = fields.get_mut(media) {
                    lines["schema"] = json!({"type": "string", "format": "binary"});
                }
            }
            fields.values_mut().for_each(|field| visit(field, schemas));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Makes an object with the properties of all parts.
fn merge(object: &mut Map<String, Value>, parts: Vec<Value>, schemas: &Map<String, Value>) {
    let mut properties = Map::new();
    let mut required = Vec::new();
    // The last is the field's own.
    if let Some(description) = parts.iter().rev().find_map(|part| part.get("description")) {
        object.entry("description").or_insert_with(|| description.clone());
    }
    for part in parts {
        let mut part = match referenced(&part, schemas) {
            Some(schema) => schema.clone(),
            None => part,
        };
        if let Some(Value::Object(more)) = part.get_mut("properties").map(Value::take) {
            properties.extend(more);
        }
        if let Some(Value::Array(more)) = part.get_mut("required").map(Value::take) {
            required.extend(more);
        }
    }
    object.insert("type".to_owned(), json!("object"));
    object.insert("required".to_owned(), required.into());
    object.insert("properties".to_owned(), properties.into());
}

/// Returns the other part of a choice between one schema and `null`.
fn beside_null(fields: &Map<String, Value>) -> Option<Value> {
    let parts = fields.get("oneOf")?.as_array()?;
    let is_null = |part: &&Value| part["type"] == "null";
    match parts.iter().find(|part| !is_null(part)) {
        Some(part) if parts.len() == 2 && parts.iter().any(|part| is_null(&part)) => Some(part.clone()),
        _ => None,
    }
}

/// Allows `null` beside the scalar that a reference names. A reference to an object stays: in answers such an object is left
/// out rather than `null`, and in requests it may be.
fn nullable(part: Value, schemas: &Map<String, Value>) -> Map<String, Value> {
    let Value::Object(mut part) = part else {
        return Map::new();
    };
    let scalar = part
        .get("$ref")
        .and_then(|_| referenced(&Value::Object(part.clone()), schemas));
    if let Some(Value::Object(scalar)) = scalar
        && let Some(Value::String(kind)) = scalar.get("type")
        && kind != "object"
    {
        part.remove("$ref");
        for (name, value) in scalar {
            part.entry(name).or_insert_with(|| value.clone());
        }
        part.insert("type".to_owned(), json!([kind, "null"]));
        if let Some(Value::Array(values)) = part.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    part
}

fn referenced<'a>(schema: &Value, schemas: &'a Map<String, Value>) -> Option<&'a Value> {
    let name = schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")?;
    schemas.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattened_and_optional_fields_take_the_shapes_that_generators_read() {
        let mut document = json!({
            "components": {"schemas": {
                "Level": {"type": "string", "description": "Level.", "enum": ["immediate", "long_term"]},
                "Context": {
                    "type": "object", "required": ["id"],
                    "properties": {"id": {"type": "string"}, "level": {"oneOf": [{"$ref": "#/components/schemas/Level", "description": "Its level."}, {"type": "null"}]}},
                },
                "Found": {
                    "description": "A context that was found.",
                    "allOf": [
                        {"$ref": "#/components/schemas/Context"},
                        {"type": "object", "required": ["score"], "properties": {"score": {"type": "number"}}},
                    ],
                },
                "Answer": {"type": "object", "properties": {"best": {"oneOf": [{"$ref": "#/components/schemas/Found"}, {"type": "null"}]}}},
                "Query": {"oneOf": [{"type": "string"}, {"type": "array"}]},
            }},
        });
        flatten(&mut document);
        let level =
            json!({"description": "Its level.", "type": ["string", "null"], "enum": ["immediate", "long_term", null]});
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Context"]["properties"]["level"], level);
        assert_eq!(
            schemas["Found"],
            json!({
                "description": "A context that was found.", "type": "object", "required": ["id", "score"],
                "properties": {"id": {"type": "string"}, "level": level, "score": {"type": "number"}},
            })
        );
        assert_eq!(
            schemas["Answer"]["properties"]["best"],
            json!({"$ref": "#/components/schemas/Found"})
        );
        assert_eq!(
            schemas["Query"],
            json!({"oneOf": [{"type": "string"}, {"type": "array"}]})
        );
    }
}
