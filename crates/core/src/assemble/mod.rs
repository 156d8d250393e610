//! Assembly of many contexts into one text for a prompt.
//!
//! Stored text is data: it cannot close its block, start a section of its own or pass for an instruction of the frame,
//! because every line of it is quoted (markdown, plain) or escaped (xml, json).
//!
//! The most stable contexts come first (pinned, long-term, short-term, then the session's own), so that providers can
//! reuse their cache of the beginning of a prompt. Contexts of one day stand under one date where the format has dates of
//! its own.
//!
//! The caller selects contexts that fit, by their costs; tokens are counted over the whole text, frame included.

mod costs;
mod entry;
mod format;

use std::collections::HashMap;

use crate::ports::TokenCounter;

pub(crate) use costs::Costs;
use entry::Place;
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
#[derive(Debug, Clone, Default, PartialEq)]
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
    let mut assembled = Assembled::default();
    if entries.is_empty() {
        return assembled;
    }
    arrange(&mut entries, format, order);
    assembled.prompt = format.opening();
    let mut last: Option<Place> = None;
    for entry in &entries {
        let place = Place::of(entry.context);
        let above = last.replace(place);
        if above.is_none_or(|above| above.section != place.section) {
            assembled.prompt.push_str(&format.heading(place));
        }
        if above != Some(place) {
            assembled.prompt.push_str(&format.day(place));
        }
        assembled.cite(entry, format, place);
    }
    let (taken_off, closing) = format.closing();
    if let Some(rest) = assembled.prompt.strip_suffix(taken_off) {
        assembled.prompt.truncate(rest.len());
    }
    assembled.prompt.push_str(closing);
    assembled.tokens = tokens.count(&assembled.prompt);
    assembled
}

/// Sorts entries, best first, by section and then in the order requested, with the entries of a day together.
fn arrange(entries: &mut [Entry<'_>], format: Format, order: Order) {
    match order {
        Order::Chronological => entries.sort_by_key(|entry| {
            let context = entry.context;
            (Place::of(context).section, context.occurred_at, context.sequence)
        }),
        Order::Relevance => {
            let mut best_of_day = HashMap::new();
            for (at, entry) in entries.iter().enumerate().filter(|_| format.has_days()) {
                best_of_day.entry(Place::of(entry.context)).or_insert(at);
            }
            // The stable sort keeps the order by relevance within a day.
            entries.sort_by_key(|entry| {
                let place = Place::of(entry.context);
                (place.section, best_of_day.get(&place).copied())
            });
        }
    }
}

impl Assembled {
    /// Appends a quoted context, with its citation.
    fn cite(&mut self, entry: &Entry<'_>, format: Format, place: Place) {
        let quote = format.quote(entry.context, place);
        self.prompt.push_str(&quote.before);
        let start = self.prompt.len();
        self.prompt.push_str(&quote.text);
        self.citations.push(Citation {
            id: entry.context.id,
            level: entry.context.level,
            start,
            end: self.prompt.len(),
            score: entry.score,
        });
        self.prompt.push_str(quote.after);
    }
}

#[cfg(test)]
mod tests;
