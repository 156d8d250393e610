//! Choosing what adds something: maximal marginal relevance.
//!
//! Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing
//! Summaries", SIGIR 1998.

/// How many of the best are put in a new order. Each is compared with each, so this bounds the work; what comes after
/// them is rarely chosen.
const REORDERED: usize = 256;

/// The order in which candidates add most, as positions in `scores`, which are in descending order.
///
/// Each next one has the greatest `(1 - diversity) * score - diversity * alike`, where `alike` is its likeness, 0 to 1,
/// to the most alike one before it. With a `diversity` of 0 the order stays as it is.
pub fn diversify(scores: &[f32], diversity: f32, mut alike: impl FnMut(usize, usize) -> f32) -> Vec<usize> {
    if diversity <= 0.0 {
        return (0..scores.len()).collect();
    }
    let mut open: Vec<usize> = (0..scores.len().min(REORDERED)).collect();
    let mut most_alike = vec![0.0_f32; open.len()];
    let mut order = Vec::with_capacity(scores.len());
    while !open.is_empty() {
        let value = |at: usize| (1.0 - diversity) * scores[at] - diversity * most_alike[at];
        // The first of the greatest, so that equal ones keep their order.
        let next = (1..open.len()).fold(0, |best, i| if value(open[i]) > value(open[best]) { i } else { best });
        let taken = open.remove(next);
        order.push(taken);
        for at in &open {
            most_alike[*at] = most_alike[*at].max(alike(*at, taken));
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
    fn what_resembles_a_better_one_comes_later() {
        // 0 and 1 say the same; 2 is worse and different.
        let alike = |a: usize, b: usize| if a.max(b) == 1 { 1.0 } else { 0.0 };
        assert_eq!(diversify(&[0.9, 0.8, 0.5], 0.5, alike), [0, 2, 1]);
        assert_eq!(diversify(&[0.9, 0.8, 0.5], 0.0, alike), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_the_best_stays_first(
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
