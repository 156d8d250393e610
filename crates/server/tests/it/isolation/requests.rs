//! Requests generated from the OpenAPI document, with every field that can name somebody's data filled.
//!
//! The name of a field decides its values. An unknown name fails the test, so that every new field and route says which
//! value another tenant would send.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Somebody whose data a request asks for.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) ids: Vec<String>,
    pub(super) user_id: String,
    pub(super) agent_id: String,
    pub(super) session_id: String,
    pub(super) scope: String,
    pub(super) document_id: String,
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) operation: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

/// Operations that concern the server as a whole: their answers depend on earlier calls of any tenant.
pub(super) const OF_THE_SERVER: [&str; 10] = [
    "create_key",
    "create_snapshot",
    "get_log_filter",
    "list_audit",
    "list_keys",
    "list_snapshots",
    "restore_snapshot",
    "revoke_key",
    "rotate_key",
    "verify_snapshot",
];

/// A file of somebody.
pub(super) const FILE: &str = "/memories/vault.md";

/// An answer without an end; `events_of_one_are_not_told_to_another` has it.
const STREAM: &str = "stream_events";

/// Every call worth making of every operation below `/api/v1`, reads first, so that what writes leave does not hide
/// anything from them.
pub(super) fn all(document: &Value, subject: &Subject) -> Vec<Call> {
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1/") {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            if operation["operationId"] == STREAM {
                continue;
            }
            calls.extend(calls_of(document, subject, path, method, operation));
        }
    }
    let rank = |call: &Call| {
        ["GET", "PUT", "PATCH", "DELETE", "POST"]
            .iter()
            .position(|method| *method == call.method)
    };
    calls.sort_by_key(rank);
    calls
}

fn calls_of(document: &Value, subject: &Subject, path: &str, method: &str, operation: &Value) -> Vec<Call> {
    let name = operation["operationId"].as_str().unwrap();
    let mut filled = path.to_owned();
    let mut queries = vec![String::new()];
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter_name = parameter["name"].as_str().unwrap();
        if parameter_name == "cursor" {
            // A cursor is not a name; `a_cursor_of_another_tenant_shows_nothing` has it.
            continue;
        }
        let value = text(&subject.value(name, parameter_name));
        match parameter["in"].as_str().unwrap() {
            "path" => filled = filled.replace(&format!("{{{parameter_name}}}"), &value),
            "query" => queries.push(format!("?{parameter_name}={value}")),
            other => panic!("{name}: no rule for a parameter in {other}"),
        }
    }
    let bodies = bodies(document, subject, operation);
    let call = |query: &String, body: &Option<Value>| Call {
        operation: name.to_owned(),
        method: method.to_uppercase(),
        path: format!("{filled}{query}"),
        body: body.clone(),
    };
    queries
        .iter()
        .flat_map(|query| bodies.iter().map(move |body| (query, body)))
        .map(|(query, body)| call(query, body))
        .collect()
}

fn bodies(document: &Value, subject: &Subject, operation: &Value) -> Vec<Option<Value>> {
    let Some(content) = operation["requestBody"]["content"].as_object() else {
        return vec![None];
    };
    let name = operation["operationId"].as_str().unwrap();
    if name == "import_contexts" {
        return vec![Some(Value::String(subject.export()))];
    }
    if name == "run_file_command" {
        return subject.file_commands().into_iter().map(Some).collect();
    }
    let schema = &content
        .get("application/json")
        .unwrap_or_else(|| panic!("{name}: no rule for a body of the types {:?}", content.keys()))["schema"];
    let objects = objects(document, subject, name, schema);
    objects.into_iter().map(Some).collect()
}

/// An object with what is required, one for every way to fill every other field, and one with all of them.
fn objects(document: &Value, subject: &Subject, operation: &str, schema: &Value) -> Vec<Value> {
    let (properties, required) = properties(document, schema);
    let mut least = Map::new();
    let mut optional = Vec::new();
    for (name, schema) in properties {
        let values = values(document, subject, operation, &name, &schema);
        if required.contains(&name) {
            least.insert(name, values[0].clone());
        } else {
            optional.push((name, values));
        }
    }
    let mut all = vec![least.clone()];
    let mut full = least.clone();
    for (name, values) in &optional {
        full.insert(name.clone(), values[values.len() - 1].clone());
        for value in values {
            let mut object = least.clone();
            object.insert(name.clone(), value.clone());
            all.push(object);
        }
    }
    all.push(full);
    all.into_iter().map(Value::Object).collect()
}

/// Values of a field.
fn values(document: &Value, subject: &Subject, operation: &str, name: &str, schema: &Value) -> Vec<Value> {
    match name {
        "filter" if operation == "set_log_filter" => vec![json!("info")],
        "filter" => objects(document, subject, operation, reference(schema)),
        // Not described further by the document, as each may be wrong by itself.
        "contexts" => {
            let item = json!({"$ref": "#/components/schemas/NewContext"});
            let contexts = objects(document, subject, operation, &item);
            vec![Value::Array(contexts)]
        }
        _ => vec![subject.value(operation, name)],
    }
}

