//! Fitting the best contexts into a token budget.
//!
//! Invariants, property-tested below: never over the budget, nothing twice, no candidate left out that still fits
//! unless it repeats a chosen one, the best one of each level present whenever it fits beside better ones, and the same
//! input gives the same choice.

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

/// What was chosen, and what was passed over because it repeats something chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Positions, ascending.
    pub chosen: Vec<usize>,
    /// Positions, ascending.
    pub repeated: Vec<usize>,
}

/// Why a candidate was not returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// Its score is below the least one asked for.
    BelowMinScore,
    /// A better one with the same text is returned.
    NearDuplicate,
    /// It would have fitted, but the share of its level was used up and other levels used theirs.
    LevelShare,
    /// It does not fit beside what is returned.
    OverBudget,
    /// As many are returned as were asked for.
    OverLimit,
}

/// Chooses from `items`, which are in order of value, best first.
///
/// First the best of each level, as many as `budget` promises; then whatever fits its level's share; then whatever
/// fits what the levels left. Each round goes from the best to the worst, and passes over what `repeats` (given a
/// candidate and one that is chosen) recognises.
pub fn select(items: &[Item], limits: Limits, budget: &Budget, repeats: impl FnMut(usize, usize) -> bool) -> Selection {
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

/// Why each candidate that is not among the chosen was left out, in order of position.
pub fn reasons(items: &[Item], limits: Limits, selection: &Selection) -> Vec<(usize, DropReason)> {
    let max_tokens = limits.max_tokens.unwrap_or(usize::MAX);
    let used: usize = selection.chosen.iter().map(|at| items[*at].tokens).sum();
    // What value alone would have taken, without shares.
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
    /// In the order in which they were chosen.
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

    /// Takes what is admitted and fits, best first.
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
    fn what_one_level_leaves_goes_to_the_others() {
        let items: Vec<_> = (0..10).map(|_| item(2, 10)).collect();
        assert_eq!(choose(&items, limits(Some(100), 100)).len(), 10);
    }

    #[test]
    fn a_level_keeps_its_share_against_better_ones() {
        // Ten good immediate ones would fill the budget; the poor long-term ones still get their 30 %.
        let items: Vec<_> = (0..10)
            .map(|_| item(0, 10))
            .chain((0..10).map(|_| item(2, 10)))
            .collect();
        let limits = limits(Some(100), 100);
        let selection = select(&items, limits, &Budget::default(), |_, _| false);
        assert_eq!(selection.chosen.iter().filter(|at| **at >= 10).count(), 3);
        let reasons = reasons(&items, limits, &selection);
        assert!(
            reasons
                .iter()
                .filter(|(at, _)| *at < 10)
                .all(|(_, reason)| *reason == DropReason::LevelShare)
        );
        assert!(
            reasons
                .iter()
                .filter(|(at, _)| *at >= 10)
                .all(|(_, reason)| *reason == DropReason::OverBudget)
        );
        assert_eq!(reasons.len() + selection.chosen.len(), items.len());
    }

    #[test]
    fn without_a_budget_the_first_ones_are_chosen() {
        let items = [item(0, 5), item(1, 5), item(2, 5)];
        let limits = limits(None, 2);
        let selection = select(&items, limits, &Budget::default(), |_, _| false);
        assert_eq!(selection.chosen, [0, 1]);
        assert_eq!(reasons(&items, limits, &selection), [(2, DropReason::OverLimit)]);
    }

    #[test]
    fn a_repetition_makes_room_for_the_next_one() {
        let items = [item(2, 50), item(2, 50), item(2, 50)];
        let limits = limits(Some(100), 9);
        let selection = select(&items, limits, &Budget::default(), |a, b| {
            a.max(b) == 1 && a.min(b) == 0
        });
        assert_eq!(
            (selection.chosen.as_slice(), selection.repeated.as_slice()),
            ([0, 2].as_slice(), [1].as_slice())
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
            // Two candidates with the same number in the last place say the same.
            let repeats = |a: usize, b: usize| raw[a].2 == raw[b].2;
            let budget = Budget { min_contexts_per_level, ..Budget::default() };
            let limits = limits(Some(max_tokens), max_items);
            let selection = select(&items, limits, &budget, repeats);
            let chosen = &selection.chosen;
            let used: usize = chosen.iter().map(|at| items[*at].tokens).sum();
            prop_assert!(used <= max_tokens);
            prop_assert!(chosen.len() <= max_items);
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]), "nothing twice, best first");
            prop_assert_eq!(&selection, &select(&items, limits, &budget, repeats), "the same again");
            for (i, a) in chosen.iter().enumerate() {
                prop_assert!(chosen[i + 1..].iter().all(|b| !repeats(*a, *b)), "nothing said twice");
            }
            let says_something_new = |at: &usize| !chosen.iter().any(|chosen| repeats(*at, *chosen));
            if chosen.len() < max_items {
                let left_out = (0..items.len()).filter(says_something_new);
                prop_assert!(left_out.map(|at| items[at].tokens).all(|tokens| used + tokens > max_tokens));
            }
            if min_contexts_per_level == 1 && max_items >= 3 {
                // What repeats a better one that was chosen leaves its place to the next of its level.
                let repeats_better = |at: usize| chosen.iter().any(|better| *better < at && repeats(at, *better));
                let best_of = |level: &Level| (0..items.len()).find(|at| items[*at].level == *level && !repeats_better(*at));
                let best: Vec<usize> = Level::ALL.iter().filter_map(best_of).collect();
                if best.iter().map(|at| items[*at].tokens).sum::<usize>() <= max_tokens {
                    prop_assert!(best.iter().all(|at| chosen.contains(at)), "the best of each level");
                }
            }
            let reasons = reasons(&items, limits, &selection);
            prop_assert_eq!(reasons.len() + chosen.len(), items.len(), "each one is chosen or has a reason");
        }
    }
}
