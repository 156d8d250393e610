//! Maximal marginal relevance.
//!
//! Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing
//! Summaries", SIGIR 1998.

/// Number of candidates that are reordered. Each is compared with each, so this bounds the work; later ones are rarely
/// chosen.
const REORDERED: usize = 256;

/// Returns the indices of `scores`, which are in descending order, in order of marginal relevance.
///
/// Each next index has the greatest `(1 - diversity) * score - diversity * similarity`, where the similarity, 0 to 1, is
/// that to the most similar index before it. A `diversity` of 0 keeps the order.
pub(crate) fn diversify(scores: &[f32], diversity: f32, mut similarity: impl FnMut(usize, usize) -> f32) -> Vec<usize> {
    if diversity <= 0.0 {
        return (0..scores.len()).collect();
    }
    let mut open: Vec<usize> = (0..scores.len().min(REORDERED)).collect();
    let mut closest = vec![0.0_f32; open.len()];
    let mut order = Vec::with_capacity(scores.len());
    while !open.is_empty() {
        let value = |at: usize| (1.0 - diversity) * scores[at] - diversity * closest[at];
        // The first of the greatest, so that equal values keep their order.
        let next = (1..open.len()).fold(0, |best, i| if value(open[i]) > value(open[best]) { i } else { best });
        let taken = open.remove(next);
        order.push(taken);
        for at in &open {
            closest[*at] = closest[*at].max(similarity(*at, taken));
        }
    }
    order.extend(REORDERED.min(scores.len())..scores.len());
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn similar_candidates_come_later() {
        // 0 and 1 are equal; 2 is worse and different.
        let similarity = |a: usize, b: usize| if a.max(b) == 1 { 1.0 } else { 0.0 };
        assert_eq!(diversify(&[0.9, 0.8, 0.5], 0.5, similarity), [0, 2, 1]);
        assert_eq!(diversify(&[0.9, 0.8, 0.5], 0.0, similarity), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn every_candidate_is_kept_and_the_best_stays_first(
            mut scores in prop::collection::vec(0.0_f32..1.0, 0..300),
            diversity in 0.0_f32..0.99,
        ) {
            scores.sort_unstable_by(|a, b| b.total_cmp(a));
            let order = diversify(&scores, diversity, |a, b| if a % 7 == b % 7 { 1.0 } else { 0.0 });
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..scores.len()).collect::<Vec<_>>());
            prop_assert!(order.first().is_none_or(|first| *first == 0));
        }
    }
}
