//! Tools as hosts read them.

use serde_json::{Value, json};

use crate::host::Host;

/// Keywords that some host refuses, or drops in silence.
const REFUSED: [&str; 21] = [
    "$ref",
    "$defs",
    "definitions",
    "$schema",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "default",
    "additionalProperties",
];

fn walk(place: &str, schema: &Value) {
    for keyword in REFUSED {
        assert!(schema.get(keyword).is_none(), "{place} has {keyword}");
    }
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().unwrap();
            for (name, property) in properties {
                let described = property["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described, "{place}/{name} is not described");
                walk(&format!("{place}/{name}"), property);
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(properties.contains_key(name.as_str().unwrap()), "{place} has no {name}");
            }
        }
        Some("array") => walk(&format!("{place}[]"), &schema["items"]),
        Some("string") => {
            let names = schema["enum"].as_array().into_iter().flatten();
            assert!(names.into_iter().all(Value::is_string), "{place}");
        }
        Some("integer" | "number" | "boolean") => {}
        other => panic!("{place} has the type {other:?}"),
    }
}

#[tokio::test]
async fn every_host_can_read_the_tools() {
    let listed = Host::start().await.ask("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap().clone();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let expected = [
        "memory_search",
        "memory_get",
        "memory_store",
        "memory_update",
        "memory_forget",
        "memory_context",
        "memory_list",
        "memory_status",
        "search",
        "fetch",
    ];
    assert_eq!(names, expected);
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        let description = tool["description"].as_str().unwrap();
        assert!((50..2000).contains(&description.len()), "{name}: {}", description.len());
        for part in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[part]["type"], "object", "{name}");
            walk(&format!("{name}/{part}"), &tool[part]);
        }
        for identity in ["tenant", "user_id", "agent_id", "project", "key"] {
            assert!(
                tool["inputSchema"]["properties"].get(identity).is_none(),
                "{name} takes {identity}"
            );
        }
        let hints = &tool["annotations"];
        let reads = !["memory_store", "memory_update", "memory_forget"].contains(&name);
        assert_eq!(hints["readOnlyHint"], reads, "{name}");
        assert_eq!(
            hints["destructiveHint"],
            ["memory_update", "memory_forget"].contains(&name),
            "{name}"
        );
        assert_eq!(hints["openWorldHint"], false, "{name}");
    }
}

#[tokio::test]
async fn a_reply_has_the_fields_that_its_schema_names() {
    let mut host = Host::start().await;
    let id = host.notes.add("Ann likes tea.", Some("ann"), None);
    let listed = host.ask("tools/list", json!({})).await;
    let calls = [
        ("memory_search", json!({"query": "tea"})),
        ("memory_get", json!({"ids": [id]})),
        ("memory_store", json!({"text": "Ann likes coffee."})),
        ("memory_update", json!({"id": id, "text": "Ann loves tea."})),
        ("memory_context", json!({"query": "tea"})),
        ("memory_list", json!({"limit": 1})),
        ("search", json!({"query": "tea"})),
        ("fetch", json!({"id": id})),
        ("memory_forget", json!({"ids": [id]})),
    ];
    for (name, arguments) in calls {
        let result = host.call(name, arguments).await;
        let tools = listed["result"]["tools"].as_array().unwrap();
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        fits(name, &tool["outputSchema"], Host::structured(&result));
        assert!(!Host::text(&result).is_empty());
    }
}

/// Checks a value against a flat schema, which names every field.
fn fits(place: &str, schema: &Value, value: &Value) {
    let kind = schema["type"].as_str().unwrap();
    let right = match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        _ => value.is_number(),
    };
    assert!(right, "{place} is no {kind}: {value}");
    for (name, value) in value.as_object().into_iter().flatten() {
        fits(&format!("{place}/{name}"), &schema["properties"][name], value);
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{place} lacks {name}");
    }
    for value in value.as_array().into_iter().flatten() {
        fits(&format!("{place}[]"), &schema["items"], value);
    }
}
