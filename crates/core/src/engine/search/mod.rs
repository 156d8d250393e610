//! Search: find candidates by vector and by words, rank them, and spend the token budget.

mod request;
mod working_memory;

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::ContextEngine;
use crate::context::{Context, ContextId, Level};
use crate::lexical::SparseVector;
use crate::ports::{Candidate, ListRequest, StoreError, StoreErrorKind, StoreQuery};
use crate::rank::{self, Item, Limits, Normaliser, Parts, Place};
use crate::{Error, Filter, Scope, Visibility};

pub use request::{DEFAULT_LIMIT, Degraded, Found, MAX_LIMIT, MAX_TOKENS, SearchMode, SearchRequest, SearchResponse};

/// A budget is filled from about this many candidates for each token it holds: conversation turns have some 20 or more.
const TOKENS_A_CANDIDATE: usize = 20;

impl ContextEngine {
    /// The contexts that answer a query, best first, within the limits.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Store`] when there is nothing to answer from. A part that is down is named in
    /// [`SearchResponse::degraded`] as long as another one can answer.
    pub async fn search(&self, scope: &Scope, request: SearchRequest) -> Result<SearchResponse, Error> {
        request.validate().into_result()?;
        let mut degraded = Vec::new();
        let question = self.question(&request, &mut degraded).await;
        let now = self.clock.now();
        let visibility = if request.include_superseded {
            Visibility::Live(now)
        } else {
            Visibility::Current(now)
        };
        let filter = Filter {
            visibility,
            ..request.filter.clone()
        };
        let (near, far) = tokio::join!(
            self.search_working_memory(scope, &request, &filter, &question),
            self.search_store(scope, &request, &filter, &question),
        );
        let (near, far) = surviving(near, far, &mut degraded)?;
        let mut pool = self.pool(near, far, self.candidates(&request), &question);
        if let Err(error) = self.bring_in_neighbours(scope, &request, &filter, &mut pool).await {
            tracing::warn!(error = %error, "ranking without neighbours: the store failed");
            degraded.push(Degraded::VectorStore);
        }
        let ranked = self.rank(pool, now);
        Ok(self.choose(ranked, &request, question.cached, degraded))
    }

    /// The query as vector and words; a failed embedding leaves the words.
    async fn question(&self, request: &SearchRequest, degraded: &mut Vec<Degraded>) -> Question {
        let terms = || Some(self.preparer.analyzer.query(&request.query)).filter(|terms| !terms.is_empty());
        if request.mode == SearchMode::Lexical {
            return Question {
                dense: None,
                terms: terms(),
                cached: false,
            };
        }
        let limit = Duration::from_millis(self.config.embed_timeout_ms);
        let embedded = tokio::time::timeout(limit, self.embedder.embed_query(&request.query)).await;
        if let Ok(Ok(embedding)) = embedded {
            let terms = if request.mode == SearchMode::Dense {
                None
            } else {
                terms()
            };
            return Question {
                dense: Some(embedding.vector),
                terms,
                cached: embedding.cached,
            };
        }
        tracing::warn!(error = ?embedded.map(Result::err), "searching by words alone: embedding failed");
        degraded.push(Degraded::Embedding);
        Question {
            dense: None,
            terms: terms(),
            cached: false,
        }
    }

    async fn search_store(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        question: &Question,
    ) -> Result<Vec<Candidate>, StoreError> {
        let levels = request.stored_levels();
        if levels.is_empty() || (question.dense.is_none() && question.terms.is_none()) {
            return Ok(Vec::new());
        }
        let query = StoreQuery {
            dense: question.dense.clone(),
            terms: question.terms.clone(),
            filter: Filter {
                levels,
                ..filter.clone()
            },
            limit: self.candidates(request),
            with_vectors: false,
        };
        self.store.search(scope, query).await
    }

    /// How many candidates each list brings: enough for the limit and for the budget.
    fn candidates(&self, request: &SearchRequest) -> usize {
        let for_budget = request.max_tokens.unwrap_or(0) / TOKENS_A_CANDIDATE;
        self.config
            .candidates
            .max(request.limit.unwrap_or(0))
            .max(for_budget)
            .min(MAX_LIMIT)
    }

    /// All candidates with their likeness, on one scale.
    ///
    /// Working memory is put on the scale of what the store found: its cosines directly, while its likeness by words is
    /// a share already.
    fn pool(&self, near: Vec<Candidate>, far: Vec<Candidate>, limit: usize, question: &Question) -> Vec<Pooled> {
        let ranges = Normaliser::new(if far.is_empty() { &near } else { &far }, limit);
        let in_memory: HashSet<ContextId> = near.iter().map(|candidate| candidate.context.id).collect();
        // A context on its way from one level to the other may be found at both.
        let far = far
            .into_iter()
            .filter(|candidate| !in_memory.contains(&candidate.context.id));
        let far = far.map(|candidate| (ranges.lexical(candidate.lexical), candidate));
        let near = near
            .into_iter()
            .map(|candidate| (candidate.lexical.unwrap_or(0.0), candidate));
        near.chain(far)
            .map(|(lexical, candidate)| {
                let similarity = ranges.dense(candidate.dense);
                let dense = question.dense.as_ref().map(|_| similarity);
                let likeness = self.config.fusion.fuse(dense, question.terms.as_ref().map(|_| lexical));
                Pooled {
                    context: candidate.context,
                    similarity,
                    lexical,
                    likeness,
                }
            })
            .collect()
    }

