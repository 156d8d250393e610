//! Figures of retrieval, averaged over questions.
//!
//! Shares from 0 to 1, but for tokens:
//!
//! - **recall@k**: share of a question's answers among the first k contexts;
//! - **hit@k**: 1 if any of them is among the first k;
//! - **all@10**: 1 if all of them are among the first 10;
//! - **MRR@10**: reciprocal rank of the first of them, 0 beyond rank 10;
//! - **tokens**: tokens of the results up to and including the first of them, the median over questions;
//! - **in n tokens**: share of the answers in the results of a search with `max_tokens` n.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::outcome::Outcome;

/// Cutoff of all@k and MRR@k, and the largest of hit@k.
const TOP: usize = 10;
/// Cutoffs of hit@k.
const HITS: [usize; 3] = [1, 3, TOP];
/// Name of the figure that is no share.
const TOKENS: &str = "tokens";

/// Figures by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) questions: usize,
    /// In the order of a table; `None` where there is nothing to compute it from.
    #[serde(serialize_with = "as_map", deserialize_with = "from_map")]
    pub(super) values: Vec<(String, Option<f64>)>,
}

impl Figures {
    /// Averages over questions with an answer.
    pub(super) fn of(outcomes: &[&Outcome], cutoffs: &[usize]) -> Self {
        let each = |figure: &dyn Fn(&Outcome) -> f64| mean(outcomes.iter().map(|outcome| figure(outcome)));
        let recall = |k| each(&|outcome| share(outcome.found(k), outcome.ranks.len()));
        let hit = |k| each(&|outcome| share(outcome.found(k).min(1), 1));
        let first = |outcome: &Outcome| {
            outcome
                .ranks
                .iter()
                .flatten()
                .min()
                .copied()
                .filter(|rank| *rank <= TOP)
        };
        let all = each(&|outcome| share(usize::from(outcome.found(TOP) == outcome.ranks.len()), 1));
        let reciprocal = each(&|outcome| first(outcome).map_or(0.0, |rank| share(1, rank)));
        let budgets = outcomes.iter().flat_map(|outcome| outcome.within.keys().copied());
        let within = |budget| {
            each(&|outcome| {
                share(
                    outcome.within.get(&budget).copied().unwrap_or_default(),
                    outcome.ranks.len(),
                )
            })
        };

        let mut figures = Self {
            questions: outcomes.len(),
            values: Vec::new(),
        };
        for k in cutoffs {
            figures.add(format!("recall@{k}"), recall(*k));
        }
        for k in HITS {
            figures.add(format!("hit@{k}"), hit(k));
        }
        figures.add(format!("all@{TOP}"), all);
        figures.add(format!("MRR@{TOP}"), reciprocal);
        figures.add(TOKENS, median(outcomes.iter().map(|outcome| outcome.tokens).collect()));
        for budget in budgets.collect::<BTreeSet<_>>() {
            figures.add(format!("in {budget} tokens"), within(budget));
        }
        figures
    }

    /// Averages over sets, each with the same weight; no figure that one of them lacks.
    pub(super) fn mean(sets: &[&Self]) -> Self {
        let mean_of = |name: &String| {
            let values: Option<Vec<_>> = sets.iter().map(|set| set.get(name)).collect();
            (name.clone(), values.and_then(|values| mean(values.into_iter())))
        };
        Self {
            questions: sets.iter().map(|set| set.questions).sum(),
            values: sets.first().iter().flat_map(|set| set.names()).map(mean_of).collect(),
        }
    }

    /// Returns recall and hits, less the highest of `others`.
    pub(super) fn less_the_best_of(&self, others: &[&Self]) -> Self {
        let less = |name: &String| {
            let best = others.iter().filter_map(|other| other.get(name)).max_by(f64::total_cmp);
            (name.clone(), self.get(name).zip(best).map(|(value, best)| value - best))
        };
        let compared = |name: &&String| ["recall@", "hit@"].iter().any(|start| name.starts_with(start));
        Self {
            questions: self.questions,
            values: self.names().filter(compared).map(less).collect(),
        }
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.values.iter().map(|(name, _)| name)
    }

    pub(super) fn add(&mut self, name: impl Into<String>, value: Option<f64>) {
        self.values.push((name.into(), value));
    }

    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(other, _)| other == name)?.1
    }
}

/// Returns a figure as tables show it: shares in percent.
pub(super) fn show(name: &str, value: f64) -> String {
    // A minus before a zero would be noise.
    if name == TOKENS {
        format!("{:.0}", value.round() + 0.0)
    } else {
        format!("{:.1}", (value * 1_000.0).round() / 10.0 + 0.0)
    }
}

/// Returns the mean; `None` of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() * share(1, values.len()))
}

