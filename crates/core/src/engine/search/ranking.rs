//! Ranking of all candidates by score, from which search and assembly select.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::candidates::{Pool, Retrieval, surviving};
use super::deadline::Wait;
use super::question::Question;
use super::request::{Degraded, Found, SearchRequest};
use crate::context::{Context, Level};
use crate::lexical::{Analyzer, asks, speaker};
use crate::metrics::Step;
use crate::ports::Record;
use crate::rank::{self, Parts};
use crate::{Error, Filter, Scope, Visibility};

/// A candidate with its score.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) record: Arc<Record>,
    pub(super) score: f32,
    pub(super) parts: Parts,
}

impl From<Ranked> for Found {
    fn from(ranked: Ranked) -> Self {
        Self {
            // Working memory may share it.
            context: Arc::unwrap_or_clone(ranked.record).context,
            score: ranked.score,
            parts: ranked.parts,
        }
    }
}

/// Candidates, best first; equal scores by id.
#[derive(Debug)]
pub(super) struct Ranking {
    pub(super) ranked: Vec<Ranked>,
    /// Number of candidates of each level.
    pub(super) searched: [usize; Level::ALL.len()],
    pub(super) cache_hit: bool,
    pub(super) degraded: Vec<Degraded>,
}

/// Ranker of candidates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranker<'a> {
    pub(crate) retrieval: Retrieval<'a>,
    pub(crate) analyzer: &'a Analyzer,
}

impl Ranker<'_> {
    /// Retrieves candidates and ranks them.
    pub(super) async fn ranking(&self, scope: &Scope, request: &SearchRequest) -> Result<Ranking, Error> {
        let (retrieval, deadline) = (self.retrieval, request.deadline());
        let mut degraded = Vec::new();
        let start = Instant::now();
        // Held to the end: the query and its candidates must be of one model.
        let model = deadline
            .wait(Wait::Question, retrieval.contexts.models.in_use())
            .await?;
        let vocabulary = retrieval.vocabulary(scope, request);
        let vocabulary = deadline.wait(Wait::Vocabulary, vocabulary).await;
        let vocabulary = vocabulary.unwrap_or_else(|_late| {
            degraded.push(Degraded::Deadline);
            None
        });
        let languages = vocabulary.as_ref().map_or(&[][..], |vocabulary| vocabulary.languages());
        let question = Question::prepare(
            retrieval.contexts.models,
            &model,
            self.analyzer.question(&request.query, languages),
            scope,
            request,
            &mut degraded,
        )
        .await;
        let frequencies = vocabulary.map(|vocabulary| vocabulary.frequencies(&question.words));
        Step::Question.took(start);
        let now = retrieval.contexts.now();
        let visibility = if request.include_superseded {
            Visibility::Live(now)
        } else {
            Visibility::Current(now)
        };
        let filter = Filter {
            visibility,
            ..request.filter.clone()
        };
        let start = Instant::now();
        // In this order: contexts move from working memory to the store, and concurrent reads could both miss one.
        let near = retrieval.search_working_memory(scope, request, &filter).await;
        let far = retrieval
            .search_store(scope, request, &filter, &question, frequencies.as_ref())
            .await;
        Step::Candidates.took(start);
        let hits = surviving(near, far, &mut degraded)?;
        let start = Instant::now();
        let (pool, brought_in) = retrieval
            .pool(scope, request, &filter, &question, frequencies, hits)
            .await;
        if let Err(error) = brought_in {
            tracing::warn!(error = %error, "ranking without neighbours");
            degraded.push(if matches!(error, Error::DeadlineExceeded) {
                Degraded::Deadline
            } else {
                Degraded::VectorStore
            });
        }
        Step::Neighbours.took(start);
        let start = Instant::now();
        let ranking = Ranking {
            searched: searched(&pool),
            ranked: self.rank(&question, pool, now),
            cache_hit: question.cached,
            degraded,
        };
        Step::Rank.took(start);
        Ok(ranking)
    }

    #[tracing::instrument(level = "debug", skip_all, fields(candidates = pool.records.len()))]
    fn rank(&self, question: &Question, pool: Pool, now: Timestamp) -> Vec<Ranked> {
        let mut relevance = rank::lend(&pool.places(), &self.retrieval.config.neighbours);
        for (relevance, record) in relevance.iter_mut().zip(&pool.records) {
            *relevance *= self.form(question, &record.context);
        }
        rank::scale_down(&mut relevance);
        let mut ranked: Vec<Ranked> = pool
            .records
            .into_iter()
            .zip(pool.similarities)
            .zip(relevance)
            .map(|((record, similarity), relevance)| {
                let parts = Parts {
                    similarity: similarity.dense,
                    lexical: similarity.lexical,
                    relevance,
                    ..Parts::of(&record.context, now, self.retrieval.config.recency_half_life_secs)
                };
                let score = rank::score(&self.retrieval.config.weights, &parts);
                Ranked { record, score, parts }
            })
            .collect();
        ranked.sort_unstable_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.record.context.id.cmp(&b.record.context.id))
        });
        ranked
    }
    /// Returns the factor of a context's similarity for the form of its text.
    fn form(&self, question: &Question, context: &Context) -> f32 {
        let mut factor = 1.0;
        if asks(&context.text) {
            factor *= self.retrieval.config.speech.question;
        }
        if let Some(terms) = &question.terms
            && let Some(name) = speaker(&context.text)
            && self.analyzer.shares_a_word(name, terms)
        {
            factor *= self.retrieval.config.speech.speaker;
        }
        factor
    }
}

fn searched(pool: &Pool) -> [usize; Level::ALL.len()] {
    let mut searched = [0; Level::ALL.len()];
    for record in &pool.records {
        searched[record.context.level.index()] += 1;
    }
    searched
}
