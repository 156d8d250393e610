//! Searching the immediate level: one session's contexts, compared one by one in memory.

use super::{ContextEngine, Question, SearchRequest};
use crate::context::Level;
use crate::lexical::{SparseVector, idf};
use crate::ports::{Candidate, Record, StoreError};
use crate::rank::cosine;
use crate::{Filter, Scope};

impl ContextEngine {
    /// All matching contexts of the session's working memory with their likeness; `None` when it was not asked for.
    pub(super) async fn search_working_memory(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
        question: &Question,
    ) -> Result<Option<Vec<Candidate>>, StoreError> {
        if !request.levels().contains(&Level::Immediate) {
            return Ok(None);
        }
        let entries = self.working_memory(scope, request.working_memory()).await?;
        let records: Vec<&Record> = entries
            .iter()
            .map(AsRef::as_ref)
            .filter(|record| filter.matches(&record.context))
            .collect();
        let weights = question.terms.as_ref().map(|terms| TermWeights::new(terms, &records));
        let compare = |record: &&Record| Candidate {
            context: record.context.clone(),
            vector: None,
            dense: question
                .dense
                .as_ref()
                .zip(record.dense.as_ref())
                .map(|(query, own)| cosine(query, own)),
            lexical: weights.as_ref().map(|weights| weights.share(&record.terms)),
        };
        Ok(Some(records.iter().map(compare).collect()))
    }
}

/// What each word of the query is worth within one working memory.
struct TermWeights {
    idf: Vec<(u32, f32)>,
    total: f32,
}

impl TermWeights {
    fn new(query: &SparseVector, records: &[&Record]) -> Self {
        let matching = |term| records.iter().filter(|record| record.terms.get(term).is_some()).count();
        let idf: Vec<(u32, f32)> = query
            .indices
            .iter()
            .map(|term| (*term, idf(records.len(), matching(*term))))
            .collect();
        let total = idf.iter().map(|(_, weight)| weight).sum();
        Self { idf, total }
    }

    /// The share of the query's words that a text has, rare ones counting more: 0 to 1.
    ///
    /// A share, not a BM25 score as the store gives: statistics over one session are no match for those of a
    /// collection, and a share can stand beside scores that are normalised by their best.
    fn share(&self, terms: &SparseVector) -> f32 {
        let sum: f32 = self
            .idf
            .iter()
            .map(|(term, idf)| idf * terms.get(*term).unwrap_or(0.0).min(1.0))
            .sum();
        if self.total > 0.0 { sum / self.total } else { 0.0 }
    }
}
