//! What may answer: what the store and working memory found, and what stands beside it, compared with the question.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::question::Question;
use super::{Degraded, MAX_LIMIT, SearchRequest};
use crate::context::{Context, ContextId};
use crate::engine::ContextEngine;
use crate::lexical::{SparseVector, asks, speaker};
use crate::ports::{Record, StoreError, StoreErrorKind, StoreQuery};
use crate::rank::{self, Likeness, Place, Rarity, cosine};
use crate::{Error, Filter, Fusion, Scope};

/// A budget is filled from about this many candidates for each token it holds: conversation turns have some 20 or more.
const TOKENS_A_CANDIDATE: usize = 20;

/// What was found, in working memory and in the store.
#[derive(Debug)]
pub(super) struct Hits {
    near: Vec<Arc<Record>>,
    far: Vec<Arc<Record>>,
}

/// Contexts that may be returned.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) records: Vec<Arc<Record>>,
    /// How alike each is to the question by itself.
    pub(super) likeness: Vec<Likeness>,
}

impl Pool {
    /// What lending between neighbours needs to know of each.
    pub(super) fn places(&self) -> Vec<Place<'_>> {
        let likeness = self.likeness.iter();
        self.records
            .iter()
            .zip(likeness)
            .map(|(record, likeness)| Place {
                slot: record.context.slot,
                session: record.context.session_id.as_deref(),
                likeness: likeness.fused,
            })
            .collect()
    }

    /// Adds what is not there yet: a context on its way from one level to another may be found at both.
    fn extend(&mut self, records: impl IntoIterator<Item = Arc<Record>>) {
        let mut present: HashSet<ContextId> = self.records.iter().map(|record| record.context.id).collect();
        let new = records.into_iter().filter(|record| present.insert(record.context.id));
        self.records.extend(new);
    }
}

/// How alike the question and each record of a pool are, by words and by vector.
struct Comparison<'a> {
    rarity: &'a Rarity,
    terms: Option<&'a SparseVector>,
    vector: Option<Cow<'a, [f32]>>,
    lexical: Vec<f32>,
    dense: Vec<f32>,
    compared: usize,
}

impl<'a> Comparison<'a> {
    /// With this question, whose words count as much as they are rare.
    fn with(question: &'a Question, rarity: &'a Rarity) -> Self {
        let weighted = |plain: &'a Vec<f32>| {
            let words = question.words.iter();
            let weights: Vec<(&str, f32)> = words.map(|(word, term)| (word.as_str(), rarity.idf(*term))).collect();
            let weighted = question.model.embed_weighted(&weights);
            weighted.map_or(Cow::Borrowed(plain.as_slice()), Cow::Owned)
        };
        Self {
            rarity,
            terms: question.terms.as_ref(),
            vector: question.vector.as_ref().map(weighted),
            lexical: Vec::new(),
            dense: Vec::new(),
            compared: 0,
        }
    }

    /// Compares the records that were added to the pool since the last time.
    fn extend(&mut self, pool: &[Arc<Record>]) {
        let new = &pool[self.compared..];
        if let Some(terms) = self.terms {
            self.lexical
                .extend(new.iter().map(|record| self.rarity.bm25(terms, &record.terms)));
        }
        if let Some(vector) = &self.vector {
            let compare = |record: &Arc<Record>| record.dense.as_ref().map_or(0.0, |own| cosine(vector, own));
            self.dense.extend(new.iter().map(compare));
        }
        self.compared = pool.len();
    }

    /// Both on one scale, for everything that was compared.
    fn likeness(&self, limit: usize, fusion: Fusion) -> Vec<Likeness> {
        let lexical = self.terms.map(|_| self.lexical.as_slice());
        let dense = self.vector.as_ref().map(|_| self.dense.as_slice());
        let mut likeness = rank::fuse(lexical, dense, limit, &fusion);
        // Nothing to compare by: what is in working memory may still be returned.
        likeness.resize(self.compared, Likeness::default());
        likeness
    }
}

impl ContextEngine {
    /// What was found, with its neighbours, and how alike each is. A store that fails now costs the neighbours only.
    #[tracing::instrument(level = "debug", name = "neighbours", skip_all, fields(near = hits.near.len(), far = hits.far.len()))]
    pub(super) async fn pool(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        question: &Question,
        rarity: Option<Rarity>,
        hits: Hits,
    ) -> (Pool, Result<(), StoreError>) {
        let mut pool = Pool::default();
        pool.extend(hits.near);
        pool.extend(hits.far);
        let limit = self.candidates(request);
        let rarity = rarity.unwrap_or_else(|| {
            let terms = question.words.iter().map(|(_, term)| *term);
            Rarity::count(terms, pool.records.iter().map(|record| &record.terms))
        });
        let mut comparison = Comparison::with(question, &rarity);
        comparison.extend(&pool.records);
        pool.likeness = comparison.likeness(limit, self.config.fusion);
        let brought_in = self.bring_in_neighbours(scope, request, filter, &mut pool).await;
        if pool.records.len() > pool.likeness.len() {
            // Neighbours are candidates like all others now.
            comparison.extend(&pool.records);
            pool.likeness = comparison.likeness(limit, self.config.fusion);
        }
        (pool, brought_in)
    }

