//! The text and the role of a message.

use serde_json::{Map, Value};

use super::message::{MAX_MESSAGE_BYTES, MAX_ROLE_BYTES};
use super::validate::{MAX_TEXT_BYTES, Violations};

/// Parts of a message that the server understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    /// Role, as sent or by the type of the item.
    pub role: String,
    /// Text to search: of the content and its parts, of tool calls and their results, or the whole message where there is
    /// none. Longer ones are cut to the size of a text; the message itself is kept whole.
    pub text: String,
}

/// Reads a message.
///
/// # Errors
/// Everything that is wrong, with pointers below `pointer`.
pub fn read_message(message: &Map<String, Value>, json: &str, pointer: &str) -> Result<MessageText, Violations> {
    let mut found = Violations::default();
    found.limit_bytes(pointer, "the message", json.len(), MAX_MESSAGE_BYTES);
    let role = match (message.get("role"), message.get("type").and_then(Value::as_str)) {
        (Some(Value::String(role)), _) => {
            found.word(format!("{pointer}/role"), role, MAX_ROLE_BYTES);
            role.as_str()
        }
        (Some(_), _) => {
            found.invalid(format!("{pointer}/role"), "must be a string");
            ""
        }
        // Items of an agent's run that are no turns: calls of tools, their results, reasoning.
        (None, Some(kind)) if kind.ends_with("_output") => "tool",
        (None, Some(_)) => "assistant",
        (None, None) => {
            found.invalid(format!("{pointer}/role"), "is required");
            ""
        }
    };
    match message.get("content") {
        None | Some(Value::Null | Value::String(_) | Value::Array(_)) => {}
        Some(_) => found.invalid(
            format!("{pointer}/content"),
            "must be a string or a list of content parts",
        ),
    }
    let role = role.to_owned();
    found.into_result()?;
    let mut texts = Vec::new();
    for field in ["content", "summary", "output", "tool_calls"] {
        if let Some(value) = message.get(field) {
            collect(value, &mut texts);
        }
    }
    if message.get("arguments").is_some() {
        collect(&Value::Object(message.clone()), &mut texts);
    }
    // A text has no NUL. The message keeps its own.
    let text = texts.join("\n").replace('\0', " ");
    let text = if text.trim().is_empty() { json } else { text.trim() };
    Ok(MessageText {
        role,
        text: cut(text, MAX_TEXT_BYTES).trim().to_owned(),
    })
}

/// Returns the text of a query's message.
pub fn message_text(content: &Value) -> String {
    let mut texts = Vec::new();
    collect(content, &mut texts);
    texts.join("\n")
}

/// Collects the texts of content, in order: strings, text parts, and calls of functions as `name arguments`.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.trim().is_empty() => texts.push(text.clone()),
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, texts)),
        Value::Object(part) => {
            if let Some(function) = part.get("function") {
                collect(function, texts);
            } else if let Some(name) = part.get("name").and_then(Value::as_str) {
                let arguments = part.get("arguments").or_else(|| part.get("input"));
                let arguments = arguments.map(|arguments| match arguments {
                    Value::String(text) => text.clone(),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                        arguments.to_string()
                    }
                });
                texts.push(format!("{name} {}", arguments.unwrap_or_default()).trim().to_owned());
            }
            for field in ["text", "content", "refusal", "output", "result"] {
                if let Some(value) = part.get(field) {
                    collect(value, texts);
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Cuts a text to at most `bytes`, at the end of a character.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(message: &Value) -> Result<MessageText, Violations> {
        let map = message.as_object().cloned().unwrap_or_default();
        read_message(&map, &message.to_string(), "/messages/0")
    }

    #[test]
    fn texts_of_all_forms_are_found() {
        for (message, role, text) in [
            (json!({"role": "user", "content": " hi \n"}), "user", "hi"),
            (
                json!({"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "input_text", "text": "this"}]}),
                "user",
                "see\nthis",
            ),
            (
                json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Rome\"}"}}]}),
                "assistant",
                "weather {\"city\":\"Rome\"}",
            ),
            (
                json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "grep", "input": {"q": 1}}]}),
                "assistant",
                "grep {\"q\":1}",
            ),
            (
                json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "3 lines"}]}),
                "user",
                "3 lines",
            ),
            (
                json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
                "assistant",
                "f {}",
            ),
            (
                json!({"type": "function_call_output", "call_id": "c", "output": "42"}),
                "tool",
                "42",
            ),
        ] {
            let found = read(&message).unwrap();
            assert_eq!((found.role.as_str(), found.text.as_str()), (role, text), "{message}");
        }
        let nothing = json!({"role": "assistant", "content": ""});
        assert_eq!(read(&nothing).unwrap().text, nothing.to_string());
    }

    #[test]
    fn long_contents_are_cut_for_the_search_alone() {
        let message = json!({"role": "tool", "content": "ä".repeat(MAX_TEXT_BYTES)});
        assert_eq!(read(&message).unwrap().text.len(), MAX_TEXT_BYTES);
    }

    #[test]
    fn problems_are_named() {
        for (message, pointer) in [
            (json!({"content": "x"}), "/messages/0/role"),
            (json!({"role": 1, "content": "x"}), "/messages/0/role"),
            (json!({"role": "", "content": "x"}), "/messages/0/role"),
            (json!({"role": "user", "content": {"text": "x"}}), "/messages/0/content"),
            (
                json!({"role": "user", "content": "x".repeat(MAX_MESSAGE_BYTES)}),
                "/messages/0",
            ),
        ] {
            let found = read(&message).unwrap_err();
            assert_eq!(found.iter().next().unwrap().pointer, pointer);
        }
    }
}
