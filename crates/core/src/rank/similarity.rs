//! Similarity of the query to each candidate: BM25 and cosine, fused into one number.
//!
//! All candidates are compared again here with the same IDF, so that contexts from working memory, from the store and from
//! neighbours are on one scale with any store.
//!
//! Scores are fused instead of ranks: with reciprocal rank fusion a weak list counts as much as a strong one.

use std::collections::HashMap;

use crate::config::Fusion;
use crate::lexical::{QuestionWord, SparseVector, idf};

/// Document frequencies of terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DocumentFrequencies {
    total: usize,
    matching: HashMap<u32, usize>,
}

impl DocumentFrequencies {
    /// Takes the number of contexts that have each term, out of `total`.
    pub(crate) fn new(total: usize, matching: impl IntoIterator<Item = (u32, usize)>) -> Self {
        Self {
            total,
            matching: matching.into_iter().collect(),
        }
    }

    /// Counts the candidates that have each of `terms`. Candidates without terms do not count.
    pub(crate) fn count<'a>(
        terms: impl IntoIterator<Item = u32>,
        candidates: impl IntoIterator<Item = &'a SparseVector>,
    ) -> Self {
        let mut frequencies = Self::new(0, terms.into_iter().map(|term| (term, 0)));
        for candidate in candidates.into_iter().filter(|candidate| !candidate.is_empty()) {
            frequencies.total += 1;
            for (term, count) in &mut frequencies.matching {
                *count += usize::from(candidate.get(*term).is_some());
            }
        }
        frequencies
    }

    /// Returns the inverse document frequency of a term; uncounted terms have a frequency of 0.
    pub(crate) fn idf(&self, term: u32) -> f32 {
        idf(self.total, self.matching.get(&term).copied().unwrap_or(0))
    }

    /// Returns the inverse document frequency of a word: of the most frequent among its best terms that occur at all.
    pub(crate) fn idf_of(&self, word: &QuestionWord) -> f32 {
        let matching = |term: &u32| self.matching.get(term).copied().unwrap_or(0);
        let found = word.terms.iter().filter(|(term, _)| matching(term) > 0);
        let best = found.max_by(|(a, left), (b, right)| left.total_cmp(right).then(matching(a).cmp(&matching(b))));
        idf(self.total, best.map_or(0, |(term, _)| matching(term)))
    }

    /// Returns the BM25 score of a candidate: the sum of weights times IDF over the words it shares with the question.
    pub(crate) fn bm25(&self, question: &[QuestionWord], candidate: &SparseVector) -> f32 {
        let score = |word: &QuestionWord| match word.weight_in(candidate) {
            0.0 => 0.0,
            weight => weight * self.idf_of(word),
        };
        question.iter().map(score).sum()
    }
}

/// Similarity of the query and one candidate by vector, by terms and fused, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Similarity {
    pub(crate) dense: f32,
    pub(crate) lexical: f32,
    pub(crate) fused: f32,
}

/// Normalises BM25 scores and cosines of the same candidates to 0 to 1 and fuses them.
///
/// The best score of each kind becomes 1. 0 is a BM25 score of 0 and, as a vector search always finds something, the cosine
/// of the `limit`-th best candidate, or 0 with fewer candidates. A kind that is `None` has no weight.
///
/// # Panics
/// If both are given and differ in length.
pub(crate) fn fuse(lexical: Option<&[f32]>, dense: Option<&[f32]>, limit: usize, fusion: Fusion) -> Vec<Similarity> {
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
    let (lexical_weight, dense_weight) = match (&lexical, &dense) {
        (Some(_), None) => (1.0, 0.0),
        (None, Some(_)) => (0.0, 1.0),
        (Some(_), Some(_)) | (None, None) => (fusion.lexical, fusion.dense),
    };
    let count = lexical.as_ref().or(dense.as_ref()).map_or(0, Vec::len);
    let (lexical, dense) = (
        lexical.unwrap_or_else(|| vec![0.0; count]),
        dense.unwrap_or_else(|| vec![0.0; count]),
    );
    assert_eq!(lexical.len(), dense.len(), "both are about the same candidates");
    let fuse = |(lexical, dense): (f32, f32)| Similarity {
        dense,
        lexical,
        fused: (lexical_weight * lexical + dense_weight * dense) / (lexical_weight + dense_weight),
    };
    lexical.into_iter().zip(dense).map(fuse).collect()
}

/// Returns the `n`-th best value; `None` if there are fewer.
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

/// Returns the cosine of the angle between two vectors of the same size; 0 if one is zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let norm = f32::sqrt(dot(a, a) * dot(b, b));
    if norm > 0.0 { dot(a, b) / norm } else { 0.0 }
}

/// Returns the dot product. Independent partial sums let the compiler vectorise, which one running sum does not.
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
    fn similarity_0_is_the_last_cosine_of_a_full_list_and_cosine_0_of_a_short_one() {
        let dense = |limit| -> Vec<f32> {
            let similarity = fuse(None, Some(&[0.8, 0.4, 0.2]), limit, FUSION);
            similarity.iter().map(|similarity| similarity.dense).collect()
        };
        assert_eq!(dense(2), [1.0, 0.0, 0.0]);
        assert_eq!(dense(100), [1.0, 0.5, 0.25]);
    }

    #[test]
    fn scores_of_0_stay_0() {
        let similarity = fuse(Some(&[0.0, 0.0]), Some(&[-0.3, 0.0]), 10, FUSION);
        assert_eq!(similarity, [Similarity::default(); 2]);
        assert_eq!(fuse(None, None, 10, FUSION), []);
    }

    #[test]
    fn a_missing_kind_has_no_weight() {
        let fused = |lexical, dense| fuse(lexical, dense, 10, FUSION)[0].fused;
        assert!((fused(Some([1.0].as_slice()), Some([0.0].as_slice())) - 0.6).abs() < 1e-6);
        assert!((fused(Some([1.0].as_slice()), None) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_term_of_all_candidates_weighs_little() {
        let texts =
            [&[1, 2][..], &[1], &[1], &[]].map(|terms| SparseVector::new(terms.iter().map(|term| (*term, 2.0))));
        let frequencies = DocumentFrequencies::count([1, 2], &texts);
        let word = |term| QuestionWord {
            text: String::new(),
            range: 0..0,
            terms: vec![(term, 1.0)],
            weight: 1.0,
        };
        let question = [word(1), word(2)];
        assert!(frequencies.idf(2) > 2.0 * frequencies.idf(1));
        let expected = 2.0 * idf(3, 3) + 2.0 * idf(3, 1);
        assert!((frequencies.bm25(&question, &texts[0]) - expected).abs() < 1e-6);
        assert!(frequencies.bm25(&question, &texts[3]) <= 0.0);
    }
}
