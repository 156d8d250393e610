//! Entries of an assembled text, their places, and the citations of them.

use jiff::civil::Date;

use crate::context::{Context, ContextId, Level};

/// Context to write.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Context.
    pub context: &'a Context,
    /// Score, 0 to 1.
    pub score: f32,
}

/// Byte range of a context in the text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Citation {
    /// Id of the context.
    pub id: ContextId,
    /// Level of the context.
    pub level: Level,
    /// Offset of the first byte of its quoted text.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
    /// Score, 0 to 1.
    pub score: f32,
}

/// Section of the text, in the order of the text: the most stable one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Section {
    Pinned,
    LongTerm,
    ShortTerm,
    Immediate,
}

impl Section {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Pinned => "Pinned",
            Self::LongTerm => "Long-term memory",
            Self::ShortTerm => "Recent memory",
            Self::Immediate => "This session",
        }
    }
}

/// Section and day of an entry. Entries of one place stand under one heading and one date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) section: Section,
    pub(super) day: Date,
}

impl Place {
    pub(super) fn of(context: &Context) -> Self {
        let section = match (context.pinned, context.level) {
            (true, _) => Section::Pinned,
            (false, Level::LongTerm) => Section::LongTerm,
            (false, Level::ShortTerm) => Section::ShortTerm,
            (false, Level::Immediate) => Section::Immediate,
        };
        Self {
            section,
            day: context.occurred_at.civil().date(),
        }
    }
}
