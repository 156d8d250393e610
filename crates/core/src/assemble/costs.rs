//! Tokens of an entry with everything that its place in the text adds.

use std::cell::OnceCell;

use super::entry::Place;
use super::{Entry, Format, Order, write};
use crate::context::Context;
use crate::ports::TokenCounter;

/// Costs of contexts in a text, each counted when it is first asked for.
pub(crate) struct Costs<'a> {
    contexts: Vec<(&'a Context, Place)>,
    quotes: Vec<OnceCell<usize>>,
    format: Format,
    tokens: &'a dyn TokenCounter,
}

impl<'a> Costs<'a> {
    pub(crate) fn new(
        contexts: impl IntoIterator<Item = &'a Context>,
        format: Format,
        tokens: &'a dyn TokenCounter,
    ) -> Self {
        let contexts: Vec<_> = contexts
            .into_iter()
            .map(|context| (context, Place::of(context)))
            .collect();
        Self {
            quotes: vec![OnceCell::new(); contexts.len()],
            contexts,
            format,
            tokens,
        }
    }

    /// Returns the tokens of the text around all entries.
    pub(crate) fn frame(&self) -> usize {
        self.tokens.count(&self.format.opening()) + self.tokens.count(self.format.closing().1)
    }

    /// Returns the tokens that a context adds to the frame and the chosen ones; `None` if they are more than `room`.
    pub(crate) fn cost(&self, at: usize, chosen: &[usize], room: usize) -> Option<usize> {
        let (context, place) = self.contexts[at];
        // Quoting adds to a text: counting is for those that may fit.
        if usize::try_from(context.token_count).map_or(true, |tokens| tokens > room) {
            return None;
        }
        let cost = if chosen.is_empty() {
            self.alone(context).saturating_sub(self.frame())
        } else {
            let section = chosen.iter().any(|at| self.contexts[*at].1.section == place.section);
            let day = section && chosen.iter().any(|at| self.contexts[*at].1 == place);
            let heading = if section {
                0
            } else {
                self.tokens.count(&self.format.heading(place))
            };
            let date = if day {
                0
            } else {
                self.tokens.count(&self.format.day(place))
            };
            self.quote(at) + heading + date
        };
        (cost <= room).then_some(cost)
    }

    /// Returns the exact tokens of a text of one context, so that the best one that fits is never passed over.
    fn alone(&self, context: &Context) -> usize {
        let entry = Entry { context, score: 0.0 };
        write(vec![entry], self.format, Order::Relevance, self.tokens).tokens
    }

    fn quote(&self, at: usize) -> usize {
        *self.quotes[at].get_or_init(|| {
            let (context, place) = self.contexts[at];
            let quote = self.format.quote(context, place);
            self.tokens.count(&[&quote.before, &quote.text, quote.after].concat())
        })
    }
}
