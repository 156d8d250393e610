//! The last turn in a host's transcript: a file of JSON lines, whose records differ little from host to host.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value;

/// Maximum number of bytes read, from the end.
const TAIL: u64 = 4 * 1024 * 1024;

/// The last prompt in a transcript, and the last message of the assistant after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LastTurn {
    pub(crate) prompt: Option<String>,
    pub(crate) reply: Option<String>,
    /// The last message of the assistant, after the prompt or before it.
    pub(crate) last_reply: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Role {
    User,
    Assistant,
}

impl LastTurn {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(Self::of(&String::from_utf8_lossy(&bytes)))
    }

    fn of(transcript: &str) -> Self {
        let mut turn = Self::default();
        for line in transcript.lines() {
            let Ok(record) = serde_json::from_str(line) else {
                continue;
            };
            match message(&record) {
                Some((Role::User, text)) => {
                    turn = Self {
                        prompt: Some(text),
                        reply: None,
                        last_reply: turn.last_reply,
                    }
                }
                Some((Role::Assistant, text)) => {
                    turn.reply = Some(text.clone());
                    turn.last_reply = Some(text);
                }
                None => {}
            }
        }
        turn
    }
}

/// Returns the message in a record: its own fields, or those of `message`, `payload` or `data`.
fn message(record: &Value) -> Option<(Role, String)> {
    // Claude Code's notes to itself, subagents and summaries.
    let flags = ["isMeta", "isSidechain", "isCompactSummary"];
    if flags.iter().any(|flag| record[flag] == true) {
        return None;
    }
    let body = ["message", "payload", "data"]
        .iter()
        .find_map(|name| record.get(name).filter(|body| body.is_object()))
        .unwrap_or(record);
    let role = [&body["role"], &record["role"], &record["type"]]
        .into_iter()
        .find_map(|role| match role.as_str()? {
            "user" | "user.message" => Some(Role::User),
            "assistant" | "assistant.message" => Some(Role::Assistant),
            _ => None,
        })?;
    let text = text(&body["content"]);
    let text = text.trim();
    (!text.is_empty() && !is_of_the_host(text)).then(|| (role, text.to_owned()))
}

/// Returns a text, or the texts of a list of parts.
fn text(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.filter(|part| matches!(part["type"].as_str(), Some("text" | "input_text" | "output_text")));
    let texts: Vec<&str> = texts.filter_map(|part| part["text"].as_str()).collect();
    texts.join("\n")
}

/// Returns true for texts that a host writes in the user's name.
pub fn is_of_the_host(text: &str) -> bool {
    let beginnings = [
        "<environment_context>",
        "# AGENTS.md instructions",
        "<user_instructions>",
        "<command-name>",
        "<local-command-",
        "<system-reminder>",
    ];
    beginnings.iter().any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(prompt: &str, reply: Option<&str>, last_reply: Option<&str>) -> LastTurn {
        LastTurn {
            prompt: Some(prompt.to_owned()),
            reply: reply.map(str::to_owned),
            last_reply: last_reply.map(str::to_owned),
        }
    }

    #[test]
    fn the_last_turn_of_every_host_is_found() {
        let claude = r#"{"type":"user","message":{"role":"user","content":"old"}}
{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"Old."}]}}
{"type":"user","message":{"role":"user","content":"Which port?"}}
{"type":"assistant","message":{"content":[{"type":"text","text":"Let me look."},{"type":"tool_use","name":"Read","input":{}}]}}
{"type":"user","message":{"content":[{"type":"tool_result","content":"8080"}]}}
{"type":"assistant","isSidechain":true,"message":{"content":[{"type":"text","text":"of a subagent"}]}}
{"type":"assistant","message":{"content":[{"type":"text","text":"Port 8080."}]}}
{"type":"user","isMeta":true,"message":{"content":"meta"}}
{"type":"system","content":"not a message"}"#;
        let codex = r#"{"type":"session_meta","payload":{"id":"1"}}
{"type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>cwd</environment_context>"}]}}
{"type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"Which port?"}]}}
{"type":"response_item","payload":{"type":"reasoning","content":null}}
{"type":"response_item","payload":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Port 8080."}]}}"#;
        let cursor = r#"{"role":"user","message":{"content":[{"type":"text","text":"Which port?"}]}}
{"role":"assistant","message":{"content":[{"type":"text","text":"Port 8080."}]}}"#;
        let copilot = r#"{"type":"session.start","data":{}}
{"type":"user.message","data":{"content":"Which port?"}}
{"type":"assistant.message","data":{"content":"Port 8080."}}"#;
        for transcript in [claude, codex, cursor, copilot] {
            assert_eq!(
                LastTurn::of(transcript),
                turn("Which port?", Some("Port 8080."), Some("Port 8080.")),
                "{transcript}"
            );
        }
    }

    #[test]
    fn an_interrupted_turn_has_no_reply_of_the_turn_before() {
        let transcript = r#"{"role":"user","content":"a"}
{"role":"assistant","content":"A."}
{"role":"user","content":"b"}
{"role":"assis"#;
        assert_eq!(LastTurn::of(transcript), turn("b", None, Some("A.")));
    }

    #[test]
    fn only_the_end_of_a_long_transcript_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.jsonl");
        let line = format!("{{\"role\":\"tool\",\"content\":\"{}\"}}\n", "x".repeat(1_000_000));
        let end = "{\"role\":\"user\",\"content\":\"last\"}\n";
        std::fs::write(&path, [line.repeat(6).as_str(), end].concat()).unwrap();
        assert_eq!(LastTurn::read(&path).unwrap(), turn("last", None, None));
    }
}
