//! Selection of the best contexts that fit into a token budget.
//!
//! Invariants, property-tested below: the selection is within the budget, has no duplicates, leaves out no candidate that
//! fits unless it repeats a chosen one, has the best candidate of each level whenever that fits beside better ones, and is
//! deterministic.

use crate::config::Budget;
use crate::context::Level;

/// Level and cost of a candidate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) level: Level,
    pub(crate) tokens: usize,
}

/// Limits of a selection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Maximum total of tokens.
    pub(crate) max_tokens: Option<usize>,
    pub(crate) max_items: usize,
}

/// Indices of the chosen candidates, and of those passed over because they repeat a chosen one, both ascending.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selection {
    pub(crate) chosen: Vec<usize>,
    pub(crate) repeated: Vec<usize>,
}

/// Reason for leaving a candidate out of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The score is below the requested minimum.
    BelowMinScore,
    /// A better candidate with the same text is returned.
    NearDuplicate,
    /// It would have fitted, but the share of its level was used up and the other levels used theirs.
    LevelShare,
    /// It does not fit into the rest of the token budget.
    OverBudget,
    /// The requested number of contexts is returned.
    OverLimit,
}

/// Selects from `items`, which are sorted by value, best first.
///
/// Three rounds, each from best to worst, take the minimum of each level that `budget` promises, then the items that fit
/// the share of their level, then those that fit the remaining tokens. Items for which `repeats(item, chosen)` is true are
/// passed over.
pub(crate) fn select(
    items: &[Item],
    limits: Limits,
    budget: &Budget,
    repeats: impl FnMut(usize, usize) -> bool,
) -> Selection {
    let mut choice = Choice {
        items,
        limits,
        repeats,
        state: vec![State::Open; items.len()],
        chosen: Vec::new(),
        used: [0; Level::ALL.len()],
    };
    if let Some(max_tokens) = limits.max_tokens {
        choice.take_best_of_each_level(budget.min_contexts_per_level);
        let shares = shares_in_tokens(budget, max_tokens);
        choice.take_all(|item, used| used[item.level.index()] + item.tokens <= shares[item.level.index()]);
    }
    choice.take_all(|_, _| true);
    let of = |wanted: State| {
        let state = choice.state.iter().enumerate();
        state
            .filter_map(|(at, state)| (*state == wanted).then_some(at))
            .collect()
    };
    Selection {
        chosen: of(State::Chosen),
        repeated: of(State::Repeated),
    }
}

/// Returns the reason for each candidate that was not chosen, in ascending order of index.
pub(crate) fn reasons(items: &[Item], limits: Limits, selection: &Selection) -> Vec<(usize, DropReason)> {
    let max_tokens = limits.max_tokens.unwrap_or(usize::MAX);
    let used: usize = selection.chosen.iter().map(|at| items[*at].tokens).sum();
    // The selection by value alone, without shares.
    let (mut greedy_tokens, mut greedy_count) = (0, 0);
    let mut reasons = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if selection.repeated.binary_search(&at).is_ok() {
            reasons.push((at, DropReason::NearDuplicate));
            continue;
        }
        let by_value = greedy_count < limits.max_items && greedy_tokens + item.tokens <= max_tokens;
        if by_value {
            greedy_tokens += item.tokens;
            greedy_count += 1;
        }
        if selection.chosen.binary_search(&at).is_ok() {
            continue;
        }
        let reason = if by_value {
            DropReason::LevelShare
        } else if used + item.tokens <= max_tokens {
            DropReason::OverLimit
        } else {
            DropReason::OverBudget
        };
        reasons.push((at, reason));
    }
    reasons
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Chosen,
    Repeated,
}

struct Choice<'a, F> {
    items: &'a [Item],
    limits: Limits,
    repeats: F,
    state: Vec<State>,
    /// In order of choice.
    chosen: Vec<usize>,
    used: [usize; Level::ALL.len()],
}

