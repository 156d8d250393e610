//! One text out of many contexts, ready to put into a prompt.
//!
//! Stored text is data: whatever it holds, it cannot close the block it stands in, start a section of its own or pass
//! for an instruction of the frame, because every line of it is quoted (markdown, plain) or escaped (xml, json).
//!
//! What changes least comes first: pinned contexts, then long-term, short-term and the session's own. A provider that
//! caches the beginning of a prompt can use it again as long as the stable part is the same.
//!
//! Which contexts fit is the caller's business: tokens are counted over the whole text, frame included.

mod format;

use crate::context::{Context, ContextId, Level};
use crate::ports::TokenCounter;

pub use format::Format;

/// In which order contexts stand within their section.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Best first.
    #[default]
    Relevance,
    /// Oldest first.
    Chronological,
}

/// A text with the places of its contexts.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembled {
    /// The text; empty when nothing fits.
    pub prompt: String,
    /// Tokens of the whole text.
    pub tokens: usize,
    /// What stands where, in the order of the text.
    pub citations: Vec<Citation>,
}

/// A context to write.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The context.
    pub context: &'a Context,
    /// How well it answers, 0 to 1.
    pub score: f32,
}

/// Where a context stands in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// The context.
    pub id: ContextId,
    /// Its level.
    pub level: Level,
    /// The first byte of its text, as it is quoted, in the prompt.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// How well it answers, 0 to 1.
    pub score: f32,
}

/// A part of the text. The order is that of the text: what changes least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Pinned,
    LongTerm,
    ShortTerm,
    Immediate,
}

impl Section {
    fn of(context: &Context) -> Self {
        match (context.pinned, context.level) {
            (true, _) => Self::Pinned,
            (false, Level::LongTerm) => Self::LongTerm,
            (false, Level::ShortTerm) => Self::ShortTerm,
            (false, Level::Immediate) => Self::Immediate,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Pinned => "Pinned",
            Self::LongTerm => "Long-term memory",
            Self::ShortTerm => "Recent memory",
            Self::Immediate => "This session",
        }
    }
}

/// Writes `entries`, best first, as one text; nothing gives an empty one.
pub fn write(mut entries: Vec<Entry<'_>>, format: Format, order: Order, tokens: &dyn TokenCounter) -> Assembled {
    // Stable, so that relevance stays the order within a section unless time is asked for.
    entries.sort_by_key(|entry| Section::of(entry.context));
    if order == Order::Chronological {
        entries.sort_by_key(|entry| {
            let context = entry.context;
            (Section::of(context), context.occurred_at, context.sequence)
        });
    }
    let (prompt, citations) = format.write(&entries);
    Assembled {
        tokens: tokens.count(&prompt),
        prompt,
        citations,
    }
}

#[cfg(test)]
mod tests;
