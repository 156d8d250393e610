//! The tools of agents, over HTTP and over standard input and output.

pub(crate) mod http;
mod stdio;

use serde_json::{Value, json};

/// A call of a tool.
pub(crate) fn tool_call(tool: &str, arguments: &Value) -> (&'static str, Value) {
    ("tools/call", json!({"name": tool, "arguments": arguments}))
}

/// The text of a tool's result.
pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}