impl<F: FnMut(usize, usize) -> bool> Choice<'_, F> {
    fn take_best_of_each_level(&mut self, count: usize) {
        let mut promised = [count; Level::ALL.len()];
        for at in 0..self.items.len() {
            if promised.iter().all(|left| *left == 0) {
                return;
            }
            let level = self.items[at].level.index();
            if promised[level] > 0 && !self.is_repetition(at) {
                promised[level] -= 1;
                if self.fits(at) {
                    self.take(at);
                }
            }
        }
    }

    /// Takes every item that is admitted and fits, best first.
    fn take_all(&mut self, admits: impl Fn(&Item, &[usize; Level::ALL.len()]) -> bool) {
        for at in 0..self.items.len() {
            let open = self.state[at] == State::Open;
            if open && self.fits(at) && admits(&self.items[at], &self.used) && !self.is_repetition(at) {
                self.take(at);
            }
        }
    }

    fn fits(&self, at: usize) -> bool {
        let used: usize = self.used.iter().sum();
        let in_tokens = self
            .limits
            .max_tokens
            .is_none_or(|max_tokens| used + self.items[at].tokens <= max_tokens);
        in_tokens && self.chosen.len() < self.limits.max_items
    }

    fn is_repetition(&mut self, at: usize) -> bool {
        let repeats = self.chosen.iter().any(|chosen| (self.repeats)(at, *chosen));
        if repeats {
            self.state[at] = State::Repeated;
        }
        repeats
    }

    fn take(&mut self, at: usize) {
        self.state[at] = State::Chosen;
        self.chosen.push(at);
        self.used[self.items[at].level.index()] += self.items[at].tokens;
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

    fn limits(max_tokens: Option<usize>, max_items: usize) -> Limits {
        Limits { max_tokens, max_items }
    }

    fn choose(items: &[Item], limits: Limits) -> Vec<usize> {
        select(items, limits, &Budget::default(), |_, _| false).chosen
    }

    #[test]
    fn unused_shares_go_to_other_levels() {
        let items: Vec<_> = (0..10).map(|_| item(2, 10)).collect();
        assert_eq!(choose(&items, limits(Some(100), 100)).len(), 10);
    }

    #[test]
    fn a_level_keeps_its_share_against_better_candidates() {
        // Ten immediate items would fill the budget; the worse long-term ones still get their 30 %.
        let items: Vec<_> = (0..20).map(|at| item(if at < 10 { 0 } else { 2 }, 10)).collect();
        let limits = limits(Some(100), 100);
        let selection = select(&items, limits, &Budget::default(), |_, _| false);
        assert_eq!(selection.chosen.iter().filter(|at| **at >= 10).count(), 3);
        let reasons = reasons(&items, limits, &selection);
        let expected = |at| {
            if at < 10 {
                DropReason::LevelShare
            } else {
                DropReason::OverBudget
            }
        };
        assert!(reasons.iter().all(|(at, reason)| *reason == expected(*at)));
        assert_eq!(reasons.len() + selection.chosen.len(), items.len());
    }

    #[test]
    fn without_a_budget_the_best_items_are_chosen() {
        let items = [item(0, 5), item(1, 5), item(2, 5)];
        let limits = limits(None, 2);
        let selection = select(&items, limits, &Budget::default(), |_, _| false);
        assert_eq!(selection.chosen, [0, 1]);
        assert_eq!(reasons(&items, limits, &selection), [(2, DropReason::OverLimit)]);
    }

    #[test]
    fn a_repetition_makes_room_for_the_next_item() {
        let items = [item(2, 50), item(2, 50), item(2, 50)];
        let limits = limits(Some(100), 9);
        let selection = select(&items, limits, &Budget::default(), |at, chosen| (at, chosen) == (1, 0));
        assert_eq!(
            (&selection.chosen[..], &selection.repeated[..]),
            (&[0, 2][..], &[1][..])
        );
        assert_eq!(reasons(&items, limits, &selection), [(1, DropReason::NearDuplicate)]);
    }

    proptest! {
        #[test]
        fn invariants_hold(
            raw in prop::collection::vec((0_usize..3, 0_usize..60, 0_u8..30), 0..60),
            max_tokens in 1_usize..400,
            max_items in 1_usize..40,
            min_contexts_per_level in 0_usize..3,
        ) {
            let items: Vec<_> = raw.iter().map(|(level, tokens, _)| item(*level, *tokens)).collect();
            // Candidates with the same last number repeat each other.
            let repeats = |a: usize, b: usize| raw[a].2 == raw[b].2;
            let budget = Budget { min_contexts_per_level, ..Budget::default() };
            let limits = limits(Some(max_tokens), max_items);
            let selection = select(&items, limits, &budget, repeats);
            let chosen = &selection.chosen;
            let used: usize = chosen.iter().map(|at| items[*at].tokens).sum();
            prop_assert!(used <= max_tokens);
            prop_assert!(chosen.len() <= max_items);
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]), "no duplicates, best first");
            prop_assert_eq!(&selection, &select(&items, limits, &budget, repeats), "deterministic");
            for (i, a) in chosen.iter().enumerate() {
                prop_assert!(chosen[i + 1..].iter().all(|b| !repeats(*a, *b)), "no repetition");
            }
            let is_new = |at: &usize| !chosen.iter().any(|chosen| repeats(*at, *chosen));
            if chosen.len() < max_items {
                let left_out = (0..items.len()).filter(is_new);
                prop_assert!(left_out.map(|at| items[at].tokens).all(|tokens| used + tokens > max_tokens));
            }
            if min_contexts_per_level == 1 && max_items >= 3 {
                // A repetition of a better chosen item gives way to the next of its level.
                let repeats_better = |at: usize| chosen.iter().any(|better| *better < at && repeats(at, *better));
                let best_of = |level: &Level| (0..items.len()).find(|at| items[*at].level == *level && !repeats_better(*at));
                let best: Vec<usize> = Level::ALL.iter().filter_map(best_of).collect();
                if best.iter().map(|at| items[*at].tokens).sum::<usize>() <= max_tokens {
                    prop_assert!(best.iter().all(|at| chosen.contains(at)), "the best of each level");
                }
            }
            let reasons = reasons(&items, limits, &selection);
            prop_assert_eq!(reasons.len() + chosen.len(), items.len(), "every item is chosen or has a reason");
        }
    }
}
