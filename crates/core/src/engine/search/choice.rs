//! Selection from the ranking: minimum score, diversity, equal texts and the budget.

use std::cell::OnceCell;

use super::ranking::{Ranked, Ranking};
use super::request::{Dropped, SearchRequest};
use crate::Config;
use crate::context::{Context, comparable_text};
use crate::rank::{self, DropReason, Item, Limits, Selection, cosine};

/// Maximum number of dropped candidates that are listed.
const MAX_DROPPED: usize = 100;

/// Selector from one ranking, for one budget after the other.
pub(super) struct Chooser<'a> {
    config: &'a Config,
    explain: bool,
    ranked: &'a [Ranked],
    /// Indexes of the candidates with the minimum score, most diverse first.
    order: Vec<usize>,
    items: Vec<Item>,
    texts: Vec<OnceCell<String>>,
}

/// Selection within one budget.
pub(super) struct Choice {
    /// Indexes in the ranking, best first.
    pub(super) indexes: Vec<usize>,
    limits: Limits,
    selection: Selection,
}

impl Choice {
    /// Returns the number of candidates passed over because one with the same text was chosen.
    pub(super) fn near_duplicates(&self) -> usize {
        self.selection.repeated.len()
    }
}

impl<'a> Chooser<'a> {
    pub(super) fn new(config: &'a Config, ranking: &'a Ranking, request: &SearchRequest) -> Self {
        let ranked = ranking.ranked.as_slice();
        let floor = request.min_score.unwrap_or(0.0);
        let eligible = ranked.partition_point(|ranked| ranked.score >= floor);
        let mut chooser = Self {
            config,
            explain: request.explain,
            ranked,
            order: Vec::new(),
            items: Vec::new(),
            texts: vec![OnceCell::new(); eligible],
        };
        let mut scores: Vec<f32> = ranked[..eligible].iter().map(|ranked| ranked.score).collect();
        // A reranker orders otherwise; the best place then has the best score.
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        chooser.order = rank::diversify(&scores, request.diversity, |a, b| {
            match (&ranked[a].record.dense, &ranked[b].record.dense) {
                (Some(a), Some(b)) => cosine(a, b).max(0.0),
                // One of them is pending.
                (None, _) | (_, None) => ranked[a].record.terms.cosine(&ranked[b].record.terms),
            }
        });
        chooser.items = chooser
            .order
            .iter()
            .map(|at| Item {
                level: ranked[*at].record.context.level,
                tokens: tokens(&ranked[*at].record.context),
            })
            .collect();
        chooser
    }

    /// Chooses within `max_tokens`.
    pub(super) fn choose(&self, max_tokens: Option<usize>, max_items: usize) -> Choice {
        let limits = Limits { max_tokens, max_items };
        let selection = rank::select(&self.items, limits, &self.config.budget, |a, b| {
            let (a, b) = (self.order[a], self.order[b]);
            self.text(a) == self.text(b)
        });
        let mut indexes: Vec<usize> = selection.chosen.iter().map(|at| self.order[*at]).collect();
        indexes.sort_unstable();
        Choice {
            indexes,
            limits,
            selection,
        }
    }

    /// Returns up to [`MAX_DROPPED`] dropped candidates, best first; none unless requested.
    pub(super) fn dropped(&self, choice: &Choice) -> Vec<Dropped> {
        if !self.explain {
            return Vec::new();
        }
        let by_choice = rank::reasons(&self.items, choice.limits, &choice.selection)
            .into_iter()
            .map(|(at, reason)| (self.order[at], reason));
        let by_score = (self.order.len()..self.ranked.len()).map(|at| (at, DropReason::BelowMinScore));
        let mut dropped: Vec<(usize, DropReason)> = by_choice.chain(by_score).collect();
        dropped.sort_unstable_by_key(|(at, _)| *at);
        dropped.truncate(MAX_DROPPED);
        dropped
            .into_iter()
            .map(|(at, reason)| Dropped {
                id: self.ranked[at].record.context.id,
                level: self.ranked[at].record.context.level,
                score: self.ranked[at].score,
                reason,
            })
            .collect()
    }

    fn text(&self, at: usize) -> &str {
        self.texts[at].get_or_init(|| comparable_text(&self.ranked[at].record.context.text))
    }
}

pub(super) fn tokens(context: &Context) -> usize {
    usize::try_from(context.token_count).unwrap_or(usize::MAX)
}
