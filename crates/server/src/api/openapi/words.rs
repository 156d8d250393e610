//! Patterns of ids of users, agents and sessions, of tags, scopes, keys, texts, queries and metadata keys, in the OpenAPI
//! document.
//!
//! Applied by name to the finished document: the attributes of fields and parameters could not reach into arrays.

use utoipa::openapi::schema::{ArrayItems, Object, Schema, Type};
use utoipa::openapi::{ObjectBuilder, OpenApi, RefOr};

use crate::api::route::operations;

/// Fields and parameters with a single word, or a list of words.
const WORDS: [&str; 7] = [
    "user_id",
    "agent_id",
    "session_id",
    "tag",
    "tags",
    "tags_any",
    "tags_all",
];

/// Pattern of a word: not blank, no control characters.
const PATTERN: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";

/// Fields and parameters with the path of a scope, at most 16 segments and 512 characters.
const SCOPES: [&str; 3] = ["scope", "scope_prefix", "prefix"];
const SCOPE_PATTERN: &str = r"^[A-Za-z0-9._@-]+(/[A-Za-z0-9._@-]+){0,15}$";
const MAX_SCOPE_LENGTH: usize = 512;

/// Field and parameter with the key of a context, which is a word too.
const KEY: &str = "key";
const MAX_KEY_LENGTH: usize = 1024;

/// Fields with a text, which is not blank and has no NUL.
const TEXTS: [&str; 2] = ["text", "query"];
const TEXT_PATTERN: &str = r"^[^\x00]*[^\s\x00][^\x00]*$";

/// Field with metadata, whose keys are not empty and have no NUL.
const METADATA: &str = "metadata";
const KEY_PATTERN: &str = r"^[^\x00]+$";

/// Maximum length in characters. The limit is 256 bytes of UTF-8, which JSON Schema cannot express.
const MAX_LENGTH: usize = 256;

/// Adds the patterns to all parameters and schemas.
pub(super) fn describe(api: &mut OpenApi) {
    for (_, operation) in api.paths.paths.values_mut().flat_map(operations) {
        for parameter in operation.parameters.iter_mut().flatten() {
            let RefOr::T(parameter) = parameter else { continue };
            if let Some(schema) = &mut parameter.schema {
                narrow_named(&parameter.name, schema);
            }
        }
    }
    let schemas = api
        .components
        .iter_mut()
        .flat_map(|components| components.schemas.values_mut());
    for schema in schemas {
        let RefOr::T(Schema::Object(object)) = schema else {
            continue;
        };
        for (name, schema) in &mut object.properties {
            if narrow_named(name, schema) {
                continue;
            }
            if TEXTS.contains(&name.as_str())
                && let RefOr::T(Schema::Object(text)) = schema
            {
                text.pattern = Some(TEXT_PATTERN.to_owned());
            } else if name == METADATA
                && let RefOr::T(Schema::Object(metadata)) = schema
            {
                let key = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some(KEY_PATTERN));
                metadata.property_names = Some(Box::new(key.into()));
            }
        }
    }
}

/// Narrows a field or parameter with one of the names above.
fn narrow_named(name: &str, schema: &mut RefOr<Schema>) -> bool {
    match name {
        KEY => narrow(schema, PATTERN, MAX_KEY_LENGTH),
        name if SCOPES.contains(&name) => narrow(schema, SCOPE_PATTERN, MAX_SCOPE_LENGTH),
        name if WORDS.contains(&name) => narrow(schema, PATTERN, MAX_LENGTH),
        _ => return false,
    }
    true
}

fn narrow(schema: &mut RefOr<Schema>, allowed: &str, longest: usize) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let Object {
                min_length,
                max_length,
                pattern,
                ..
            } = object;
            *min_length = Some(1);
            *max_length = Some(longest);
            *pattern = Some(allowed.to_owned());
        }
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                narrow(items, allowed, longest);
            }
        }
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}
