//! Fitting the best contexts into a token budget.
//!
//! Invariants, property-tested below: never over the budget, nothing twice, no candidate left out that still fits, the
//! best one of each level present whenever it fits beside better ones, and the same input gives the same choice.

use crate::config::Budget;
use crate::context::Level;

/// What choosing needs to know of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its level, which decides whose share it uses.
    pub level: Level,
    /// What it costs.
    pub tokens: usize,
}

/// How much may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tokens altogether; `None` is no limit.
    pub max_tokens: Option<usize>,
    /// How many.
    pub max_items: usize,
}

/// Chooses from `items`, which are in order of value, best first; returns ascending positions.
///
/// First the best of each level, as many as `budget` promises; then whatever fits its level's share; then whatever
/// fits what the levels left. Each round goes from the best to the worst.
pub fn select(items: &[Item], limits: Limits, budget: &Budget) -> Vec<usize> {
    let mut choice = Choice {
        chosen: vec![false; items.len()],
        count: 0,
        used: [0; 3],
        limits,
    };
    if let Some(max_tokens) = limits.max_tokens {
        let shares = shares_in_tokens(budget, max_tokens);
        let mut best_of = [0; 3];
        choice.round(items, |item, _| {
            let seen = &mut best_of[item.level.index()];
            *seen += 1;
            *seen <= budget.min_contexts_per_level
        });
        choice.round(items, |item, used| {
            used[item.level.index()] + item.tokens <= shares[item.level.index()]
        });
    }
    choice.round(items, |_, _| true);
    choice
        .chosen
        .iter()
        .enumerate()
        .filter_map(|(at, chosen)| chosen.then_some(at))
        .collect()
}

struct Choice {
    chosen: Vec<bool>,
    count: usize,
    used: [usize; Level::ALL.len()],
    limits: Limits,
}

impl Choice {
    /// Takes what is admitted and fits, best first.
    fn round(&mut self, items: &[Item], mut admits: impl FnMut(&Item, &[usize; 3]) -> bool) {
        for (at, item) in items.iter().enumerate() {
            let fits = self
                .limits
                .max_tokens
                .is_none_or(|max_tokens| self.used.iter().sum::<usize>() + item.tokens <= max_tokens);
            if admits(item, &self.used) && !self.chosen[at] && fits && self.count < self.limits.max_items {
                self.chosen[at] = true;
                self.count += 1;
                self.used[item.level.index()] += item.tokens;
            }
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share is at most max_tokens (a million) and not negative"
)]
fn shares_in_tokens(budget: &Budget, max_tokens: usize) -> [usize; Level::ALL.len()] {
    let shares = budget.shares();
    let total: f32 = shares.iter().sum();
    shares.map(|share| (max_tokens as f32 * share / total) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(level: usize, tokens: usize) -> Item {
        Item {
            level: Level::ALL[level],
            tokens,
        }
    }

    #[test]
    fn what_one_level_leaves_goes_to_the_others() {
        let items: Vec<_> = (0..10).map(|_| item(2, 10)).collect();
        let limits = Limits {
            max_tokens: Some(100),
            max_items: 100,
        };
        assert_eq!(select(&items, limits, &Budget::default()).len(), 10);
    }

    #[test]
    fn a_level_keeps_its_share_against_better_ones() {
        // Ten good immediate ones would fill the budget; the poor long-term ones still get their 30 %.
        let items: Vec<_> = (0..10)
            .map(|_| item(0, 10))
            .chain((0..10).map(|_| item(2, 10)))
            .collect();
        let limits = Limits {
            max_tokens: Some(100),
            max_items: 100,
        };
        let chosen = select(&items, limits, &Budget::default());
        assert_eq!(chosen.iter().filter(|at| **at >= 10).count(), 3);
    }

    #[test]
    fn without_a_budget_the_first_ones_are_chosen() {
        let items = [item(0, 5), item(1, 5), item(2, 5)];
        let limits = Limits {
            max_tokens: None,
            max_items: 2,
        };
        assert_eq!(select(&items, limits, &Budget::default()), [0, 1]);
    }

    proptest! {
        #[test]
        fn invariants_hold(
            raw in prop::collection::vec((0_usize..3, 0_usize..60), 0..60),
            max_tokens in 1_usize..400,
            max_items in 1_usize..40,
            min_contexts_per_level in 0_usize..3,
        ) {
            let items: Vec<_> = raw.into_iter().map(|(level, tokens)| item(level, tokens)).collect();
            let budget = Budget { min_contexts_per_level, ..Budget::default() };
            let limits = Limits { max_tokens: Some(max_tokens), max_items };
            let chosen = select(&items, limits, &budget);
            let used: usize = chosen.iter().map(|at| items[*at].tokens).sum();
            prop_assert!(used <= max_tokens);
            prop_assert!(chosen.len() <= max_items);
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]), "nothing twice, best first");
            prop_assert_eq!(&chosen, &select(&items, limits, &budget), "the same again");
            if chosen.len() < max_items {
                let left_out = (0..items.len()).filter(|at| !chosen.contains(at));
                prop_assert!(left_out.map(|at| items[at].tokens).all(|tokens| used + tokens > max_tokens));
            }
            if min_contexts_per_level > 0 && max_items >= 3 {
                let mut best: Vec<usize> = Level::ALL
                    .iter()
                    .filter_map(|level| items.iter().position(|item| item.level == *level))
                    .collect();
                best.sort_unstable();
                let mut before = 0;
                for at in best {
                    if before + items[at].tokens <= max_tokens && min_contexts_per_level == 1 {
                        prop_assert!(chosen.contains(&at));
                        before += items[at].tokens;
                    }
                }
            }
        }
    }
}
