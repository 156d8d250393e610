//! Assemble: a search whose answer is one text that fits the budget, frame included.

use std::sync::Arc;

use tokio::time::Instant;

use super::choice::{Choice, Chooser};
use super::ranking::Ranking;
use super::{Degraded, Dropped, SearchRequest};
use crate::assemble::{self, Assembled, Entry, Format, Order};
use crate::context::{ContextId, Violations};
use crate::engine::ContextEngine;
use crate::engine::prepare::Preparer;
use crate::metrics::{NEAR_DUPLICATES, Step};
use crate::{Config, Error, Scope};

/// Larger budgets are filled off the async threads: counting takes some milliseconds by then.
const INLINE_TOKENS: usize = 8192;
/// How often the choice is made again for a budget that leaves room for the frame, before it is halved each time.
const FITTINGS: u32 = 8;

/// A question whose answer is to be put into a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct AssembleRequest {
    /// What to search for; `max_tokens` must be given and is the budget of the whole text.
    pub search: SearchRequest,
    /// The form of the text.
    pub format: Format,
    /// In which order contexts stand.
    pub order: Order,
}

impl AssembleRequest {
    /// Everything that is wrong.
    pub fn validate(&self) -> Violations {
        let mut found = self.search.validate();
        if self.search.max_tokens.is_none() {
            found.invalid("/max_tokens", "is required");
        }
        found
    }
}

/// A text for a prompt, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct AssembleResponse {
    /// The text with its tokens and citations.
    pub assembled: Assembled,
    /// Number of contexts passed over because one with the same text is in the prompt.
    pub near_duplicates: usize,
    /// What was left out and why, best first, when asked for.
    pub dropped: Vec<Dropped>,
    /// What was down.
    pub degraded: Vec<Degraded>,
}

impl ContextEngine {
    /// The contexts that answer a query, written into one text of at most `max_tokens` tokens.
    ///
    /// # Errors
    /// As [`ContextEngine::search`], and [`Error::Invalid`] without a budget.
    #[tracing::instrument(level = "debug", skip_all, fields(max_tokens = request.search.max_tokens, tokens))]
    pub async fn assemble(&self, scope: &Scope, request: AssembleRequest) -> Result<AssembleResponse, Error> {
        request.validate().into_result()?;
        let ranking = self.ranking(scope, &request.search).await?;
        let start = Instant::now();
        let max_tokens = request.search.max_tokens.unwrap_or_default();
        let fitting = Arc::new(Fitting {
            config: self.config.clone(),
            preparer: Arc::clone(&self.preparer),
            ranking,
            request,
            max_tokens,
        });
        let response = if max_tokens <= INLINE_TOKENS {
            fitting.fit()
        } else {
            let elsewhere = Arc::clone(&fitting);
            match tokio::task::spawn_blocking(move || elsewhere.fit()).await {
                Ok(response) => response,
                // Only when the runtime is shutting down: what is left to do may as well be done here.
                Err(_) => fitting.fit(),
            }
        };
        Step::Assemble.took(start);
        tracing::Span::current().record("tokens", response.assembled.tokens);
        metrics::counter!(NEAR_DUPLICATES).increment(response.near_duplicates as u64);
        let served: Vec<ContextId> = response
            .assembled
            .citations
            .iter()
            .map(|citation| citation.id)
            .collect();
        self.accesses.record(scope, served, self.clock.now());
        Ok(response)
    }
}

/// Everything that writing a text needs, so that it can move to another thread.
struct Fitting {
    config: Config,
    preparer: Arc<Preparer>,
    ranking: Ranking,
    request: AssembleRequest,
    max_tokens: usize,
}

impl Fitting {
    /// Chooses and writes until the whole text fits.
    ///
    /// Tokens of parts do not add up to those of the whole, so the whole is counted, and what it is too long by is
    /// taken from the budget of the next choice.
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
        let dropped = chooser.dropped(&choice);
        let near_duplicates = choice.near_duplicates();
        AssembleResponse {
            assembled,
            near_duplicates,
            dropped,
            degraded: self.ranking.degraded.clone(),
        }
    }

    fn write(&self, choice: &Choice) -> Assembled {
        let chosen = choice.positions.iter().map(|at| {
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
            &*self.preparer.tokens,
        )
    }
}
