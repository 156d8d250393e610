//! Selection from the ranking: minimum score, diversity, echoes, equal texts and the budget.

use std::cell::OnceCell;

use super::echo::echoes_last;
use super::ranking::{Ranked, Ranking};
use super::request::{Dropped, Relevance, SearchRequest};
use crate::Config;
use crate::assemble::{Costs, Format};
use crate::context::{Context, Level, comparable_text};
use crate::ports::TokenCounter;
use crate::rank::{self, Candidates, DropReason, Limits, Selection, cosine};

/// Maximum number of dropped candidates that are listed.
const MAX_DROPPED: usize = 100;
/// Share of the best score from which on levels keep their shares of a budget. Between it and the floor, candidates are
/// relevant, but too much worse to take the room of a better one.
const CONTENDING: f32 = 0.75;

/// Selector from one ranking.
pub(super) struct Chooser<'a> {
    config: &'a Config,
    explain: bool,
    ranked: &'a [Ranked],
    relevance: Relevance,
    /// Indexes of the candidates that reach the minimum score, in the order of choice.
    order: Vec<usize>,
    texts: Vec<OnceCell<String>>,
    /// Costs in an assembled text; `None` where texts are returned as they are.
    costs: Option<Costs<'a>>,
}

/// Selection within the limits.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// Indexes in the ranking, best first.
    pub(super) indexes: Vec<usize>,
    selection: Selection,
}

impl Choice {
    /// Returns the number of candidates passed over because one with the same text was chosen.
    pub(super) fn near_duplicates(&self) -> usize {
        self.selection.repeated.len()
    }
}

impl<'a> Chooser<'a> {
    /// Chooses texts for a search.
    pub(super) fn of_texts(config: &'a Config, ranking: &'a Ranking, request: &SearchRequest) -> Self {
        Self::new(config, ranking, request, request.min_score.unwrap_or(0.0))
    }

    /// Chooses entries of an assembled text: relevant ones, those that echo another one last.
    pub(super) fn of_entries(
        config: &'a Config,
        ranking: &'a Ranking,
        request: &SearchRequest,
        format: Format,
        tokens: &'a dyn TokenCounter,
    ) -> Self {
        let floor = request.min_score.unwrap_or(config.relevance_floor);
        let mut chooser = Self::new(config, ranking, request, floor);
        let ranked = chooser.ranked;
        echoes_last(&mut chooser.order, |at| &*ranked[at].record);
        let contexts = chooser.order.iter().map(|at| &ranked[*at].record.context);
        chooser.costs = Some(Costs::new(contexts, format, tokens));
        chooser
    }

    fn new(config: &'a Config, ranking: &'a Ranking, request: &SearchRequest, min_score: f32) -> Self {
        let ranked = ranking.ranked.as_slice();
        let reaches = |floor: f32| (0..ranked.len()).filter(move |at| ranked[*at].score >= floor);
        let eligible: Vec<usize> = reaches(min_score).collect();
        let mut scores: Vec<f32> = eligible.iter().map(|at| ranked[*at].score).collect();
        // A reranker orders otherwise; the best place then has the best score.
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        let order = rank::diversify(&scores, request.diversity, |a, b| {
            let (a, b) = (&ranked[eligible[a]].record, &ranked[eligible[b]].record);
            match (&a.dense, &b.dense) {
                (Some(a), Some(b)) => cosine(a, b).max(0.0),
                // One of them is pending.
                (None, _) | (_, None) => a.terms.cosine(&b.terms),
            }
        });
        let floor = request.min_score.unwrap_or(config.relevance_floor);
        Self {
            config,
            explain: request.explain,
            ranked,
            relevance: Relevance {
                best_score: ranked.iter().map(|ranked| ranked.score).fold(0.0, f32::max),
                floor,
                nothing_relevant: reaches(floor).next().is_none(),
            },
            order: order.into_iter().map(|at| eligible[at]).collect(),
            texts: vec![OnceCell::new(); ranked.len()],
            costs: None,
        }
    }

