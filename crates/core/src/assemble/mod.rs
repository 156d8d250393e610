//! Assembly of many contexts into one text for a prompt.
//!
//! Stored text is data: it cannot close its block, start a section of its own or pass for an instruction of the frame,
//! because every line of it is quoted (markdown, plain) or escaped (xml, json).
//!
//! The most stable contexts come first (pinned, long-term, short-term, then the session's own), so that providers can
//! reuse their cache of the beginning of a prompt.
//!
//! The caller selects contexts that fit; tokens are counted over the whole text, frame included.

mod entry;
mod format;

use crate::ports::TokenCounter;

use entry::Section;
pub use entry::{Citation, Entry};
pub use format::Format;

/// Order of contexts within their section.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Best first.
    #[default]
    Relevance,
    /// Oldest first.
    Chronological,
}

/// Assembled text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Assembled {
    /// Text; empty if no context fits.
    pub prompt: String,
    /// Number of tokens of the whole text.
    pub tokens: usize,
    /// Contexts in the order of the text.
    pub citations: Vec<Citation>,
}

/// Writes `entries`, best first, as one text; empty if there are none.
pub fn write(mut entries: Vec<Entry<'_>>, format: Format, order: Order, tokens: &dyn TokenCounter) -> Assembled {
    // The stable sort keeps the order by relevance within a section.
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
