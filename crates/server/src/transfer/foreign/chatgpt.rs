//! Data exports of ChatGPT: `conversations.json`, or several numbered ones. A conversation is a tree of messages, of which the
//! branch that ends in `current_node` is the one that is shown.

use std::collections::HashMap;
use std::path::Path;

use context_manager_core::Moment;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::files;
use super::intake::Intake;
use super::item::{Role, Turn};
use super::json::{Text, each_element, record, string};
use super::report::LeftOut;
use super::time::moment;

pub(super) const FILES: &str = "file `conversations*.json`";

#[derive(Debug, Deserialize)]
struct Conversation<'a> {
    #[serde(rename = "conversation_id")]
    of_itself: Option<String>,
    id: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    create_time: Option<Moment>,
    current_node: Option<String>,
    #[serde(borrow)]
    mapping: HashMap<String, Node<'a>>,
}

#[derive(Debug, Deserialize)]
struct Node<'a> {
    parent: Option<String>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    id: String,
    author: Author,
    #[serde(default, deserialize_with = "moment")]
    create_time: Option<Moment>,
    #[serde(borrow)]
    content: Content<'a>,
    recipient: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
struct Author {
    role: String,
}

#[derive(Debug, Deserialize)]
struct Content<'a> {
    #[serde(rename = "content_type")]
    kind: String,
    text: Option<Text>,
    #[serde(borrow)]
    parts: Option<Vec<&'a RawValue>>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    is_visually_hidden_from_conversation: Option<bool>,
    attachments: Option<Vec<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
struct Part {
    /// Words of a recording.
    text: Option<Text>,
}

/// Meaning of a message.
enum Kind {
    Turn(Role),
    /// Text that the assistant saved in its memory.
    Memory,
    LeftOut(LeftOut),
}

pub(super) fn has(file: &Path) -> bool {
    files::name(file).starts_with("conversations") && files::ends_in(file, "json")
}

pub(super) fn read(file: &Path, intake: &mut Intake<'_>) -> anyhow::Result<()> {
    let Some(reader) = intake.open(file) else {
        return Ok(());
    };
    each_element(reader, "conversation", &["conversations"], intake, &mut conversation)
}

fn conversation(intake: &mut Intake<'_>, _list: &str, json: &RawValue) -> anyhow::Result<()> {
    let Some(conversation) = record::<Conversation<'_>>(json.get().as_bytes(), intake) else {
        return Ok(());
    };
    let messages = conversation.shown();
    let all = conversation
        .mapping
        .values()
        .filter(|node| node.message.is_some())
        .count();
    intake.leave_out(LeftOut::Branch, all - messages.len());
    let Some(session) = conversation.of_itself.or(conversation.id) else {
        intake.fail("has no `conversation_id`");
        return Ok(());
    };
    let (mut position, mut time) = (0, conversation.create_time);
    for json in messages {
        let Some(message) = record::<Message<'_>>(json.get().as_bytes(), intake) else {
            continue;
        };
        time = message.create_time.or(time);
        let kind = message.kind();
        if let Kind::LeftOut(reason) = kind {
            intake.leave_out(reason, 1);
            continue;
        }
        let attached = message.metadata.and_then(|metadata| metadata.attachments);
        let (text, others) = message.content.text();
        intake.leave_out(LeftOut::Attachment, others.max(attached.map_or(0, |all| all.len())));
        let turn = Turn {
            id: message.id,
            session: session.clone(),
            at: time,
            text,
        };
        match kind {
            Kind::Turn(role) => {
                intake.take(turn.message(role, position))?;
                position += 1;
            }
            Kind::Memory => intake.take(turn.memory())?,
            Kind::LeftOut(_) => {}
        }
    }
    Ok(())
}

impl<'a> Conversation<'a> {
    /// Returns the messages of the branch that is shown, oldest first.
    fn shown(&self) -> Vec<&'a RawValue> {
        let mut messages = Vec::new();
        let mut next = self.current_node.as_ref();
        // A node more than once would be a circle.
        for _ in 0..self.mapping.len() {
            let Some(node) = next.and_then(|id| self.mapping.get(id)) else {
                break;
            };
            messages.extend(node.message);
            next = node.parent.as_ref();
        }
        messages.reverse();
        messages
    }
}

impl Message<'_> {
    fn kind(&self) -> Kind {
        let metadata = self.metadata.as_ref();
        let is_hidden = metadata.is_some_and(|metadata| metadata.is_visually_hidden_from_conversation == Some(true));
        let recipient = self.recipient.as_deref().unwrap_or("all");
        match (self.author.role.as_str(), self.content.kind.as_str()) {
            _ if is_hidden => Kind::LeftOut(LeftOut::System),
            ("assistant", _) if recipient == "bio" => Kind::Memory,
            ("tool", _) => Kind::LeftOut(LeftOut::Tool),
            ("assistant", _) if recipient != "all" => Kind::LeftOut(LeftOut::Tool),
            ("assistant", "thoughts" | "reasoning_recap") => Kind::LeftOut(LeftOut::Reasoning),
            ("user", "text" | "multimodal_text") => Kind::Turn(Role::User),
            ("assistant", "text" | "multimodal_text" | "code") => Kind::Turn(Role::Assistant),
            ("user" | "assistant" | "system", _) => Kind::LeftOut(LeftOut::System),
            _ => Kind::LeftOut(LeftOut::Other),
        }
    }
}

impl Content<'_> {
    /// Returns the text, and the number of parts that have none.
    fn text(self) -> (String, usize) {
        let mut texts: Vec<String> = self.text.into_iter().map(|text| text.0).collect();
        let mut others = 0;
        for part in self.parts.unwrap_or_default() {
            let words = || Some(serde_json::from_str::<Part>(part.get()).ok()?.text?.0);
            match string(part).or_else(words) {
                Some(text) => texts.push(text),
                None => others += 1,
            }
        }
        (texts.join("\n"), others)
    }
}