    pub(super) fn relevance(&self) -> Relevance {
        self.relevance
    }

    /// Chooses within the limits of a request.
    pub(super) fn choose(&self, request: &SearchRequest) -> Choice {
        let selection = rank::select(self, self.limits(request), Some(&self.config.budget));
        self.choice(selection)
    }

    /// Leaves out the last `count` chosen candidates, but the best only if it is alone.
    pub(super) fn shorten(&self, choice: &mut Choice, count: usize) {
        let mut selection = std::mem::take(choice).selection;
        let chosen = selection.chosen.len();
        let kept = chosen.saturating_sub(count).max(usize::from(chosen > 1));
        selection.chosen.truncate(kept);
        *choice = self.choice(selection);
    }

    fn choice(&self, selection: Selection) -> Choice {
        let mut indexes: Vec<usize> = selection.chosen.iter().map(|at| self.order[*at]).collect();
        indexes.sort_unstable();
        Choice { indexes, selection }
    }

    /// Returns the number of candidates that reach the minimum score, are not chosen and repeat none that is.
    pub(super) fn more(&self, choice: &Choice) -> usize {
        self.order.len() - choice.indexes.len() - choice.near_duplicates()
    }

    /// Returns up to [`MAX_DROPPED`] dropped candidates, best first; none unless requested.
    pub(super) fn dropped(&self, request: &SearchRequest, choice: &Choice) -> Vec<Dropped> {
        if !self.explain {
            return Vec::new();
        }
        let mut reasons = vec![Some(DropReason::BelowMinScore); self.ranked.len()];
        for at in &self.order {
            reasons[*at] = None;
        }
        for (at, reason) in rank::reasons(self, self.limits(request), &choice.selection) {
            reasons[self.order[at]] = Some(reason);
        }
        let dropped = self.ranked.iter().zip(reasons).filter_map(|(ranked, reason)| {
            Some(Dropped {
                id: ranked.record.context.id,
                level: ranked.record.context.level,
                score: ranked.score,
                reason: reason?,
            })
        });
        dropped.take(MAX_DROPPED).collect()
    }

    fn limits(&self, request: &SearchRequest) -> Limits {
        let frame = self.costs.as_ref().map_or(0, Costs::frame);
        Limits {
            max_tokens: request.max_tokens.map(|most| most.saturating_sub(frame)),
            max_items: request.max_items(),
        }
    }

    fn at(&self, at: usize) -> &Ranked {
        &self.ranked[self.order[at]]
    }

    fn text(&self, at: usize) -> &str {
        self.texts[at].get_or_init(|| comparable_text(&self.at(at).record.context.text))
    }
}

impl Candidates for Chooser<'_> {
    fn count(&self) -> usize {
        self.order.len()
    }

    fn level(&self, at: usize) -> Level {
        self.at(at).record.context.level
    }

    fn contends(&self, at: usize) -> bool {
        let Relevance { best_score, floor, .. } = self.relevance;
        self.at(at).score >= floor.max(CONTENDING * best_score)
    }

    fn cost(&self, at: usize, chosen: &[usize], room: usize) -> Option<usize> {
        match &self.costs {
            Some(costs) => costs.cost(at, chosen, room),
            None => Some(tokens(&self.at(at).record.context)).filter(|tokens| *tokens <= room),
        }
    }

    fn repeats(&self, at: usize, chosen: usize) -> bool {
        // One text under two names is two records.
        let name = |at: usize| {
            let context = &self.at(at).record.context;
            (context.scope.as_ref(), context.key.as_deref())
        };
        name(at) == name(chosen) && self.text(at) == self.text(chosen)
    }
}

pub(super) fn tokens(context: &Context) -> usize {
    usize::try_from(context.token_count).unwrap_or(usize::MAX)
}
