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
enum Meaning {
    Turn(Role),
    /// A text that the assistant saved in its memory.
    Memory,
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
    let Some(mut conversation) = record::<Conversation<'_>>(json.get().as_bytes(), intake) else {
        return Ok(());
    };
    let messages = conversation.take_shown();
    let others = conversation.mapping.into_values();
    intake.leave_out(LeftOut::Branch, others.filter(|node| node.message.is_some()).count());
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
        let meaning = match message.meaning() {
            Ok(meaning) => meaning,
            Err(reason) => {
                intake.leave_out(reason, 1);
                continue;
            }
        };
        let attached = message.metadata.and_then(|metadata| metadata.attachments);
        let (text, others) = message.content.text();
        intake.leave_out(LeftOut::Attachment, others.max(attached.map_or(0, |all| all.len())));
        let turn = Turn {
            id: message.id,
            session: session.clone(),
            at: time,
            text,
        };
        match meaning {
            Meaning::Turn(role) => {
                intake.take(turn.message(role, position))?;
                position += 1;
            }
            Meaning::Memory => intake.take(turn.memory())?,
        }
    }
    Ok(())
}

impl<'a> Conversation<'a> {
    /// Takes the messages of the branch that is shown, oldest first. In a circle, which is no tree, it ends.
    fn take_shown(&mut self) -> Vec<&'a RawValue> {
        let mut messages = Vec::new();
        let mut next = self.current_node.take();
        while let Some(node) = next.and_then(|id| self.mapping.remove(&id)) {
            messages.extend(node.message);
            next = node.parent;
        }
        messages.reverse();
        messages
    }
}

impl Message<'_> {
    fn meaning(&self) -> Result<Meaning, LeftOut> {
        let metadata = self.metadata.as_ref();
        let is_hidden = metadata.is_some_and(|metadata| metadata.is_visually_hidden_from_conversation == Some(true));
        let recipient = self.recipient.as_deref().unwrap_or("all");
        match (self.author.role.as_str(), self.content.kind.as_str()) {
            _ if is_hidden => Err(LeftOut::System),
            ("assistant", _) if recipient == "bio" => Ok(Meaning::Memory),
            ("tool", _) => Err(LeftOut::Tool),
            ("assistant", _) if recipient != "all" => Err(LeftOut::Tool),
            ("assistant", "thoughts" | "reasoning_recap") => Err(LeftOut::Reasoning),
            ("user", "text" | "multimodal_text") => Ok(Meaning::Turn(Role::User)),
            ("assistant", "text" | "multimodal_text" | "code") => Ok(Meaning::Turn(Role::Assistant)),
            ("user" | "assistant" | "system", _) => Err(LeftOut::System),
            _ => Err(LeftOut::Other),
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
