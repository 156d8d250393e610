//! Outcome of a question: places of its answers among the results.

use std::collections::BTreeMap;

use context_manager_client::wire::SearchResponse;
use serde::Serialize;
use uuid::Uuid;

/// Outcome of a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Outcome {
    /// Mode of the search.
    pub(super) mode: String,
    /// Set, conversation or crate it is asked of.
    pub(super) of: String,
    pub(super) kind: String,
    pub(super) question: String,
    /// Rank of each answer, from 1; empty for a question without an answer.
    pub(super) ranks: Vec<Option<usize>>,
    /// Tokens of the results up to and including the first answer.
    pub(super) tokens: Option<usize>,
    /// Number of answers in the results of a search, by its `max_tokens`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) within: BTreeMap<usize, usize>,
    pub(super) best_score: f32,
    pub(super) nothing_relevant: bool,
}

impl Outcome {
    /// Finds answers among results.
    pub(super) fn of(answers: &[Uuid], found: &SearchResponse) -> Self {
        let results = || found.contexts.iter().map(|found| &found.context);
        let rank = |answer: &Uuid| results().position(|context| context.id == *answer).map(|at| at + 1);
        let ranks: Vec<_> = answers.iter().map(rank).collect();
        let first = ranks.iter().flatten().min();
        let tokens = first.map(|first| results().take(*first).map(|context| context.token_count as usize).sum());
        Self {
            tokens,
            ranks,
            best_score: found.best_score,
            nothing_relevant: found.nothing_relevant,
            ..Self::default()
        }
    }

    /// Returns the number of answers found up to a rank.
    pub(super) fn found(&self, within: usize) -> usize {
        self.ranks.iter().flatten().filter(|rank| **rank <= within).count()
    }
}

/// Builds results with ids from 1 and these numbers of tokens.
#[cfg(test)]
pub(super) fn results(tokens: &[u32]) -> SearchResponse {
    let contexts = tokens.iter().zip(1_u128..).map(|(tokens, id)| {
        serde_json::json!({
            "id": Uuid::from_u128(id), "text": "t", "level": "long_term", "user_id": null, "agent_id": null,
            "session_id": null, "tags": [], "metadata": {}, "importance": 0.5, "pinned": false,
            "token_count": tokens, "access_count": 0, "occurred_at": "2026-01-02T03:04:05Z",
            "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "last_accessed_at": null,
            "expires_at": null, "embedding_status": "ready", "derived_from": [], "score": 0.5,
            "supersedes": [], "superseded_by": null,
        })
    });
    let levels = serde_json::json!({"immediate": 0, "short_term": 0, "long_term": 0});
    let response = serde_json::json!({
        "contexts": contexts.collect::<Vec<_>>(), "total_tokens": 0, "best_score": 0.5, "floor": 0.25, "nothing_relevant": false, "took_ms": 1.0, "searched": levels,
        "levels": levels, "near_duplicates": 0, "cache_hit": false, "degraded": [],
    });
    serde_json::from_value(response).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_up_to_and_including_the_first_answer() {
        let ids = |numbers: &[u128]| numbers.iter().copied().map(Uuid::from_u128).collect::<Vec<_>>();
        for (answers, ranks, tokens) in [
            (&[3, 2][..], vec![Some(3), Some(2)], Some(3)),
            (&[1], vec![Some(1)], Some(1)),
            (&[9, 3], vec![None, Some(3)], Some(6)),
            (&[9], vec![None], None),
            (&[], vec![], None),
        ] {
            let outcome = Outcome::of(&ids(answers), &results(&[1, 2, 3]));
            assert_eq!((outcome.ranks, outcome.tokens), (ranks, tokens), "{answers:?}");
        }
    }
}
