//! How alike a question and each candidate are, by words and by vector, as one number.
//!
//! Everything is compared again here, with one measure of how rare words are: contexts of working memory, of the store
//! and those that neighbours brought in are on one scale, whatever store found them.
//!
//! Scores are fused, not ranks: with ranks (reciprocal rank fusion) a weak list counts as much as a strong one.

use std::collections::HashMap;

use crate::config::Fusion;
use crate::lexical::{SparseVector, idf};

/// How rare words are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rarity {
    total: usize,
    matching: HashMap<u32, usize>,
}

impl Rarity {
    /// Of `total` contexts, how many have each term.
    pub fn new(total: usize, matching: impl IntoIterator<Item = (u32, usize)>) -> Self {
        Self {
            total,
            matching: matching.into_iter().collect(),
        }
    }

    /// Counts how many of `candidates` have each of `terms`. Candidates without words do not count.
    pub fn count<'a>(
        terms: impl IntoIterator<Item = u32>,
        candidates: impl IntoIterator<Item = &'a SparseVector>,
    ) -> Self {
        let mut rarity = Self::new(0, terms.into_iter().map(|term| (term, 0)));
        for candidate in candidates.into_iter().filter(|candidate| !candidate.is_empty()) {
            rarity.total += 1;
            for (term, count) in &mut rarity.matching {
                *count += usize::from(candidate.get(*term).is_some());
            }
        }
        rarity
    }

    /// The inverse document frequency of a term; one that was not counted is taken for one that nobody has.
    pub fn idf(&self, term: u32) -> f32 {
        idf(self.total, self.matching.get(&term).copied().unwrap_or(0))
    }

    /// The BM25 score of a candidate: over the words it shares with the question, weight times rarity.
    pub fn bm25(&self, question: &SparseVector, candidate: &SparseVector) -> f32 {
        question
            .iter()
            .filter_map(|(term, weight)| Some(weight * self.idf(term) * candidate.get(term)?))
            .sum()
    }
}

/// How alike the question and one candidate are, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Likeness {
    /// By vector.
    pub dense: f32,
    /// By words.
    pub lexical: f32,
    /// Both as one.
    pub fused: f32,
}

/// Puts BM25 scores and cosines of the same candidates on the scale 0 to 1 and makes one of two.
///
/// The best by words is 1. By vector the best is 1, and "not alike" begins where the `limit`-th best is, as a search by
/// vector always finds something; with fewer candidates it begins at cosine 0. `None` is a kind that was not asked for
/// and has no say.
///
/// # Panics
/// When both are given and differ in length.
pub fn fuse(lexical: Option<&[f32]>, dense: Option<&[f32]>, limit: usize, fusion: &Fusion) -> Vec<Likeness> {
    let lexical = lexical.map(|scores| {
        let best = scores.iter().copied().fold(0.0, f32::max);
        scores.iter().map(|score| ratio(*score, best)).collect::<Vec<f32>>()
    });
    let dense = dense.map(|cosines| {
        let best = cosines.iter().copied().fold(0.0, f32::max);
        let low = nth_best(cosines, limit)
            .filter(|low| *low < best)
            .unwrap_or(0.0)
            .max(0.0);
        let share = |cosine: &f32| ratio(cosine - low, best - low);
        cosines.iter().map(share).collect::<Vec<f32>>()
    });
    match (lexical, dense) {
        (Some(lexical), Some(dense)) => {
            assert_eq!(lexical.len(), dense.len(), "both are about the same candidates");
            let weigh = |(lexical, dense): (f32, f32)| Likeness {
                dense,
                lexical,
                fused: (fusion.lexical * lexical + fusion.dense * dense) / (fusion.lexical + fusion.dense),
            };
            lexical.into_iter().zip(dense).map(weigh).collect()
        }
        (Some(lexical), None) => lexical
            .into_iter()
            .map(|lexical| Likeness {
                lexical,
                fused: lexical,
                dense: 0.0,
            })
            .collect(),
        (None, Some(dense)) => dense
            .into_iter()
            .map(|dense| Likeness {
                dense,
                fused: dense,
                lexical: 0.0,
            })
            .collect(),
        (None, None) => Vec::new(),
    }
}

/// The `n`-th best of values; `None` when there are fewer.
fn nth_best(values: &[f32], n: usize) -> Option<f32> {
    let mut values = values.to_vec();
    let at = n.checked_sub(1).filter(|at| *at < values.len())?;
    let (_, nth, _) = values.select_nth_unstable_by(at, |a, b| b.total_cmp(a));
    Some(*nth)
}

fn ratio(part: f32, whole: f32) -> f32 {
    if whole > 0.0 {
        (part / whole).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Cosine of the angle between two vectors of the same size; 0 when one is zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let norm = f32::sqrt(dot(a, a) * dot(b, b));
    if norm > 0.0 { dot(a, b) / norm } else { 0.0 }
}

/// The sum of products, in several sums at a time: a single one has to be added up in order, which leaves most of the
/// processor idle.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUSION: Fusion = Fusion {
        lexical: 0.6,
        dense: 0.4,
    };

    #[test]
    fn a_full_list_starts_at_its_last_cosine_and_a_short_one_at_zero() {
        let dense = |limit| -> Vec<f32> {
            let likeness = fuse(None, Some(&[0.8, 0.4, 0.2]), limit, &FUSION);
            likeness.iter().map(|likeness| likeness.dense).collect()
        };
        assert_eq!(dense(2), [1.0, 0.0, 0.0]);
        assert_eq!(dense(100), [1.0, 0.5, 0.25]);
    }

    #[test]
    fn nothing_alike_is_no_likeness() {
        let likeness = fuse(Some(&[0.0, 0.0]), Some(&[-0.3, 0.0]), 10, &FUSION);
        assert_eq!(likeness, [Likeness::default(); 2]);
        assert_eq!(fuse(None, None, 10, &FUSION), []);
    }

    #[test]
    fn a_kind_that_was_not_asked_for_has_no_say() {
        let fused = |lexical, dense| fuse(lexical, dense, 10, &FUSION)[0].fused;
        assert!((fused(Some([1.0].as_slice()), Some([0.0].as_slice())) - 0.6).abs() < 1e-6);
        assert!((fused(Some([1.0].as_slice()), None) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_word_that_all_candidates_have_tells_little() {
        let texts =
            [&[1, 2][..], &[1], &[1], &[]].map(|terms| SparseVector::new(terms.iter().map(|term| (*term, 2.0))));
        let rarity = Rarity::count([1, 2], &texts);
        let question = SparseVector::new([(1, 1.0), (2, 1.0)]);
        assert!(rarity.idf(2) > 2.0 * rarity.idf(1));
        let expected = 2.0 * idf(3, 3) + 2.0 * idf(3, 1);
        assert!((rarity.bm25(&question, &texts[0]) - expected).abs() < 1e-6);
        assert!(rarity.bm25(&question, &texts[3]) <= 0.0);
    }
}
