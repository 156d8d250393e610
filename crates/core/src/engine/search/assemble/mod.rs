//! Assembly: a search whose result is one text that fits the budget, frame included.

use std::sync::Arc;

use super::choice::{Choice, Chooser};
use super::ranking::Ranking;
use super::request::{Degraded, Dropped, Relevance, SearchRequest};
use crate::Config;
use crate::assemble::{self, Assembled, Entry, Format, Order};
use crate::context::Violations;
use crate::engine::prepare::Preparer;

/// Budget above which texts are written off the async threads, as counting takes milliseconds by then.
const INLINE_TOKENS: usize = 8192;

/// A search whose result goes into a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct AssembleRequest {
    /// The search; `max_tokens` is required and is the budget of the whole text.
    pub search: SearchRequest,
    /// Format of the text.
    pub format: Format,
    /// Order of the contexts.
    pub order: Order,
}

impl AssembleRequest {
    /// Returns everything that is wrong.
    pub fn validate(&self) -> Violations {
        let mut found = self.search.validate();
        if self.search.max_tokens.is_none() {
            found.invalid("/max_tokens", "is required");
        }
        found
    }
}

/// A text for a prompt, with its sources.
#[derive(Debug, Clone, PartialEq)]
pub struct AssembleResponse {
    /// The text with its tokens and citations.
    pub assembled: Assembled,
    /// Relevance of the best candidates.
    pub relevance: Relevance,
    /// Number of candidates that reached the floor and are not in the text, nor repeat one that is.
    pub more: usize,
    /// Number of candidates passed over because one with the same text is in the prompt.
    pub near_duplicates: usize,
    /// Dropped candidates, best first, if requested.
    pub dropped: Vec<Dropped>,
    /// Components that failed.
    pub degraded: Vec<Degraded>,
}

/// Writes the best contexts of a ranking into a text.
pub(super) async fn assemble(
    config: &Config,
    text: &Arc<Preparer>,
    ranking: Ranking,
    request: AssembleRequest,
) -> AssembleResponse {
    let max_tokens = request.search.max_tokens.unwrap_or_default();
    let fitting = Arc::new(Fitting {
        config: config.clone(),
        text: Arc::clone(text),
        ranking,
        request,
    });
    if max_tokens <= INLINE_TOKENS {
        return fitting.fit();
    }
    let elsewhere = Arc::clone(&fitting);
    match tokio::task::spawn_blocking(move || elsewhere.fit()).await {
        Ok(response) => response,
        // The runtime is shutting down.
        Err(_) => fitting.fit(),
    }
}

/// Everything that writing a text needs, owned so that it can move to another thread.
struct Fitting {
    config: Config,
    text: Arc<Preparer>,
    ranking: Ranking,
    request: AssembleRequest,
}

impl Fitting {
    /// Selects by the cost of each entry, and writes.
    ///
    /// Token counts of parts may add up to less than that of the whole, with which the last entries then go.
    fn fit(&self) -> AssembleResponse {
        let search = &self.request.search;
        let tokens = &*self.text.tokens;
        let chooser = Chooser::of_entries(&self.config, &self.ranking, search, self.request.format, tokens);
        let mut choice = chooser.choose(search);
        let mut assembled = self.write(&choice);
        let mut excess = 1;
        while assembled.tokens > search.max_tokens.unwrap_or_default() {
            chooser.shorten(&mut choice, excess);
            assembled = self.write(&choice);
            excess *= 2;
        }
        AssembleResponse {
            assembled,
            relevance: chooser.relevance(),
            more: chooser.more(&choice),
            near_duplicates: choice.near_duplicates(),
            dropped: chooser.dropped(search, &choice),
            degraded: self.ranking.degraded.clone(),
        }
    }

    fn write(&self, choice: &Choice) -> Assembled {
        let chosen = choice.indexes.iter().map(|at| {
            let ranked = &self.ranking.ranked[*at];
            Entry {
                context: &ranked.record.context,
                score: ranked.score,
            }
        });
        assemble::write(
            chosen.collect(),
            self.request.format,
            self.request.order,
            &*self.text.tokens,
        )
    }
}

#[cfg(test)]
mod tests;
