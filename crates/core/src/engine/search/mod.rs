//! Search: retrieves candidates by vector and by words, ranks them, and spends the token budget. Assembly: the same as a
//! text.

mod assemble;
mod candidates;
mod choice;
mod comparison;
mod deadline;
mod echo;
mod question;
mod ranking;
mod recall;
mod request;
mod rerank;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::documents::neighbours;
use super::lifecycle::Accesses;
use super::prepare::Preparer;
use crate::context::{ContextId, Level};
use crate::metrics::{NEAR_DUPLICATES, Step, count_degraded};
use crate::ports::Clock;
use crate::{Config, Error, Scope};

pub(super) use candidates::Retrieval;
pub(super) use ranking::Ranker;
pub(super) use recall::RecallSampling;
pub(super) use rerank::Reranking;

pub use assemble::{AssembleRequest, AssembleResponse};
pub use request::{
    DEFAULT_LIMIT, Degraded, Dropped, Found, MAX_LIMIT, MAX_TOKENS, Relevance, SearchMode, SearchRequest,
    SearchResponse,
};

use choice::{Chooser, tokens};
use ranking::{Ranked, Ranking};

/// Searches and assembled texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Searcher<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: &'a dyn Clock,
    pub(super) text: &'a Arc<Preparer>,
    pub(super) accesses: &'a Accesses,
    pub(super) ranker: Ranker<'a>,
    pub(super) reranking: Option<&'a Reranking>,
}

impl Searcher<'_> {
    /// Ranks the candidates, within the deadline of the request. Those below `floor` will not be chosen.
    async fn ranking(&self, scope: &Scope, request: &SearchRequest, floor: f32) -> Result<Ranking, Error> {
        let mut ranking = self.ranker.ranking(scope, request).await?;
        if let Some(reranking) = self.reranking {
            reranking.apply(request, floor, &mut ranking).await;
        }
        ranking.degraded.sort_unstable();
        ranking.degraded.dedup();
        count_degraded(&ranking.degraded);
        Ok(ranking)
    }

    #[tracing::instrument(level = "debug", skip_all, fields(limit = request.limit, max_tokens = request.max_tokens, returned))]
    pub(super) async fn search(&self, scope: &Scope, request: SearchRequest) -> Result<SearchResponse, Error> {
        request.validate().into_result()?;
        let floor = request.min_score.unwrap_or(0.0);
        let ranking = self.ranking(scope, &request, floor).await?;
        let start = Instant::now();
        let mut response = self.choose(ranking, &request);
        Step::Choose.took(start);
        self.bring_in_parts(scope, &request, &mut response).await;
        tracing::Span::current().record("returned", response.contexts.len());
        metrics::counter!(NEAR_DUPLICATES).increment(response.near_duplicates as u64);
        let served = response
            .contexts
            .iter()
            .map(|found| (found.context.id, found.context.access_count));
        self.count_accesses(scope, served.collect()).await;
        Ok(response)
    }

    /// Adds the parts of documents around those that were found, within the budget. A failure of the store costs
    /// these only.
    async fn bring_in_parts(&self, scope: &Scope, request: &SearchRequest, response: &mut SearchResponse) {
        let at = self.ranker.retrieval.contexts;
        let mut left = request
            .max_tokens
            .map_or(usize::MAX, |budget| budget.saturating_sub(response.total_tokens));
        let mut shown: Vec<ContextId> = response.contexts.iter().map(|found| found.context.id).collect();
        for found in &mut response.contexts {
            let beside = neighbours(at, scope, &found.context, request.neighbours).await;
            let Ok(mut beside) = beside.inspect_err(|error| tracing::warn!(%error, "a search without neighbours"))
            else {
                response.degraded.push(Degraded::VectorStore);
                return;
            };
            for parts in &mut beside {
                parts.retain(|part| {
                    let is_new = !shown.contains(&part.id) && tokens(part) <= left;
                    if is_new {
                        left -= tokens(part);
                        response.total_tokens += tokens(part);
                        shown.push(part.id);
                    }
                    is_new
                });
            }
            found.neighbours = beside;
        }
    }

    #[tracing::instrument(level = "debug", skip_all)]
    fn choose(&self, ranking: Ranking, request: &SearchRequest) -> SearchResponse {
        let chooser = Chooser::of_texts(self.config, &ranking, request);
        let choice = chooser.choose(request);
        let relevance = chooser.relevance();
        let dropped = chooser.dropped(request, &choice);
        let near_duplicates = choice.near_duplicates();
        let mut ranked: Vec<Option<Ranked>> = ranking.ranked.into_iter().map(Some).collect();
        let chosen = choice.indexes.into_iter().filter_map(|at| ranked[at].take());
        let contexts: Vec<Found> = chosen.map(Found::from).collect();
        let mut levels = [0; Level::ALL.len()];
        for found in &contexts {
            levels[found.context.level.index()] += 1;
        }
        SearchResponse {
            total_tokens: contexts.iter().map(|found| tokens(&found.context)).sum(),
            contexts,
            relevance,
            searched: ranking.searched,
            levels,
            near_duplicates,
            dropped,
            cache_hit: ranking.cache_hit,
            degraded: ranking.degraded,
        }
    }

    #[tracing::instrument(level = "debug", skip_all, fields(max_tokens = request.search.max_tokens, tokens))]
    pub(super) async fn assemble(&self, scope: &Scope, request: AssembleRequest) -> Result<AssembleResponse, Error> {
        request.validate().into_result()?;
        let floor = request.search.min_score.unwrap_or(self.config.relevance_floor);
        let ranking = self.ranking(scope, &request.search, floor).await?;
        let known: HashMap<ContextId, u64> = ranking
            .ranked
            .iter()
            .map(|ranked| (ranked.record.context.id, ranked.record.context.access_count))
            .collect();
        let start = Instant::now();
        let response = assemble::assemble(self.config, self.text, ranking, request).await;
        Step::Assemble.took(start);
        tracing::Span::current().record("tokens", response.assembled.tokens);
        metrics::counter!(NEAR_DUPLICATES).increment(response.near_duplicates as u64);
        let served = response.assembled.citations.iter().map(|citation| citation.id);
        let known = |id| known.get(&id).copied().unwrap_or(0);
        self.count_accesses(scope, served.map(|id| (id, known(id))).collect())
            .await;
        Ok(response)
    }

    /// Counts an access to each of these contexts, of which the given number is known: in the store if it keeps counts, and
    /// else later.
    async fn count_accesses(&self, scope: &Scope, served: Vec<(ContextId, u64)>) {
        let now = self.clock.now();
        let counted = self
            .ranker
            .retrieval
            .contexts
            .store
            .count_accesses(scope, &served, now)
            .await;
        if !counted.unwrap_or(false) {
            self.accesses.record(scope, served.into_iter().map(|(id, _)| id), now);
        }
    }
}
