//! Figures of a set's scores: does the best score tell a question with an answer from one without?

use std::cmp::Ordering;

use crate::eval::figures::mean;
use crate::eval::outcome::Outcome;

/// Returns the share of pairs in which the answerable question has the higher best score: the area under the ROC curve,
/// 1/2 for a coin. `None` without pairs.
pub(super) fn auc(answerable: &[&Outcome], unanswerable: &[&Outcome]) -> Option<f64> {
    let pairs = answerable
        .iter()
        .flat_map(|one| unanswerable.iter().map(move |other| (one, other)));
    mean(
        pairs.map(|(one, other)| match one.best_score.total_cmp(&other.best_score) {
            Ordering::Greater => 1.0,
            Ordering::Equal => 0.5,
            Ordering::Less => 0.0,
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_is_the_share_of_pairs_in_the_right_order_and_ties_count_half() {
        let outcomes = |scores: &[f32]| -> Vec<Outcome> {
            let outcome = |score: &f32| Outcome {
                best_score: *score,
                ..Outcome::default()
            };
            scores.iter().map(outcome).collect()
        };
        for (answerable, unanswerable, expected) in [
            (&[0.9, 0.8][..], &[0.1, 0.2, 0.3][..], Some(1.0)),
            (&[0.1], &[0.2], Some(0.0)),
            (&[0.5, 0.5], &[0.5], Some(0.5)),
            // 1, 1/2 and 0 of a half each.
            (&[0.3, 0.7], &[0.5, 0.7], Some(0.375)),
            (&[], &[0.5], None),
            (&[0.5], &[], None),
        ] {
            let [answerable, unanswerable] = [answerable, unanswerable].map(outcomes);
            let actual = auc(
                &answerable.iter().collect::<Vec<_>>(),
                &unanswerable.iter().collect::<Vec<_>>(),
            );
            assert_eq!(actual, expected);
        }
    }
}