    /// Adds the neighbours of the best that were not found by themselves: one look-up for all of them.
    async fn bring_in_neighbours(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        pool: &mut Vec<Pooled>,
    ) -> Result<(), StoreError> {
        let levels = request.stored_levels();
        let missing = rank::missing_slots(&places(pool), &self.config.neighbours);
        if missing.is_empty() || levels.is_empty() || self.config.neighbours.decay <= 0.0 {
            return Ok(());
        }
        let limit = missing.len();
        let filter = Filter {
            levels,
            slots: Some(missing),
            ..filter.clone()
        };
        let list = ListRequest {
            filter,
            after: None,
            limit,
            with_vectors: false,
        };
        let found: HashSet<ContextId> = pool.iter().map(|pooled| pooled.context.id).collect();
        let neighbours = self
            .store
            .list(scope, list)
            .await?
            .items
            .into_iter()
            .map(|record| record.context);
        pool.extend(
            neighbours
                .filter(|context| !found.contains(&context.id))
                .map(|context| Pooled {
                    context,
                    similarity: 0.0,
                    lexical: 0.0,
                    likeness: 0.0,
                }),
        );
        Ok(())
    }

    /// The pool with its scores, best first; equal scores by id.
    fn rank(&self, pool: Vec<Pooled>, now: Timestamp) -> Vec<Found> {
        let relevance = rank::lend(&places(&pool), &self.config.neighbours);
        let mut found: Vec<Found> = pool
            .into_iter()
            .zip(relevance)
            .map(|(pooled, relevance)| {
                let Pooled {
                    context,
                    similarity,
                    lexical,
                    ..
                } = pooled;
                let by_itself = Parts::of(&context, now, self.config.recency_half_life_secs);
                let parts = Parts {
                    similarity,
                    lexical,
                    relevance,
                    ..by_itself
                };
                Found {
                    score: rank::score(&self.config.weights, &parts),
                    context,
                    parts,
                }
            })
            .collect();
        found.sort_unstable_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.context.id.cmp(&b.context.id))
        });
        found
    }

    fn choose(
        &self,
        ranked: Vec<Found>,
        request: &SearchRequest,
        cache_hit: bool,
        degraded: Vec<Degraded>,
    ) -> SearchResponse {
        let mut searched = [0; Level::ALL.len()];
        for found in &ranked {
            searched[found.context.level.index()] += 1;
        }
        let floor = request.min_score.unwrap_or(0.0);
        let ranked: Vec<Found> = ranked.into_iter().filter(|found| found.score >= floor).collect();
        let items: Vec<Item> = ranked
            .iter()
            .map(|found| Item {
                level: found.context.level,
                tokens: tokens(&found.context),
            })
            .collect();
        let limits = Limits {
            max_tokens: request.max_tokens,
            max_items: request.max_items(),
        };
        let chosen = rank::select(&items, limits, &self.config.budget);
        let total_tokens = chosen.iter().map(|at| items[*at].tokens).sum();
        let mut levels = [0; Level::ALL.len()];
        for at in &chosen {
            levels[items[*at].level.index()] += 1;
        }
        let mut keep = chosen.into_iter().peekable();
        let contexts = ranked
            .into_iter()
            .enumerate()
            .filter_map(|(at, found)| keep.next_if_eq(&at).map(|_| found))
            .collect();
        SearchResponse {
            contexts,
            total_tokens,
            searched,
            levels,
            cache_hit,
            degraded,
        }
    }
}

/// What can be answered from: an error only when nothing is left.
fn surviving(
    near: Result<Option<Vec<Candidate>>, StoreError>,
    far: Result<Vec<Candidate>, StoreError>,
    degraded: &mut Vec<Degraded>,
) -> Result<(Vec<Candidate>, Vec<Candidate>), Error> {
    let is_down = |error: &StoreError| matches!(error.kind, StoreErrorKind::Unavailable(_));
    match (near, far) {
        (Ok(near), Ok(far)) => Ok((near.unwrap_or_default(), far)),
        (Err(error), Ok(far)) if is_down(&error) => {
            degraded.push(Degraded::L1);
            Ok((Vec::new(), far))
        }
        (Ok(Some(near)), Err(error)) if is_down(&error) && !near.is_empty() => {
            tracing::warn!(error = %error, "searching working memory alone: the store failed");
            degraded.push(Degraded::VectorStore);
            Ok((near, Vec::new()))
        }
        (_, Err(error)) | (Err(error), _) => Err(error.into()),
    }
}

fn tokens(context: &Context) -> usize {
    usize::try_from(context.token_count).unwrap_or(usize::MAX)
}

/// A context that may be returned, and how alike it is by itself.
struct Pooled {
    context: Context,
    /// By vector, 0 to 1.
    similarity: f32,
    /// By words, 0 to 1.
    lexical: f32,
    /// Both as one.
    likeness: f32,
}

fn places(pool: &[Pooled]) -> Vec<Place<'_>> {
    pool.iter()
        .map(|pooled| Place {
            slot: pooled.context.slot,
            session: pooled.context.session_id.as_deref(),
            likeness: pooled.likeness,
        })
        .collect()
}

/// A query, made ready to compare.
#[derive(Debug)]
struct Question {
    dense: Option<Vec<f32>>,
    terms: Option<SparseVector>,
    cached: bool,
}
