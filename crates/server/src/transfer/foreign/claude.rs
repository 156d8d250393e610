//! Data exports of Claude: `conversations.json`, and `memories.json` with what it remembers of them, in prose.

use std::collections::BTreeMap;
use std::path::Path;

use context_manager_core::Moment;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, json};

use super::blocks;
use super::files;
use super::intake::Intake;
use super::item::{Role, Turn};
use super::json::{Text, each_element, record};
use super::notes;
use super::report::LeftOut;
use super::time::moment;

pub(super) const FILES: &str = "file `conversations*.json` or `memories*.json`";

#[derive(Debug, Deserialize)]
struct Conversation<'a> {
    uuid: String,
    #[serde(borrow)]
    chat_messages: Vec<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    uuid: String,
    sender: String,
    text: Option<Text>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "moment")]
    created_at: Option<Moment>,
    attachments: Option<Vec<IgnoredAny>>,
    files: Option<Vec<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
struct Memories {
    conversations_memory: Option<Text>,
    /// By the id of the project.
    project_memories: Option<BTreeMap<String, Text>>,
}

pub(super) fn has(file: &Path) -> bool {
    files::ends_in(file, "json") && (files::name(file).starts_with("conversations") || is_memories(file))
}

/// Returns `true` for `memories.json` and for the files in a folder `memories`.
fn is_memories(file: &Path) -> bool {
    let in_memories = file.parent().is_some_and(|folder| files::name(folder) == "memories");
    files::name(file).starts_with("memories") || in_memories
}

pub(super) fn read(file: &Path, intake: &mut Intake<'_>) -> anyhow::Result<()> {
    let Some(reader) = intake.open(file) else {
        return Ok(());
    };
    if is_memories(file) {
        return match files::text(reader) {
            Ok(text) => memories(&text, intake),
            Err(error) => {
                intake.fail(error);
                Ok(())
            }
        };
    }
    each_element(reader, "conversation", &["conversations"], intake, &mut conversation)
}

fn conversation(intake: &mut Intake<'_>, _list: &str, json: &RawValue) -> anyhow::Result<()> {
    let Some(conversation) = record::<Conversation<'_>>(json.get().as_bytes(), intake) else {
        return Ok(());
    };
    let mut position = 0;
    for json in conversation.chat_messages {
        let Some(message) = record::<Message<'_>>(json.get().as_bytes(), intake) else {
            continue;
        };
        let role = match message.sender.as_str() {
            "human" | "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => {
                intake.leave_out(LeftOut::Other, 1);
                continue;
            }
        };
        let attached = [message.attachments, message.files].into_iter().flatten();
        intake.leave_out(LeftOut::Attachment, attached.map(|all| all.len()).sum());
        let mut text = message
            .content
            .map(|content| blocks::text(content, intake))
            .unwrap_or_default();
        if text.trim().is_empty() {
            // Exports of before 2025 have no content.
            text = message.text.unwrap_or_default().0;
        }
        let turn = Turn {
            id: message.uuid,
            session: conversation.uuid.clone(),
            at: message.created_at,
            text,
        };
        intake.take(turn.message(role, position))?;
        position += 1;
    }
    Ok(())
}

/// Reads memories: those of an account, or a list of them.
fn memories(text: &str, intake: &mut Intake<'_>) -> anyhow::Result<()> {
    let one_or_all = if text.trim_start().starts_with('[') {
        record(text.as_bytes(), intake)
    } else {
        record(text.as_bytes(), intake).map(|one| vec![one])
    };
    let all: Vec<Memories> = one_or_all.unwrap_or_default();
    for memories in all {
        if let Some(page) = memories.conversations_memory {
            notes::take(&page.0, &Map::new(), intake)?;
        }
        for (project, page) in memories.project_memories.unwrap_or_default() {
            let metadata = Map::from_iter([("claude_project".to_owned(), json!(project))]);
            notes::take(&page.0, &metadata, intake)?;
        }
    }
    Ok(())
}
