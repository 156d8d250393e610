//! Making cosines and BM25 scores comparable, and one of two.
//!
//! Scores are fused, not ranks: with ranks (reciprocal rank fusion) a weak list counts as much as a strong one, which
//! loses more than it gains on real conversations; see docs/benchmarks.md.

use crate::config::Fusion;
use crate::ports::Candidate;

/// Maps raw scores of one search to 0..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normaliser {
    dense_low: f32,
    dense_high: f32,
    lexical_high: f32,
}

impl Normaliser {
    /// Learns the ranges from what was found. `limit` is how many each list could hold: the last of a full list is
    /// where "not similar" begins; in a shorter list that is cosine 0.
    pub fn new(found: &[Candidate], limit: usize) -> Self {
        let cosines = || found.iter().filter_map(|candidate| candidate.dense);
        let low = cosines().fold(f32::INFINITY, f32::min);
        let dense_high = cosines().fold(0.0, f32::max);
        let full = cosines().count() >= limit && low < dense_high;
        let dense_low = if full { low.max(0.0) } else { 0.0 };
        let lexical_high = found
            .iter()
            .filter_map(|candidate| candidate.lexical)
            .fold(0.0, f32::max);
        Self {
            dense_low,
            dense_high,
            lexical_high,
        }
    }

    /// A cosine as 0..1.
    pub fn dense(&self, cosine: Option<f32>) -> f32 {
        ratio(cosine.unwrap_or(0.0) - self.dense_low, self.dense_high - self.dense_low)
    }

    /// A BM25 score as 0..1.
    pub fn lexical(&self, score: Option<f32>) -> f32 {
        ratio(score.unwrap_or(0.0), self.lexical_high)
    }
}

fn ratio(part: f32, whole: f32) -> f32 {
    if whole > 0.0 {
        (part / whole).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

impl Fusion {
    /// One similarity of two, both 0..1. A kind that was not searched for has no say.
    pub fn fuse(&self, dense: Option<f32>, lexical: Option<f32>) -> f32 {
        match (dense, lexical) {
            (Some(dense), Some(lexical)) => (self.dense * dense + self.lexical * lexical) / (self.dense + self.lexical),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0.0,
        }
    }
}

/// Cosine of the angle between two vectors of the same size; 0 when one is zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let (mut dot, mut a2, mut b2) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        dot += x * y;
        a2 += x * x;
        b2 += y * y;
    }
    let norm = f32::sqrt(a2 * b2);
    if norm > 0.0 { dot / norm } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::test_context;

    fn candidate(dense: Option<f32>, lexical: Option<f32>) -> Candidate {
        Candidate {
            context: test_context("x"),
            vector: None,
            dense,
            lexical,
        }
    }

    #[test]
    fn a_full_list_starts_at_its_last_cosine_and_a_short_one_at_zero() {
        let found = [candidate(Some(0.8), Some(4.0)), candidate(Some(0.4), None)];
        let full = Normaliser::new(&found, 2);
        assert_eq!(
            (full.dense(Some(0.8)), full.dense(Some(0.4)), full.dense(None)),
            (1.0, 0.0, 0.0)
        );
        let short = Normaliser::new(&found, 100);
        assert!((short.dense(Some(0.4)) - 0.5).abs() < 1e-6);
        assert_eq!((full.lexical(Some(2.0)), full.lexical(None)), (0.5, 0.0));
    }

    #[test]
    fn nothing_found_is_no_similarity() {
        let nothing = Normaliser::new(&[], 10);
        assert_eq!((nothing.dense(Some(0.3)), nothing.lexical(Some(1.0))), (0.0, 0.0));
    }

    #[test]
    fn a_kind_that_was_not_searched_has_no_say() {
        let fusion = Fusion {
            lexical: 0.6,
            dense: 0.4,
        };
        assert!((fusion.fuse(Some(1.0), Some(0.0)) - 0.4).abs() < 1e-6);
        assert_eq!((fusion.fuse(None, Some(0.7)), fusion.fuse(None, None)), (0.7, 0.0));
    }
}
