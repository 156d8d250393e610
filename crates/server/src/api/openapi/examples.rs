//! Examples of calls. A test makes each of them against a real server, in this order.

use serde::Deserialize;
use serde_json::{Map, Value};

const EXAMPLES: &str = include_str!("examples.json");

/// A call and its answer.
#[derive(Debug, Deserialize)]
struct Example {
    operation: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    request: Option<Value>,
    status: u16,
    response: Option<Value>,
}

/// Adds to each operation its first example.
pub(super) fn add(document: &mut Value) {
    let examples: Vec<Example> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let Some(Value::Object(paths)) = document.get_mut("paths") else {
        return;
    };
    for operation in paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(|item| item.values_mut())
    {
        let id = operation["operationId"].clone();
        if let Some(example) = examples.iter().find(|example| id == example.operation.as_str()) {
            example.describe(operation);
        }
    }
}

impl Example {
    fn describe(&self, operation: &mut Value) {
        for parameter in operation
            .get_mut("parameters")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let value = parameter["name"].as_str().and_then(|name| self.parameters.get(name));
            if let Some(value) = value {
                parameter["example"] = value.clone();
            }
        }
        put(operation.get_mut("requestBody"), self.request.as_ref());
        put(
            operation["responses"].get_mut(self.status.to_string()),
            self.response.as_ref(),
        );
    }
}

/// Puts the example beside the schema of a body.
fn put(body: Option<&mut Value>, example: Option<&Value>) {
    if let (Some(body), Some(example)) = (body, example)
        && let Some(Value::Object(content)) = body.get_mut("content")
    {
        for kind in content.values_mut() {
            kind["example"] = example.clone();
        }
    }
}
