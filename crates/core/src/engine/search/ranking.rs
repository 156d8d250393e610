//! Ranking of all candidates by score, from which search and assembly select.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::candidates::{Pool, Retrieval, missing, surviving};
use super::comparison::Comparison;
use super::deadline::Wait;
use super::question::{EARLIER, Question};
use super::request::{Degraded, Found, SearchRequest};
use crate::context::{Context, Level};
use crate::lexical::{AnalyzedQuestion, Analyzer, Language, announces_change, asks, is_of_assistant, speaker};
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

#[cfg(test)]
impl Ranked {
    /// Creates a candidate for tests of what comes after ranking.
    pub(super) fn with_score(record: Record, score: f32) -> Self {
        Self {
            record: Arc::new(record),
            score,
            parts: Parts::default(),
        }
    }
}

impl From<Ranked> for Found {
    fn from(ranked: Ranked) -> Self {
        Self {
            // Working memory may share it.
            context: Arc::unwrap_or_clone(ranked.record).context,
            score: ranked.score,
            parts: ranked.parts,
            neighbours: [Vec::new(), Vec::new()],
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
        let mut question = Question::prepare(
            retrieval.contexts.models,
            &model,
            analyzed(retrieval.analyzer, request, languages),
            scope,
            request,
            &mut degraded,
        )
        .await;
        let frequencies = vocabulary.map(|vocabulary| vocabulary.frequencies(&question.words));
        if let Some(frequencies) = &frequencies {
            question.lean(frequencies);
        }
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
        let near = retrieval
            .search_working_memory(scope, request, &filter, &mut degraded)
            .await;
        let far = retrieval
            .search_store(scope, request, &filter, &question, frequencies.as_ref(), &mut degraded)
            .await;
        Step::Candidates.took(start);
        let hits = surviving(near, far, &mut degraded)?;
        let start = Instant::now();
        let (pool, comparison, brought_in) = retrieval
            .pool(scope, request, &filter, &question, frequencies, hits)
            .await;
        if let Err(error) = brought_in {
            tracing::warn!(error = %error, "ranking without neighbours");
            degraded.push(missing(&error));
        }
        Step::Neighbours.took(start);
        let start = Instant::now();
        let ranking = Ranking {
            searched: searched(&pool),
            ranked: self.rank(&question, pool, &comparison, now),
            cache_hit: question.cached,
            degraded,
        };
        Step::Rank.took(start);
        Ok(ranking)
    }

    #[tracing::instrument(level = "debug", skip_all, fields(candidates = pool.records.len()))]
    fn rank(&self, question: &Question, pool: Pool, comparison: &Comparison<'_>, now: Timestamp) -> Vec<Ranked> {
        let config = self.retrieval.config;
        let mut relevance = rank::lend(&pool.places(), &config.neighbours);
        let mut states = Vec::with_capacity(relevance.len());
        for (relevance, record) in relevance.iter_mut().zip(&pool.records) {
            let form = self.form(question, &record.context);
            *relevance *= form.factor;
            states.push(form.states);
        }
        rank::lift_newer(&mut relevance, &comparison.statements(&pool.records, &states));
        let mut ranked: Vec<Ranked> = pool
            .records
            .into_iter()
            .zip(comparison.signals())
            .zip(relevance)
            .map(|((record, signals), relevance)| {
                let part = |evidence: Option<f32>| evidence.unwrap_or(0.0).clamp(0.0, 1.0);
                let parts = Parts {
                    similarity: part(signals.model),
                    lexical: part(signals.words),
                    table: part(signals.table),
                    relevance: relevance.clamp(0.0, 1.0),
                    ..Parts::of(&record.context, now, config.recency_half_life_secs)
                };
                let score = rank::score(&config.weights, &parts);
                Ranked { record, score, parts }
            })
            .collect();
        // Of equals the newer first.
        ranked.sort_unstable_by(|a, b| {
            let (one, other) = (&a.record.context, &b.record.context);
            b.score
                .total_cmp(&a.score)
                .then_with(|| other.occurred_at.cmp(&one.occurred_at))
                .then_with(|| one.id.cmp(&other.id))
        });
        ranked
    }

    /// Returns the form of a context's text.
    fn form(&self, question: &Question, context: &Context) -> Form {
        let speech = self.retrieval.config.speech;
        let (asks, is_assistant) = (asks(&context.text), is_of_assistant(context));
        let mut factor = 1.0;
        if asks {
            factor *= speech.question;
        }
        if is_assistant {
            factor *= speech.assistant;
        }
        if announces_change(&context.text) {
            factor *= speech.change;
        }
        if let Some(terms) = &question.terms
            && let Some(name) = speaker(&context.text)
            && self.retrieval.analyzer.shares_a_word(name, terms)
        {
            factor *= speech.speaker;
        }
        Form {
            factor,
            states: !asks && !is_assistant,
        }
    }
}

/// Returns the words of the question and, for less, those of the conversation before it.
fn analyzed(analyzer: &Analyzer, request: &SearchRequest, languages: &[Language]) -> AnalyzedQuestion {
    let question = analyzer.question(&request.query, languages);
    match request.earlier_text() {
        Some(earlier) => question.after(analyzer.question(&earlier, languages), EARLIER),
        None => question,
    }
}

/// Form of a text.
struct Form {
    /// Factor of the evidence.
    factor: f32,
    /// Set for a statement of a person.
    states: bool,
}

fn searched(pool: &Pool) -> [usize; Level::ALL.len()] {
    let mut searched = [0; Level::ALL.len()];
    for record in &pool.records {
        searched[record.context.level.index()] += 1;
    }
    searched
}
