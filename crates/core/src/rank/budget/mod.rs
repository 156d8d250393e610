//! Selection of the best contexts that fit into a token budget.
//!
//! Invariants, property-tested below: the selection is within the budget, has no duplicates, leaves out no candidate that
//! fits unless it repeats a chosen one, has the best candidate that fits by itself, chooses by value alone among candidates
//! that do not contend, and is deterministic.

use crate::config::Budget;
use crate::context::Level;

/// Candidates of a selection by value, best first.
pub(crate) trait Candidates {
    fn count(&self) -> usize;
    fn level(&self, at: usize) -> Level;
    /// Returns `true` if the candidate is about as good as the best: levels keep their shares for such ones only.
    fn contends(&self, at: usize) -> bool;
    /// Returns the tokens that a candidate adds to the chosen ones; `None` if they are more than `room`.
    fn cost(&self, at: usize, chosen: &[usize], room: usize) -> Option<usize>;
    fn repeats(&self, at: usize, chosen: usize) -> bool;
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
    /// Tokens of the chosen ones.
    pub(crate) tokens: usize,
}

/// Reason for leaving a candidate out of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The score is below the requested minimum.
    BelowMinScore,
    /// A better candidate with the same text, scope and key is returned.
    NearDuplicate,
    /// It would have fitted, but the share of its level was used up and the other levels used theirs.
    LevelShare,
    /// It does not fit into the rest of the token budget.
    OverBudget,
    /// The requested number of contexts is returned.
    OverLimit,
}

/// Selects the best candidates.
///
/// The best one that fits comes first. With a budget, the contending ones follow: the minimum of each level that `shares`
/// promises, then those that fit the share of their level. All others that fit the rest are chosen by value alone.
pub(crate) fn select(candidates: &impl Candidates, limits: Limits, shares: Option<&Budget>) -> Selection {
    let mut choice = Choice::new(candidates, limits);
    let best = (0..candidates.count()).find(|at| choice.take(*at, usize::MAX));
    if let (Some(_), Some(max_tokens), Some(shares)) = (best, limits.max_tokens, shares) {
        choice.take_minimum_of_each_level(shares.min_contexts_per_level);
        let shares = shares_in_tokens(shares, max_tokens);
        choice.take_all(|at, level| candidates.contends(at).then_some(shares[level]));
    }
    // A chosen candidate may make a better one cheaper, with which it shares its frame.
    while choice.take_all(|_, _| Some(usize::MAX)) > 0 {}
    choice.into_selection()
}

/// Returns the reason for each candidate that was not chosen, in ascending order of index.
pub(crate) fn reasons(candidates: &impl Candidates, limits: Limits, selection: &Selection) -> Vec<(usize, DropReason)> {
    let by_value = select(candidates, limits, None).chosen;
    let room = limits
        .max_tokens
        .map_or(usize::MAX, |most| most.saturating_sub(selection.tokens));
    let holds = |indices: &[usize], at: usize| indices.binary_search(&at).is_ok();
    let reason = |at: usize| {
        let full = selection.chosen.len() >= limits.max_items;
        if holds(&selection.repeated, at) {
            DropReason::NearDuplicate
        } else if holds(&by_value, at) {
            DropReason::LevelShare
        } else if full && candidates.cost(at, &selection.chosen, room).is_some() {
            DropReason::OverLimit
        } else {
            DropReason::OverBudget
        }
    };
    let left_out = (0..candidates.count()).filter(|at| !holds(&selection.chosen, *at));
    left_out.map(|at| (at, reason(at))).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Chosen,
    Repeated,
}

struct Choice<'a, C> {
    candidates: &'a C,
    limits: Limits,
    state: Vec<State>,
    /// In order of choice.
    chosen: Vec<usize>,
    used: [usize; Level::ALL.len()],
}

impl<'a, C: Candidates> Choice<'a, C> {
    fn new(candidates: &'a C, limits: Limits) -> Self {
        Self {
            candidates,
            limits,
            state: vec![State::Open; candidates.count()],
            chosen: Vec::new(),
            used: [0; Level::ALL.len()],
        }
    }

    fn take_minimum_of_each_level(&mut self, count: usize) {
        let mut promised = [count; Level::ALL.len()];
        for at in &self.chosen {
            let level = &mut promised[self.candidates.level(*at).index()];
            *level = level.saturating_sub(1);
        }
        for at in 0..self.state.len() {
            let level = self.candidates.level(at).index();
            let wanted = self.state[at] == State::Open && promised[level] > 0 && self.candidates.contends(at);
            if wanted && !self.is_repetition(at) {
                promised[level] -= 1;
                self.take(at, usize::MAX);
            }
        }
    }

    /// Takes every candidate that fits, best first, up to the tokens of its level that `admits` returns for it. Returns
    /// their number.
    fn take_all(&mut self, admits: impl Fn(usize, usize) -> Option<usize>) -> usize {
        let before = self.chosen.len();
        for at in 0..self.state.len() {
            if let Some(most) = admits(at, self.candidates.level(at).index()) {
                self.take(at, most);
            }
        }
        self.chosen.len() - before
    }

    /// Takes a candidate if it fits into the budget and into `most` tokens of its level.
    fn take(&mut self, at: usize, most: usize) -> bool {
        if self.state[at] != State::Open || self.chosen.len() >= self.limits.max_items {
            return false;
        }
        let total: usize = self.used.iter().sum();
        let left = self
            .limits
            .max_tokens
            .map_or(usize::MAX, |max_tokens| max_tokens - total);
        let used = &self.used[self.candidates.level(at).index()];
        let room = left.min(most.saturating_sub(*used));
        let Some(cost) = self.candidates.cost(at, &self.chosen, room) else {
            return false;
        };
        if self.is_repetition(at) {
            return false;
        }
        self.state[at] = State::Chosen;
        self.chosen.push(at);
        self.used[self.candidates.level(at).index()] += cost;
        true
    }

    fn is_repetition(&mut self, at: usize) -> bool {
        let repeats = self.chosen.iter().any(|chosen| self.candidates.repeats(at, *chosen));
        if repeats {
            self.state[at] = State::Repeated;
        }
        repeats
    }

    fn into_selection(self) -> Selection {
        let of = |wanted: State| (0..self.state.len()).filter(|at| self.state[*at] == wanted).collect();
        Selection {
            chosen: of(State::Chosen),
            repeated: of(State::Repeated),
            tokens: self.used.iter().sum(),
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
mod tests;
