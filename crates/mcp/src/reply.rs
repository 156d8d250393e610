//! Replies of tools.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::Value;

use crate::memory::Fault;

/// Reply of a tool: the same facts as an object and as a text, as hosts show the model one or the other.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) structured: Value,
    pub(crate) text: String,
}

impl Reply {
    /// Returns a reply whose text is its object's JSON.
    pub(crate) fn of_json(structured: Value) -> Self {
        let text = structured.to_string();
        Self { structured, text }
    }
}

impl From<Reply> for CallToolResult {
    fn from(reply: Reply) -> Self {
        let mut result = Self::success(vec![ContentBlock::text(reply.text)]);
        result.structured_content = Some(reply.structured);
        result
    }
}

impl From<Fault> for CallToolResult {
    fn from(fault: Fault) -> Self {
        Self::error(vec![ContentBlock::text(fault.to_string())])
    }
}
