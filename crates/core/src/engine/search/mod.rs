//! Search: find candidates by vector and by words, rank them, and spend the token budget. Assemble: the same as a text.

mod assemble;
mod candidates;
mod choice;
mod question;
mod ranking;
mod request;
mod working_memory;

use tokio::time::Instant;

use super::ContextEngine;
use crate::context::Level;
use crate::metrics::{NEAR_DUPLICATES, Step};
use crate::{Error, Scope};

pub use assemble::{AssembleRequest, AssembleResponse};
pub use request::{
    DEFAULT_LIMIT, Degraded, Dropped, Found, MAX_LIMIT, MAX_TOKENS, SearchMode, SearchRequest, SearchResponse,
};

use choice::{Chooser, tokens};
use ranking::{Ranked, Ranking};

impl ContextEngine {
    /// The contexts that answer a query, best first, within the limits.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Store`] when there is nothing to answer from. A part that is down is named in
    /// [`SearchResponse::degraded`] as long as another one can answer.
    #[tracing::instrument(level = "debug", skip_all, fields(limit = request.limit, max_tokens = request.max_tokens, returned))]
    pub async fn search(&self, scope: &Scope, request: SearchRequest) -> Result<SearchResponse, Error> {
        request.validate().into_result()?;
        let ranking = self.ranking(scope, &request).await?;
        let start = Instant::now();
        let response = self.answer(ranking, &request);
        Step::Choose.took(start);
        tracing::Span::current().record("returned", response.contexts.len());
        metrics::counter!(NEAR_DUPLICATES).increment(response.near_duplicates as u64);
        let served = response.contexts.iter().map(|found| found.context.id);
        self.accesses.record(scope, served, self.clock.now());
        Ok(response)
    }

    #[tracing::instrument(level = "debug", name = "choose", skip_all)]
    fn answer(&self, ranking: Ranking, request: &SearchRequest) -> SearchResponse {
        let chooser = Chooser::new(&self.config, &ranking, request);
        let choice = chooser.choose(request.max_tokens, request.max_items());
        let dropped = chooser.dropped(&choice);
        let near_duplicates = choice.near_duplicates();
        let mut ranked: Vec<Option<Ranked>> = ranking.ranked.into_iter().map(Some).collect();
        let chosen = choice.positions.into_iter().filter_map(|at| ranked[at].take());
        let contexts: Vec<Found> = chosen.map(Found::from).collect();
        let mut levels = [0; Level::ALL.len()];
        for found in &contexts {
            levels[found.context.level.index()] += 1;
        }
        SearchResponse {
            total_tokens: contexts.iter().map(|found| tokens(&found.context)).sum(),
            contexts,
            searched: ranking.searched,
            levels,
            near_duplicates,
            dropped,
            cache_hit: ranking.cache_hit,
            degraded: ranking.degraded,
        }
    }
}
