//! Content of Claude's messages: a text, or a list of blocks.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::intake::Intake;
use super::json::{Text, string};
use super::report::LeftOut;

#[derive(Debug, Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<Text>,
}

/// Returns the texts of a content. Its other blocks are left out.
pub(super) fn text(content: &RawValue, intake: &mut Intake<'_>) -> String {
    if let Some(text) = string(content) {
        return text;
    }
    let blocks: Vec<Block> = serde_json::from_str(content.get()).unwrap_or_default();
    let mut texts = Vec::new();
    for block in blocks {
        match (block.kind.as_str(), block.text) {
            ("text", Some(text)) => texts.push(text.0),
            ("thinking" | "redacted_thinking", _) => intake.leave_out(LeftOut::Reasoning, 1),
            ("image" | "document", _) => intake.leave_out(LeftOut::Attachment, 1),
            (kind, _) if kind.contains("tool") => intake.leave_out(LeftOut::Tool, 1),
            _ => intake.leave_out(LeftOut::Other, 1),
        }
    }
    texts.join("\n")
}
