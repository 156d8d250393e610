//! Another order of the best candidates, by a model that reads the question and a text together.
//!
//! It changes the order alone: scores stay evidence on their one scale, which the model's are not on.

use std::sync::Arc;

use tokio::time::Instant;

use super::deadline::Wait;
use super::ranking::{Ranked, Ranking};
use super::request::{Degraded, SearchMode, SearchRequest};
use crate::metrics::Step;
use crate::ports::Reranker;

/// Reranker of the best candidates.
#[derive(Debug, Clone)]
pub(crate) struct Reranking {
    pub(crate) reranker: Arc<dyn Reranker>,
    /// Number of best candidates that it orders.
    pub(crate) candidates: usize,
}

impl Reranking {
    /// Orders the best candidates that reach `floor`; a failure leaves the ranking as it is.
    #[tracing::instrument(level = "debug", name = "rerank", skip_all, fields(texts))]
    pub(super) async fn apply(&self, request: &SearchRequest, floor: f32, ranking: &mut Ranking) {
        // The other modes ask for one kind of similarity alone.
        if request.mode != SearchMode::Hybrid {
            return;
        }
        let start = Instant::now();
        let reaching = ranking.ranked.iter_mut().filter(|ranked| ranked.score >= floor);
        let mut best: Vec<&mut Ranked> = reaching.take(self.candidates).collect();
        tracing::Span::current().record("texts", best.len());
        if best.len() < 2 {
            return;
        }
        let texts: Vec<&str> = best.iter().map(|ranked| ranked.record.context.text.as_str()).collect();
        let call = self.reranker.rerank(&request.query, &texts);
        let scores = request.deadline().wait(Wait::Rerank, call).await;
        Step::Rerank.took(start);
        match scores {
            Ok(Ok(scores)) => {
                for (ranked, score) in best.iter_mut().zip(scores) {
                    ranked.parts.rerank = Some(score);
                }
                reorder(&mut ranking.ranked);
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the ranking is used as it is: reranking failed"
                );
                ranking.degraded.push(Degraded::Rerank);
            }
            Err(_late) => ranking.degraded.extend([Degraded::Rerank, Degraded::Deadline]),
        }
    }
}

/// Puts what was reranked first, best first; the rest and equals keep their order.
fn reorder(ranked: &mut [Ranked]) {
    let place = |ranked: &Ranked| ranked.parts.rerank.unwrap_or(f32::NEG_INFINITY);
    ranked.sort_by(|a, b| place(b).total_cmp(&place(a)));
}
