//! Figures of the evaluation, computed from the ranks of evidence.
//!
//! All are shares from 0 to 1, averaged over questions:
//!
//! - **recall@k**: share of the evidence among the first k contexts;
//! - **hit@10**: 1 if any of it is among the first 10;
//! - **MRR@10**: reciprocal rank of the first of it, 0 beyond rank 10;
//! - **within n tokens**: share of it in the results of a search with `max_tokens` n.

use std::collections::BTreeMap;

use serde::Serialize;

use super::dataset::Category;
use crate::eval::figures::share;

/// Cutoffs of recall@k.
pub(super) const CUTOFFS: [usize; 3] = [5, 10, 20];
/// Cutoff of hit@k and MRR@k.
pub(super) const TOP: usize = 10;
/// Token budgets to search with.
pub(super) const BUDGETS: [usize; 4] = [500, 1_000, 2_000, 4_000];

/// Ranks of one question's evidence.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) conversation: String,
    /// Index of the question in its conversation.
    pub(super) question: usize,
    pub(super) category: Category,
    /// Rank of each piece of evidence, from 1; never empty.
    pub(super) ranks: Vec<Option<usize>>,
    /// Number of pieces found within each of [`BUDGETS`].
    pub(super) within: [usize; BUDGETS.len()],
}

impl Outcome {
    fn recall_at(&self, k: usize) -> f64 {
        share(
            self.ranks.iter().flatten().filter(|rank| **rank <= k).count(),
            self.ranks.len(),
        )
    }

    fn hit_at(&self, k: usize) -> f64 {
        if self.ranks.iter().flatten().any(|rank| *rank <= k) {
            1.0
        } else {
            0.0
        }
    }

    fn reciprocal_rank_at(&self, k: usize) -> f64 {
        self.ranks
            .iter()
            .flatten()
            .min()
            .filter(|rank| **rank <= k)
            .map_or(0.0, |rank| share(1, *rank))
    }
}

/// Means over questions.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    /// Number of questions.
    pub(super) questions: usize,
    /// By k.
    pub(super) recall_at: BTreeMap<usize, f64>,
    pub(super) hit_at_10: f64,
    pub(super) mrr_at_10: f64,
    /// By token budget.
    pub(super) evidence_within_tokens: BTreeMap<usize, f64>,
}

impl Summary {
    /// Averages over the questions whose category `counts`; 0 if there are none.
    pub(super) fn of(outcomes: &[Outcome], counts: impl Fn(Category) -> bool) -> Self {
        let chosen: Vec<_> = outcomes.iter().filter(|outcome| counts(outcome.category)).collect();
        let mean = |figure: &dyn Fn(&Outcome) -> f64| {
            let sum: f64 = chosen.iter().map(|outcome| figure(outcome)).sum();
            sum * share(1, chosen.len())
        };
        let within = |place: usize| mean(&|outcome| share(outcome.within[place], outcome.ranks.len()));
        Self {
            questions: chosen.len(),
            recall_at: CUTOFFS.map(|k| (k, mean(&|outcome| outcome.recall_at(k)))).into(),
            hit_at_10: mean(&|outcome| outcome.hit_at(TOP)),
            mrr_at_10: mean(&|outcome| outcome.reciprocal_rank_at(TOP)),
            evidence_within_tokens: BUDGETS
                .into_iter()
                .enumerate()
                .map(|(place, n)| (n, within(place)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(category: Category, ranks: &[Option<usize>], within: [usize; 4]) -> Outcome {
        Outcome {
            conversation: "c".to_owned(),
            question: 0,
            category,
            ranks: ranks.to_vec(),
            within,
        }
    }

    fn near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
    }

    #[test]
    fn recall_is_the_share_of_the_evidence_up_to_the_cutoff() {
        let outcome = outcome(Category::MultiHop, &[Some(5), Some(6), Some(21), None], [0; 4]);
        near(outcome.recall_at(5), 0.25);
        near(outcome.recall_at(10), 0.5);
        near(outcome.recall_at(20), 0.5);
        near(outcome.recall_at(21), 0.75);
    }

    #[test]
    fn hit_needs_one_piece_of_evidence_at_or_before_the_cutoff() {
        near(outcome(Category::MultiHop, &[None, Some(10)], [0; 4]).hit_at(10), 1.0);
        near(outcome(Category::MultiHop, &[None, Some(11)], [0; 4]).hit_at(10), 0.0);
    }

    #[test]
    fn reciprocal_rank_takes_the_first_evidence_and_ends_at_the_cutoff() {
        near(
            outcome(Category::MultiHop, &[Some(8), Some(4), None], [0; 4]).reciprocal_rank_at(10),
            0.25,
        );
        near(
            outcome(Category::MultiHop, &[Some(11)], [0; 4]).reciprocal_rank_at(10),
            0.0,
        );
        near(outcome(Category::MultiHop, &[None], [0; 4]).reciprocal_rank_at(10), 0.0);
    }

    #[test]
    fn summary_averages_over_the_chosen_questions_only() {
        let outcomes = [
            outcome(Category::MultiHop, &[Some(1), None], [0, 1, 1, 2]),
            outcome(Category::SingleHop, &[Some(2)], [1, 1, 1, 1]),
            outcome(Category::Adversarial, &[None], [0; 4]),
        ];
        let total = Summary::of(&outcomes, Category::in_total);
        assert_eq!(total.questions, 2);
        near(total.recall_at[&5], 0.75);
        near(total.hit_at_10, 1.0);
        near(total.mrr_at_10, 0.75);
        near(total.evidence_within_tokens[&500], 0.5);
        near(total.evidence_within_tokens[&1_000], 0.75);
        near(total.evidence_within_tokens[&4_000], 1.0);
        near(
            Summary::of(&outcomes, |category| category == Category::Adversarial).recall_at[&20],
            0.0,
        );
    }

    #[test]
    fn summary_of_nothing_is_zero() {
        let none = Summary::of(&[], |_| true);
        assert_eq!(none.questions, 0);
        near(none.hit_at_10, 0.0);
    }
}
