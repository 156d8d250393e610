//! Candidate retrieval: store hits, working memory, and session neighbours, compared with the question.

use std::collections::HashSet;
use std::sync::Arc;

use super::comparison::Comparison;
use super::deadline::Wait;
use super::question::Question;
use super::recall::RecallSampling;
use super::request::{Degraded, MAX_LIMIT, SearchRequest};
use crate::context::{ContextId, Level};
use crate::engine::contexts::Contexts;
use crate::engine::vocabulary::Vocabulary;
use crate::lexical::{Analyzer, QuestionWord, SparseVector};
use crate::ports::{Record, StoreError, StoreErrorKind, StoreQuery, TokenTable};
use crate::rank::{self, DocumentFrequencies, SessionEntry};
use crate::{Config, Error, Filter, Scope};

/// Minimum number of tokens of a typical candidate, such as a conversation turn.
const TOKENS_A_CANDIDATE: usize = 20;

/// Maximum number of pending contexts that are candidates: no vector finds them yet.
const PENDING: usize = 64;

/// Contexts found in working memory and in the store.
#[derive(Debug)]
pub(super) struct Hits {
    near: Vec<Arc<Record>>,
    far: Vec<Arc<Record>>,
}

/// Candidates.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) records: Vec<Arc<Record>>,
    /// Evidence that each candidate by itself answers the question.
    pub(super) evidence: Vec<f32>,
}

impl Pool {
    /// Returns the input of lending between neighbours.
    pub(super) fn places(&self) -> Vec<SessionEntry<'_>> {
        self.records
            .iter()
            .zip(&self.evidence)
            .map(|(record, evidence)| SessionEntry {
                slot: record.context.slot,
                session: record.context.session_id.as_deref(),
                evidence: *evidence,
            })
            .collect()
    }

    /// Adds new candidates; a context that changes its level meanwhile may be found at both.
    fn extend(&mut self, records: impl IntoIterator<Item = Arc<Record>>) {
        let mut present: HashSet<ContextId> = self.records.iter().map(|record| record.context.id).collect();
        let new = records.into_iter().filter(|record| present.insert(record.context.id));
        self.records.extend(new);
    }
}

/// Source of candidates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retrieval<'a> {
    pub(crate) config: &'a Config,
    pub(crate) contexts: Contexts<'a>,
    pub(crate) recall: &'a RecallSampling,
    pub(crate) table: Option<&'a dyn TokenTable>,
    pub(crate) analyzer: &'a Analyzer,
}