/// The properties of a schema, those it refers to or is made of included, and which are required.
fn properties(document: &Value, schema: &Value) -> (Vec<(String, Value)>, Vec<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(pointer) => document.pointer(pointer.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let mut found = Vec::new();
    let mut required: Vec<String> = Vec::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (inner, needed) = properties(document, part);
        found.extend(inner);
        required.extend(needed);
    }
    let own = schema["properties"].as_object().into_iter().flatten();
    found.extend(own.map(|(name, schema)| (name.clone(), schema.clone())));
    let own = schema["required"].as_array().into_iter().flatten();
    required.extend(own.filter_map(Value::as_str).map(str::to_owned));
    (found, required)
}

/// The one schema that an optional field refers to.
fn reference(schema: &Value) -> &Value {
    let alternatives = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    alternatives
        .into_iter()
        .flatten()
        .find(|alternative| alternative.get("$ref").is_some())
        .unwrap_or(schema)
}

impl Subject {
    /// An export with a context of each id, as if it were the importing tenant's own.
    fn export(&self) -> String {
        let mut lines = vec![
            json!({"header": {"format": 1, "model": {"name": "other", "dimensions": 8, "probe": ""}, "vectors": false}})
                .to_string(),
        ];
        for (at, id) in self.ids.iter().enumerate() {
            let time = "2026-01-01T00:00:00Z";
            let context = json!({
                "id": id, "text": format!("the code of the vault, number {at}"), "level": "long_term",
                "user_id": self.user_id, "agent_id": self.agent_id, "session_id": self.session_id, "tags": ["vault"],
                "metadata": {"kind": "vault"}, "importance": 0.5, "pinned": false, "access_count": 0,
                "occurred_at": time, "created_at": time, "updated_at": time, "last_accessed_at": null,
                "expires_at": null, "ttl_secs": null, "embedding_status": "ready", "derived_from": [],
                "superseded_by": null, "sequence": at, "position": null,
            })
            .to_string();
            let sha256 = format!("{:x}", Sha256::digest(&context));
            lines.push(format!(r#"{{"context":{context},"sha256":"{sha256}"}}"#));
        }
        lines.join("\n")
    }

    /// Every command of the memory tool: on files of nobody, of the user, of the scope.
    fn file_commands(&self) -> Vec<Value> {
        let commands = [
            json!({"command": "view", "path": "/memories"}),
            json!({"command": "view", "path": FILE}),
            json!({"command": "create", "path": FILE, "file_text": "the code of the vault is unknown"}),
            json!({"command": "str_replace", "path": FILE, "old_str": "code", "new_str": "key"}),
            json!({"command": "insert", "path": FILE, "insert_line": 0, "insert_text": "# Vault"}),
            json!({"command": "rename", "old_path": FILE, "new_path": "/memories/other.md"}),
            json!({"command": "delete", "path": FILE}),
            json!({"command": "delete", "path": "/memories/other.md"}),
        ];
        let owners = [
            json!({}),
            json!({"user_id": self.user_id}),
            json!({"scope": self.scope}),
            json!({"user_id": self.user_id, "scope": self.scope}),
        ];
        let mut all = Vec::new();
        for owner in &owners {
            for command in &commands {
                let mut body = command.clone();
                for (name, value) in owner.as_object().into_iter().flatten() {
                    body[name] = value.clone();
                }
                all.push(body);
            }
        }
        all
    }

    fn value(&self, operation: &str, name: &str) -> Value {
        match name {
            "id" if operation.contains("document") => json!(self.document_id),
            "format" if operation.contains("document") => json!("text"),
            "id" => json!(self.ids[0]),
            "ids" | "supersedes" => json!(self.ids),
            "user_id" => json!(self.user_id),
            "agent_id" => json!(self.agent_id),
            "session_id" => json!(self.session_id),
            "scope" | "scope_prefix" | "prefix" => json!(self.scope),
            "key" => json!("code"),
            "depth" => json!(3),
            "document_id" => json!(self.document_id),
            "title" => json!("the vault"),
            "neighbours" => json!(1),
            "origin" | "role" => json!("user"),
            "origins" => json!(["user"]),
            "messages" => json!([{"role": "user", "content": "what is the code of the vault"}]),
            "text" | "query" => json!("what is the code of the vault"),
            "tag" => json!("vault"),
            "tags" | "tags_any" | "tags_all" => json!(["vault"]),
            "metadata" => json!({"kind": "vault"}),
            "level" => json!("long_term"),
            "levels" => json!(["immediate", "short_term", "long_term"]),
            "limit" => json!(100),
            "max_tokens" => json!(1000),
            "min_score" | "min_importance" => json!(0.0),
            "mode" => json!("lexical"),
            "language" => json!("en"),
            "deadline_ms" => json!(5000),
            "diversity" | "importance" => json!(0.5),
            "explain" | "include_superseded" | "pinned" | "vectors" | "accept_erased" => json!(true),
            "dry_run" => json!(false),
            "tenant" => json!("globex"),
            "permissions" => json!(["read"]),
            "grace_secs" => json!(60),
            "name" => json!("2026-01-01T00-00-00.000Z"),
            "ttl_secs" => json!(600),
            "occurred_at" => json!("2026-01-01T00:00:00Z"),
            "occurred_after" => json!("2000-01-01T00:00:00Z"),
            "occurred_before" | "expires_at" => json!("2100-01-01T00:00:00Z"),
            "format" => json!("json"),
            "order" => json!("chronological"),
            _ => panic!("{operation}: say here what another tenant would put into `{name}`"),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
