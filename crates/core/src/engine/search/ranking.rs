//! All candidates in the order of their scores: what search returns from and assemble writes from.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::candidates::{Pool, surviving};
use super::question::Question;
use super::{Degraded, Found, SearchRequest};
use crate::context::Level;
use crate::engine::ContextEngine;
use crate::metrics::{Step, count_degraded};
use crate::ports::Record;
use crate::rank::{self, Parts};
use crate::{Error, Filter, Scope, Visibility};

/// A candidate with its score.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) record: Arc<Record>,
    pub(super) score: f32,
    parts: Parts,
}

impl From<Ranked> for Found {
    fn from(ranked: Ranked) -> Self {
        Self {
            // Working memory keeps its own.
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
    /// How many of each level there are.
    pub(super) searched: [usize; Level::ALL.len()],
    pub(super) cache_hit: bool,
    pub(super) degraded: Vec<Degraded>,
}

impl ContextEngine {
    /// Finds candidates and ranks them.
    pub(super) async fn ranking(&self, scope: &Scope, request: &SearchRequest) -> Result<Ranking, Error> {
        let mut degraded = Vec::new();
        let start = Instant::now();
        // Held to the end: the question and what it is compared with must be of one model.
        let model = self.model.read().await;
        let question = self.question(scope, &model, request, &mut degraded).await;
        let rarity = self.rarity(scope, request, &question).await;
        Step::Question.took(start);
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
        let start = Instant::now();
        // One after the other: contexts move from there to here, and both would miss one that moves while they are read.
        let near = self.search_working_memory(scope, request, &filter).await;
        let far = self
            .search_store(scope, request, &filter, &question, rarity.as_ref())
            .await;
        Step::Candidates.took(start);
        let hits = surviving(near, far, &mut degraded)?;
        let start = Instant::now();
        let (pool, brought_in) = self.pool(scope, request, &filter, &question, rarity, hits).await;
        if let Err(error) = brought_in {
            tracing::warn!(error = %error, "ranking without neighbours: the store failed");
            // It may have been down for the search already, and is named once.
            if !degraded.contains(&Degraded::VectorStore) {
                degraded.push(Degraded::VectorStore);
            }
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
        count_degraded(&ranking.degraded);
        Ok(ranking)
    }

    #[tracing::instrument(level = "debug", skip_all, fields(candidates = pool.records.len()))]
    fn rank(&self, question: &Question, pool: Pool, now: Timestamp) -> Vec<Ranked> {
        let mut relevance = rank::lend(&pool.places(), &self.config.neighbours);
        for (relevance, record) in relevance.iter_mut().zip(&pool.records) {
            *relevance *= self.form(question, &record.context);
        }
        rank::scale_down(&mut relevance);
        let mut ranked: Vec<Ranked> = pool
            .records
            .into_iter()
            .zip(pool.likeness)
            .zip(relevance)
            .map(|((record, likeness), relevance)| {
                let parts = Parts {
                    similarity: likeness.dense,
                    lexical: likeness.lexical,
                    relevance,
                    ..Parts::of(&record.context, now, self.config.recency_half_life_secs)
                };
                let score = rank::score(&self.config.weights, &parts);
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
}

fn searched(pool: &Pool) -> [usize; Level::ALL.len()] {
    let mut searched = [0; Level::ALL.len()];
    for record in &pool.records {
        searched[record.context.level.index()] += 1;
    }
    searched
}
