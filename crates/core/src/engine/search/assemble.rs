//! Assembly: a search whose result is one text that fits the budget, frame included.

use std::sync::Arc;

use super::choice::{Choice, Chooser};
use super::ranking::Ranking;
use super::request::{Degraded, Dropped, SearchRequest};
use crate::Config;
use crate::assemble::{self, Assembled, Entry, Format, Order};
use crate::context::Violations;
use crate::engine::prepare::Preparer;

/// Budget above which texts are written off the async threads, as counting takes milliseconds by then.
const INLINE_TOKENS: usize = 8192;
/// Number of attempts with a budget reduced by the excess, before it is halved each time.
const FITTINGS: u32 = 8;

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
        max_tokens,
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
    max_tokens: usize,
}

impl Fitting {
    /// Selects and writes until the whole text fits.
    ///
    /// Token counts of parts do not add up to that of the whole, so the whole is counted, and its excess reduces the budget
    /// of the next selection.
    fn fit(&self) -> AssembleResponse {
        let search = &self.request.search;
        let chooser = Chooser::new(&self.config, &self.ranking, search);
        let mut budget = self.max_tokens;
        let mut round = 0;
        let (choice, assembled) = loop {
            let choice = chooser.choose(Some(budget), search.max_items());
            let assembled = self.write(&choice);
            if assembled.tokens <= self.max_tokens {
                break (choice, assembled);
            }
            let excess = assembled.tokens - self.max_tokens;
            round += 1;
            budget = if round < FITTINGS {
                budget.saturating_sub(excess)
            } else {
                budget / 2
            };
        };
        AssembleResponse {
            assembled,
            near_duplicates: choice.near_duplicates(),
            dropped: chooser.dropped(&choice),
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
