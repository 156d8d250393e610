//! Figures of retrieval, computed from the ranks of answers.
//!
//! Shares from 0 to 1, averaged over questions:
//!
//! - **recall@k**: share of a question's answers among the first k contexts;
//! - **hit@10**: 1 if any of them is among the first 10;
//! - **MRR@10**: reciprocal rank of the first of them, 0 beyond rank 10.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::report::milliseconds;

/// Cutoff of hit@k and MRR@k.
const TOP: usize = 10;

/// Ranks of the answers to a question, from 1; never empty.
pub(super) type Ranks = Vec<Option<usize>>;

/// Means over questions.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) questions: usize,
    /// By k.
    pub(super) recall_at: BTreeMap<usize, f64>,
    pub(super) hit_at_10: f64,
    pub(super) mrr_at_10: f64,
}

/// Latency of searches.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) searches: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Figures {
    /// Averages over questions; 0 if there are none.
    pub(super) fn of(questions: &[&Ranks], cutoffs: &[usize]) -> Self {
        let recall = |k| {
            mean(questions, |ranks| {
                share(ranks.iter().flatten().filter(|rank| **rank <= k).count(), ranks.len())
            })
        };
        let first = |ranks: &Ranks| ranks.iter().flatten().min().copied().filter(|rank| *rank <= TOP);
        Self {
            questions: questions.len(),
            recall_at: cutoffs.iter().map(|k| (*k, recall(*k))).collect(),
            hit_at_10: mean(questions, |ranks| share(usize::from(first(ranks).is_some()), 1)),
            mrr_at_10: mean(questions, |ranks| first(ranks).map_or(0.0, |rank| share(1, rank))),
        }
    }

    /// Returns recall by k, hit and MRR in percent, for a row of a table.
    pub(super) fn cells(&self) -> impl Iterator<Item = String> {
        let shares = self.recall_at.values().chain([&self.hit_at_10, &self.mrr_at_10]);
        shares.map(|share| percent(*share))
    }
}

impl Latency {
    pub(super) fn of(durations: &[Duration]) -> Self {
        Self {
            searches: durations.len(),
            p50_ms: milliseconds(percentile(durations, 50)),
            p99_ms: milliseconds(percentile(durations, 99)),
        }
    }
}

/// Returns the mean over items; 0 if there are none.
pub(super) fn mean<T>(items: &[&T], figure: impl Fn(&T) -> f64) -> f64 {
    items.iter().map(|item| figure(item)).sum::<f64>() * share(1, items.len())
}

/// Returns the share of `part` in `whole`; 0 if `whole` is 0.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of questions and contexts are far below 2^52"
)]
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// Returns the percentile of durations by nearest rank; zero if there are none.
fn percentile(durations: &[Duration], percent: usize) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_the_nearest_rank_in_any_order() {
        let milliseconds: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&milliseconds, 50), Duration::from_millis(100));
        assert_eq!(percentile(&milliseconds, 99), Duration::from_millis(198));
        assert_eq!(percentile(&milliseconds[..1], 99), Duration::from_millis(200));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn figures_count_ranks_up_to_their_cutoff() {
        for (ranks, recall, hit, reciprocal) in [
            (vec![Some(5), Some(6), Some(21), None], [0.25, 0.5, 0.75], 1.0, 0.2),
            (vec![None, Some(10)], [0.0, 0.5, 0.5], 1.0, 0.1),
            (vec![None, Some(11)], [0.0, 0.0, 0.5], 0.0, 0.0),
            (
                vec![Some(8), Some(4), None],
                [1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0],
                1.0,
                0.25,
            ),
            (vec![None], [0.0; 3], 0.0, 0.0),
        ] {
            let figures = Figures::of(&[&ranks], &[5, 10, 21]);
            let actual = figures
                .recall_at
                .values()
                .chain([&figures.hit_at_10, &figures.mrr_at_10]);
            for (actual, expected) in actual.zip(recall.into_iter().chain([hit, reciprocal])) {
                assert!(
                    (actual - expected).abs() < 1e-12,
                    "{ranks:?}: {actual} is not {expected}"
                );
            }
        }
    }

    #[test]
    fn every_question_has_the_same_weight() {
        let figures = Figures::of(&[&vec![Some(1), None], &vec![Some(2)]], &[5]);
        assert!((figures.recall_at[&5] - 0.75).abs() < 1e-12 && (figures.mrr_at_10 - 0.75).abs() < 1e-12);
        assert_eq!(Figures::of(&[], &[5]).questions, 0);
    }
}
