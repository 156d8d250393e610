//! Score of a context: the evidence for it, and what orders contexts of nearly the same evidence.

use jiff::Timestamp;

use crate::Moment;
use crate::config::Weights;
use crate::context::{Context, Level};

/// Number of accesses with a frequency of 1.
const FREQUENT: f32 = 100.0;

/// Parts of a score, each 0 to 1 but the last.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Parts {
    /// Evidence by the embedding model's vector.
    pub similarity: f32,
    /// Evidence by words.
    pub lexical: f32,
    /// Evidence by the token table.
    pub table: f32,
    /// All evidence: the kinds fused, plus what neighbours in the session lend, by the form of the text.
    pub relevance: f32,
    /// 1 for the present, halved after each half-life.
    pub recency: f32,
    /// 1.0 for immediate, 0.7 for short-term, 0.5 for long-term.
    pub level: f32,
    /// Number of accesses on a logarithmic scale.
    pub frequency: f32,
    /// Importance of the context.
    pub importance: f32,
    /// Score of the reranker, on a scale of its own; no part of the score, but it decides the order.
    pub rerank: Option<f32>,
}

impl Parts {
    /// Returns the parts that depend on the context alone, at `now`; similarities are 0.
    pub(crate) fn of(context: &Context, now: Timestamp, half_life_secs: u64) -> Self {
        Self {
            recency: recency(context.occurred_at, now, half_life_secs),
            level: match context.level {
                Level::Immediate => 1.0,
                Level::ShortTerm => 0.7,
                Level::LongTerm => 0.5,
            },
            frequency: frequency(context.access_count),
            importance: context.importance,
            ..Self::default()
        }
    }
}

/// Returns 1 for `now`, halved after each half-life.
#[expect(clippy::cast_precision_loss, reason = "ages need no more than a float's precision")]
pub(crate) fn recency(at: Moment, now: Timestamp, half_life_secs: u64) -> f32 {
    let age_secs = (now.as_millisecond() - at.as_millisecond()).max(0) as f32 / 1000.0;
    (-age_secs / half_life_secs as f32).exp2()
}

/// Returns the number of accesses on a logarithmic scale from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "counts need no more than a float's precision")]
pub(crate) fn frequency(accesses: u64) -> f32 {
    ((accesses as f32).ln_1p() / FREQUENT.ln_1p()).min(1.0)
}

/// Returns the score, 0 to 1: the evidence, less up to the share of the weights where the other parts are below 1.
pub(crate) fn score(weights: &Weights, parts: &Parts) -> f32 {
    let most = weights.recency + weights.level + weights.frequency + weights.importance;
    let sum = weights.recency * parts.recency
        + weights.level * parts.level
        + weights.frequency * parts.frequency
        + weights.importance * parts.importance;
    (parts.relevance * (1.0 + sum) / (1.0 + most)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recency_halves_and_never_exceeds_one() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = |secs: i64| recency(Moment::from_millisecond(secs * 1000), now, 60);
        assert!((at(1_000_000 - 60) - 0.5).abs() < 1e-6);
        assert!((at(2_000_000) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_hundred_accesses_have_the_full_frequency() {
        assert!((frequency(100) - 1.0).abs() < 1e-6);
        assert!((frequency(1_000_000) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn parts_order_what_is_alike_and_never_lift_what_is_irrelevant() {
        let weights = Weights::default();
        let of = |relevance, part| {
            let parts = Parts {
                relevance,
                recency: part,
                level: part,
                importance: part,
                ..Parts::default()
            };
            score(&weights, &parts)
        };
        assert!((of(1.0, 1.0) - 1.0).abs() < 1e-6);
        assert!(of(0.5, 1.0) > of(0.52, 0.0), "alike");
        assert!(of(0.4, 1.0) < of(0.5, 0.0), "not alike");
        assert!(of(0.0, 1.0) <= 0.0);
    }
}
