//! The HiRAG score of a context: similarity, recency, level, frequency and importance, weighted.

use jiff::Timestamp;

use crate::Moment;
use crate::config::Weights;
use crate::context::{Context, Level};

/// How many accesses give full marks for frequency.
const FREQUENT: f32 = 100.0;

/// The parts of a score, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Parts {
    /// Likeness by vector.
    pub similarity: f32,
    /// Likeness by words.
    pub lexical: f32,
    /// Both, with what neighbours in the session lend; what the score counts as similarity.
    pub relevance: f32,
    /// 1 for what happens now, half after each half-life.
    pub recency: f32,
    /// 1.0 immediate, 0.7 short-term, 0.5 long-term.
    pub level: f32,
    /// Accesses on a logarithmic scale.
    pub frequency: f32,
    /// As given with the context.
    pub importance: f32,
}

impl Parts {
    /// The parts that depend on the context alone, at `now`; the likenesses are 0.
    pub fn of(context: &Context, now: Timestamp, half_life_secs: u64) -> Self {
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

/// 1 for `now`, half after each half-life.
#[expect(clippy::cast_precision_loss, reason = "ages need no more than a float's precision")]
pub(crate) fn recency(at: Moment, now: Timestamp, half_life_secs: u64) -> f32 {
    let age_secs = (now.as_millisecond() - at.as_millisecond()).max(0) as f32 / 1000.0;
    (-age_secs / half_life_secs as f32).exp2()
}

/// How often something was served, on a logarithmic scale from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "counts need no more than a float's precision")]
pub(crate) fn frequency(accesses: u64) -> f32 {
    ((accesses as f32).ln_1p() / FREQUENT.ln_1p()).min(1.0)
}

/// The weighted mean of the parts, 0 to 1.
pub fn score(weights: &Weights, parts: &Parts) -> f32 {
    let total = weights.similarity + weights.recency + weights.level + weights.frequency + weights.importance;
    let sum = weights.similarity * parts.relevance
        + weights.recency * parts.recency
        + weights.level * parts.level
        + weights.frequency * parts.frequency
        + weights.importance * parts.importance;
    (sum / total).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::test_context;

    #[test]
    fn recency_halves_and_never_exceeds_one() {
        let mut context = test_context("x");
        let now = Timestamp::from_second(1_000_000).unwrap();
        context.occurred_at = Moment::from_millisecond((1_000_000 - 60) * 1000);
        assert!((Parts::of(&context, now, 60).recency - 0.5).abs() < 1e-6);
        context.occurred_at = Moment::from_millisecond(2_000_000_000);
        assert!((Parts::of(&context, now, 60).recency - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_hundred_accesses_are_full_marks() {
        let mut context = test_context("x");
        context.access_count = 100;
        let frequent = Parts::of(&context, Timestamp::UNIX_EPOCH, 60).frequency;
        context.access_count = 1_000_000;
        assert!((frequent - 1.0).abs() < 1e-6);
        assert!((Parts::of(&context, Timestamp::UNIX_EPOCH, 60).frequency - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_score_is_a_weighted_mean() {
        let parts = Parts {
            relevance: 1.0,
            recency: 1.0,
            level: 1.0,
            frequency: 1.0,
            importance: 1.0,
            ..Parts::default()
        };
        assert!((score(&Weights::default(), &parts) - 1.0).abs() < 1e-6);
        assert!((score(&Weights::default(), &Parts::default())).abs() < 1e-6);
    }
}