impl Retrieval<'_> {
    /// Returns hits with their neighbours, compared with the question. A failure or lateness of the store costs the
    /// neighbours only.
    #[tracing::instrument(level = "debug", name = "neighbours", skip_all, fields(near = hits.near.len(), far = hits.far.len()))]
    pub(super) async fn pool<'a>(
        &'a self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        question: &'a Question,
        frequencies: Option<DocumentFrequencies>,
        hits: Hits,
    ) -> (Pool, Comparison<'a>, Result<(), Error>) {
        let mut pool = Pool::default();
        pool.extend(hits.near);
        pool.extend(hits.far);
        let frequencies = frequencies.unwrap_or_else(|| {
            let terms = question.words.iter().flat_map(QuestionWord::terms_alone);
            DocumentFrequencies::count(terms, pool.records.iter().map(|record| &record.terms))
        });
        let mut comparison = Comparison::new(
            question,
            &frequencies,
            self.analyzer.saturation(),
            self.table,
            self.config.fusion,
        );
        pool.evidence = comparison.evidence(&pool.records);
        let brought_in = self.bring_in_neighbours(scope, request, filter, &mut pool).await;
        if pool.records.len() > pool.evidence.len() {
            pool.evidence = comparison.evidence(&pool.records);
        }
        (pool, comparison, brought_in)
    }

    /// Returns the matching contexts of the session's working memory; `None` if it is not searched.
    #[tracing::instrument(level = "debug", skip_all, fields(found))]
    pub(super) async fn search_working_memory(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        degraded: &mut Vec<Degraded>,
    ) -> Result<Option<Vec<Arc<Record>>>, Error> {
        if !request.levels().contains(&Level::Immediate) {
            return Ok(None);
        }
        let session = self.contexts.memory.read(scope, request.working_memory());
        let session = request.deadline().read(Wait::WorkingMemory, session).await?;
        if session.without_cache {
            degraded.push(Degraded::L1);
        }
        let mut entries = session.contexts;
        entries.retain(|record| filter.matches(&record.context));
        tracing::Span::current().record("found", entries.len());
        Ok(Some(entries))
    }

    #[tracing::instrument(level = "debug", skip_all, fields(found))]
    pub(super) async fn search_store(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        question: &Question,
        frequencies: Option<&DocumentFrequencies>,
        degraded: &mut Vec<Degraded>,
    ) -> Result<Vec<Arc<Record>>, Error> {
        let levels = request.stored_levels();
        if levels.is_empty() || (question.vector.is_none() && question.terms.is_none()) {
            return Ok(Vec::new());
        }
        let query = StoreQuery {
            dense: question.vector.clone(),
            terms: question.terms.as_ref().map(|terms| weigh(terms, frequencies)),
            filter: Filter {
                levels,
                ..filter.clone()
            },
            limit: self.candidates(request),
            exact: false,
        };
        let sample = self.recall.chooses(scope, &query);
        let pending_filter = query.filter.clone();
        let (found, pending) = tokio::join!(
            request
                .deadline()
                .read(Wait::Store, self.contexts.store.search(scope, query)),
            request.deadline().read(Wait::Store, async {
                if !question.by_vector {
                    return Ok(Vec::new());
                }
                self.contexts.newest_pending(scope, &pending_filter, PENDING).await
            })
        );
        let found = found?;
        let pending = pending.unwrap_or_else(|error| {
            tracing::debug!(error = %error, "searching without the contexts that wait for their vectors");
            degraded.push(missing(&error));
            Vec::new()
        });
        tracing::Span::current().record("found", found.len());
        if let Some(sample) = sample {
            self.recall.offer(sample, &found);
        }
        let found = found.into_iter().map(|candidate| candidate.record);
        Ok(found.chain(pending).collect())
    }

    /// Returns the number of candidates of each list: enough for the limit and for the budget.
    fn candidates(&self, request: &SearchRequest) -> usize {
        let for_budget = request.max_tokens.unwrap_or(0) / TOKENS_A_CANDIDATE;
        self.config
            .candidates
            .max(request.limit.unwrap_or(0))
            .max(for_budget)
            .min(MAX_LIMIT)
    }

    /// Returns the words and languages of the user's contexts; `None` if the store fails.
    pub(super) async fn vocabulary(&self, scope: &Scope, request: &SearchRequest) -> Option<Arc<Vocabulary>> {
        match self
            .contexts
            .vocabularies
            .of(self.contexts.store, scope, request.filter.user_id.as_deref())
            .await
        {
            Ok(vocabulary) => Some(vocabulary),
            Err(error) => {
                tracing::debug!(error = %error, "weighing words by the candidates alone: the store failed");
                None
            }
        }
    }

    /// Adds the neighbours of the best candidates that were not found by themselves, with one look-up.
    async fn bring_in_neighbours(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        pool: &mut Pool,
    ) -> Result<(), Error> {
        let levels = request.stored_levels();
        let missing = rank::missing_offsets(&pool.places(), &self.config.neighbours);
        if missing.is_empty() || levels.is_empty() {
            return Ok(());
        }
        let filter = Filter {
            levels,
            ..filter.clone()
        };
        let neighbours = self.contexts.store.at_offsets(scope, &missing, &filter);
        pool.extend(request.deadline().read(Wait::Neighbours, neighbours).await?);
        Ok(())
    }
}

/// Returns the words of a question, weighted by IDF.
fn weigh(terms: &SparseVector, frequencies: Option<&DocumentFrequencies>) -> SparseVector {
    let weight = |(term, weight)| {
        (
            term,
            weight * frequencies.map_or(1.0, |frequencies| frequencies.idf(term)),
        )
    };
    SparseVector::new(terms.iter().map(weight))
}

/// Returns what an answer lacks after an error of the store.
pub(super) fn missing(error: &Error) -> Degraded {
    if matches!(error, Error::DeadlineExceeded) {
        Degraded::Deadline
    } else {
        Degraded::VectorStore
    }
}

/// Returns the results of both sources; an error only if there is nothing to answer from. If the time of the store is over,
/// what working memory holds is the answer, be it nothing.
pub(super) fn surviving(
    near: Result<Option<Vec<Arc<Record>>>, Error>,
    far: Result<Vec<Arc<Record>>, Error>,
    degraded: &mut Vec<Degraded>,
) -> Result<Hits, Error> {
    let is_late = |error: &Error| matches!(error, Error::DeadlineExceeded);
    let is_down = |error: &Error| {
        matches!(
            error,
            Error::Store(StoreError {
                kind: StoreErrorKind::Unavailable(_),
                ..
            })
        )
    };
    if near.as_ref().is_err_and(is_late) || far.as_ref().is_err_and(is_late) {
        degraded.push(Degraded::Deadline);
    }
    match (near, far) {
        (Ok(near), Ok(far)) => Ok(Hits {
            near: near.unwrap_or_default(),
            far,
        }),
        (Err(error), Ok(far)) if is_late(&error) || is_down(&error) => {
            degraded.push(Degraded::L1);
            Ok(Hits { near: Vec::new(), far })
        }
        (Ok(Some(near)), Err(error)) if is_late(&error) || is_down(&error) && !near.is_empty() => {
            tracing::warn!(error = %error, "searching working memory alone");
            degraded.push(Degraded::VectorStore);
            Ok(Hits { near, far: Vec::new() })
        }
        (_, Err(error)) | (Err(error), _) => Err(error),
    }
}