/// Returns the share of `part` in `whole`; 0 if `whole` is 0.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of questions, contexts and tokens are far below 2^52"
)]
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Returns the percentile by nearest rank; `None` of nothing.
pub(super) fn percentile<T: Ord + Copy>(mut values: Vec<T>, percent: usize) -> Option<T> {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

/// Returns the median where `None` is more than any number.
fn median(values: Vec<Option<usize>>) -> Option<f64> {
    let values = values.into_iter().map(|value| value.unwrap_or(usize::MAX)).collect();
    let median = percentile(values, 50).filter(|median| *median != usize::MAX)?;
    Some(share(median, 1))
}

fn as_map<S: Serializer>(values: &[(String, Option<f64>)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(name, value)| (name, value)))
}

fn from_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Option<f64>)>, D::Error> {
    Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(ranks: &[Option<usize>], tokens: Option<usize>) -> Outcome {
        Outcome {
            ranks: ranks.to_vec(),
            tokens,
            ..Outcome::default()
        }
    }

    fn assert_figures(figures: &Figures, expected: &[(&str, f64)]) {
        for (name, expected) in expected {
            let actual = figures.get(name).unwrap();
            assert!((actual - expected).abs() < 1e-12, "{name}: {actual} is not {expected}");
        }
    }

    #[test]
    fn percentile_is_the_nearest_rank_in_any_order() {
        let numbers: Vec<_> = (1..=200).rev().collect();
        assert_eq!(percentile(numbers.clone(), 50), Some(100));
        assert_eq!(percentile(numbers, 99), Some(198));
        assert_eq!(percentile(vec![7], 99), Some(7));
        assert_eq!(percentile(Vec::<u8>::new(), 99), None);
    }

    #[test]
    fn figures_count_ranks_up_to_their_cutoff() {
        for (ranks, recall, hits, all, reciprocal) in [
            (
                vec![Some(5), Some(6), Some(21), None],
                [0.25, 0.5, 0.75],
                [0.0, 0.0, 1.0],
                0.0,
                0.2,
            ),
            (
                vec![Some(3), Some(10)],
                [0.5, 1.0, 1.0],
                [0.0, 1.0, 1.0],
                1.0,
                1.0 / 3.0,
            ),
            (vec![None, Some(11)], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0], 0.0, 0.0),
            (vec![Some(1)], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], 1.0, 1.0),
            (vec![None], [0.0; 3], [0.0; 3], 0.0, 0.0),
        ] {
            let figures = Figures::of(&[&outcome(&ranks, None)], &[5, 10, 21]);
            let names = ["recall@5", "recall@10", "recall@21", "hit@1", "hit@3", "hit@10"];
            let mut expected: Vec<_> = names.into_iter().zip(recall.into_iter().chain(hits)).collect();
            expected.extend([("all@10", all), ("MRR@10", reciprocal)]);
            assert_figures(&figures, &expected);
        }
    }

    #[test]
    fn every_question_has_the_same_weight() {
        let figures = Figures::of(&[&outcome(&[Some(1), None], None), &outcome(&[Some(2)], None)], &[5]);
        assert_figures(&figures, &[("recall@5", 0.75), ("MRR@10", 0.75)]);
        let none = Figures::of(&[], &[5]);
        assert_eq!((none.questions, none.get("recall@5")), (0, None));
    }

    #[test]
    fn tokens_are_a_median_and_a_miss_costs_more_than_any_number() {
        let median = |tokens: &[Option<usize>]| {
            let outcomes: Vec<_> = tokens.iter().map(|tokens| outcome(&[Some(1)], *tokens)).collect();
            Figures::of(&outcomes.iter().collect::<Vec<_>>(), &[]).get("tokens")
        };
        assert_eq!(median(&[Some(40), None, Some(30)]), Some(40.0));
        assert_eq!(median(&[None, Some(30), None]), None);
    }

    #[test]
    fn evidence_within_budgets_is_a_share_of_the_answers() {
        let within = |found| Outcome {
            within: BTreeMap::from([(500, found), (1_000, 2)]),
            ..outcome(&[Some(1), Some(2)], None)
        };
        let figures = Figures::of(&[&within(0), &within(1)], &[]);
        assert_figures(&figures, &[("in 500 tokens", 0.25), ("in 1000 tokens", 1.0)]);
    }

    #[test]
    fn sets_have_the_same_weight_and_the_regret_is_to_the_best() {
        let set = |questions, share| Figures {
            questions,
            values: vec![("hit@1".to_owned(), share), ("tokens".to_owned(), Some(9.0))],
        };
        let sets = [set(9, Some(0.5)), set(1, Some(0.25)), set(5, None)];
        let [a, b, c] = sets.each_ref();
        let means = [Figures::mean(&[a, b]), Figures::mean(&[a, b, c])];
        assert_eq!(means.each_ref().map(|mean| mean.questions), [10, 15]);
        assert_eq!(means.map(|mean| mean.get("hit@1")), [Some(0.375), None]);
        let regret = b.less_the_best_of(&[a, c]);
        assert_eq!(regret.values, [("hit@1".to_owned(), Some(-0.25))]);
    }

    #[test]
    fn shares_are_shown_in_percent_and_no_zero_is_negative() {
        assert_eq!(show("hit@1", 0.375), "37.5");
        assert_eq!(show("hit@1", -0.0001), "0.0");
        assert_eq!(show("tokens", 41.6), "42");
    }
}
