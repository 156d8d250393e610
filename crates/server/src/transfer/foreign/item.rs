//! A memory or message of an export, on its way to a context.

use context_manager_core::context::{
    Context, ContextId, MAX_MESSAGE_BYTES, MAX_TEXT_BYTES, Message, Origin, Revision, SessionTrack,
};
use context_manager_core::{Moment, NewContext, Violations};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::source::Source;

/// Memory or message of an export.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// Kind and id in its source, by which every export has it.
    pub(super) name: String,
    /// Text, scope, tags, metadata and time, where the source has them.
    pub(super) context: NewContext,
    /// Role and number in its session, if it is a message.
    pub(super) message: Option<(Role, u32)>,
    /// Time of expiry.
    pub(super) expires_at: Option<Timestamp>,
}

/// Role of a message's author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    User,
    Assistant,
}

/// Words of somebody in a conversation.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) id: String,
    pub(super) session: String,
    pub(super) at: Option<Moment>,
    pub(super) text: String,
}

impl Turn {
    /// Makes a message with this number in its session.
    pub(super) fn message(self, role: Role, position: u32) -> Item {
        Item {
            message: Some((role, position)),
            ..self.memory()
        }
    }

    /// Makes a memory of it.
    pub(super) fn memory(self) -> Item {
        Item {
            name: format!("message\0{}", self.id),
            context: NewContext {
                text: self.text,
                session_id: Some(self.session),
                occurred_at: self.at,
                ..NewContext::default()
            },
            ..Item::default()
        }
    }
}

/// Circumstances of an import.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) source: Source,
    /// User of everything; the one that the source names by default.
    pub(super) user: Option<&'a str>,
    pub(super) now: Timestamp,
    /// Time of what has none of its own.
    pub(super) file_time: Moment,
}

/// Context made of an item.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) context: Context,
    /// True if the source has its time.
    pub(super) is_dated: bool,
    /// True if its text is the beginning of a longer one.
    pub(super) is_cut: bool,
}

/// Reason for which an item makes no context.
#[derive(Debug)]
pub(super) enum Unfit {
    /// It has no text.
    Empty,
    /// The server would refuse it.
    Invalid(Violations),
}

impl Item {
    /// Makes a context. The same item of the same user makes the same one.
    pub(super) fn context(self, setting: Setting<'_>) -> Result<Made, Unfit> {
        let mut new = self.context;
        // A text has no NUL.
        let whole = new.text.replace('\0', " ");
        let whole = whole.trim();
        if whole.is_empty() {
            return Err(Unfit::Empty);
        }
        whole[..whole.floor_char_boundary(MAX_TEXT_BYTES)]
            .trim_end()
            .clone_into(&mut new.text);
        new.user_id = setting.user.map(str::to_owned).or(new.user_id);
        let source = json!(setting.source.name());
        if let Some(original) = new.metadata.insert("source".to_owned(), source) {
            new.metadata.insert("original_source".to_owned(), original);
        }
        let found = new.validate("");
        if !found.is_empty() {
            return Err(Unfit::Invalid(found));
        }
        let name = [
            setting.source.name(),
            new.user_id.as_deref().unwrap_or_default(),
            &self.name,
        ]
        .join("\0");
        let track = new.session_id.as_deref().map(SessionTrack::new);
        let position = self.message.map(|(_, position)| position);
        let context = Context {
            id: ContextId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())),
            origin: Origin::Import,
            message: self.message.map(|(role, _)| role.message(whole, &new.text)),
            slot: track.zip(position).map(|(track, position)| track.slot(position)),
            user_id: new.user_id,
            agent_id: new.agent_id,
            session_id: new.session_id,
            tags: new.tags,
            metadata: new.metadata,
            occurred_at: new.occurred_at.unwrap_or(setting.file_time),
            created_at: setting.now,
            updated_at: setting.now,
            expires_at: self.expires_at,
            revision: Revision::first(setting.now, None),
            ..Context::new(new.text)
        };
        Ok(Made {
            is_dated: new.occurred_at.is_some(),
            is_cut: context.text.len() < whole.len(),
            context,
        })
    }
}

impl Role {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// Builds a message of the whole text, or of its beginning where a message cannot hold it.
    fn message(self, whole: &str, beginning: &str) -> Message {
        let json = |content: &str| json!({"role": self.as_str(), "content": content}).to_string();
        let of_all = json(whole);
        let fits = of_all.len() <= MAX_MESSAGE_BYTES;
        Message {
            role: self.as_str().to_owned(),
            json: if fits { of_all } else { json(beginning) },
        }
    }
}