    #[tracing::instrument(level = "debug", skip_all, fields(found))]
    pub(super) async fn search_store(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        question: &Question,
        rarity: Option<&Rarity>,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let levels = request.stored_levels();
        if levels.is_empty() || (question.vector.is_none() && question.terms.is_none()) {
            return Ok(Vec::new());
        }
        let query = StoreQuery {
            dense: question.vector.clone(),
            terms: question.terms.as_ref().map(|terms| weigh(terms, rarity)),
            filter: Filter {
                levels,
                ..filter.clone()
            },
            limit: self.candidates(request),
            exact: false,
        };
        let sample = self.recall.chooses(scope, &query);
        let found = self.store.search(scope, query).await?;
        tracing::Span::current().record("found", found.len());
        if let Some(sample) = sample {
            self.recall.offer(sample, &found);
        }
        Ok(found.into_iter().map(|candidate| candidate.record).collect())
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

    /// How rare the words of the question are in a sample of what the user stored; `None` when the store cannot be asked.
    pub(super) async fn rarity(&self, scope: &Scope, request: &SearchRequest, question: &Question) -> Option<Rarity> {
        match self.vocabulary(scope, request.filter.user_id.as_deref()).await {
            Ok(vocabulary) => Some(vocabulary.rarity(question.words.iter().map(|(_, term)| *term))),
            Err(error) => {
                tracing::debug!(error = %error, "weighing words by the candidates alone: the store failed");
                None
            }
        }
    }

    /// Adds the neighbours of the best that were not found by themselves: one look-up for all of them.
    async fn bring_in_neighbours(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        pool: &mut Pool,
    ) -> Result<(), StoreError> {
        let levels = request.stored_levels();
        let missing = rank::missing_slots(&pool.places(), &self.config.neighbours);
        if missing.is_empty() || levels.is_empty() || self.config.neighbours.decay <= 0.0 {
            return Ok(());
        }
        let filter = Filter {
            levels,
            ..filter.clone()
        };
        pool.extend(self.store.at_slots(scope, &missing, &filter).await?);
        Ok(())
    }

    /// By what the likeness of a context is multiplied for the form of its text.
    pub(super) fn form(&self, question: &Question, context: &Context) -> f32 {
        let mut factor = 1.0;
        if asks(&context.text) {
            factor *= self.config.speech.question;
        }
        if let Some(terms) = &question.terms
            && let Some(name) = speaker(&context.text)
            && self.preparer.analyzer.shares_a_word(name, terms)
        {
            factor *= self.config.speech.speaker;
        }
        factor
    }
}

/// The words of a question, each counting for as much as it is rare.
fn weigh(terms: &SparseVector, rarity: Option<&Rarity>) -> SparseVector {
    let weight = |(term, weight)| (term, weight * rarity.map_or(1.0, |rarity| rarity.idf(term)));
    SparseVector::new(terms.iter().map(weight))
}

/// What each of the two gave, as far as one answered; an error only when nothing is left to answer from.
pub(super) fn surviving(
    near: Result<Option<Vec<Arc<Record>>>, StoreError>,
    far: Result<Vec<Arc<Record>>, StoreError>,
    degraded: &mut Vec<Degraded>,
) -> Result<Hits, Error> {
    let is_down = |error: &StoreError| matches!(error.kind, StoreErrorKind::Unavailable(_));
    match (near, far) {
        (Ok(near), Ok(far)) => Ok(Hits {
            near: near.unwrap_or_default(),
            far,
        }),
        (Err(error), Ok(far)) if is_down(&error) => {
            degraded.push(Degraded::L1);
            Ok(Hits { near: Vec::new(), far })
        }
        (Ok(Some(near)), Err(error)) if is_down(&error) && !near.is_empty() => {
            tracing::warn!(error = %error, "searching working memory alone: the store failed");
            degraded.push(Degraded::VectorStore);
            Ok(Hits { near, far: Vec::new() })
        }
        (_, Err(error)) | (Err(error), _) => Err(error.into()),
    }
}
