//! Searches.

use context_manager_core::context::MAX_ID_BYTES;
use context_manager_core::{self as domain, Found, Violations};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Context, Filter, Level, LevelCounts, Neighbours, Query};

/// A search.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// The question, as a text or as the messages of a conversation: the last message of the user counts most.
    pub query: Query,
    /// Maximum number of tokens of all returned texts together.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// Maximum number of contexts. Default 20; with only `max_tokens` as many as fit.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Levels to search. Default all.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<Level>>,
    /// Conversation whose working memory to search; it does not narrow the other levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The same as in `filter`; if given in both places, both must be equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The same as in `filter`; if given in both places, both must be equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The same as in `filter`; if given in both places, both must be equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Conditions on the contexts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Minimum score. Without it a search returns contexts of any score; `assemble` leaves out those below the
    /// configured floor.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// Kinds of similarity.
    #[serde(default)]
    pub mode: SearchMode,
    /// Weight of the difference from other results: maximal marginal relevance.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub diversity: f32,
    /// Return the parts of each score, and the candidates that were not selected.
    #[serde(default)]
    pub explain: bool,
    /// Search replaced contexts as well.
    #[serde(default)]
    pub include_superseded: bool,
    /// Number of parts to return on each side of a part of a document, within `max_tokens`. Default 0.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 5))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<u32>,
    /// Milliseconds since the arrival of the request, at most `server.request_timeout_ms`: the best answer by then is
    /// returned, and what it lacks is named in `degraded`.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// Kinds of similarity to search by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SearchMode {
    /// Dense and lexical similarity.
    #[default]
    Hybrid,
    /// Dense similarity alone.
    Dense,
    /// Lexical similarity alone.
    Lexical,
}

impl SearchRequest {
    /// Converts to the domain's request, without a deadline, as that counts from the arrival of the request. Problems that
    /// only JSON can have are added to `found`.
    pub fn into_request(self, found: &mut Violations) -> domain::SearchRequest {
        if self.levels.as_ref().is_some_and(Vec::is_empty) {
            found.invalid("/levels", "must name a level, or be left out for all");
        }
        let mut filter = self.filter.unwrap_or_default();
        for (name, beside, inside) in [
            ("user_id", self.user_id, &mut filter.user_id),
            ("agent_id", self.agent_id, &mut filter.agent_id),
        ] {
            let Some(beside) = beside else { continue };
            found.word(format!("/{name}"), &beside, MAX_ID_BYTES);
            if inside.as_ref().is_some_and(|inside| *inside != beside) {
                found.invalid(
                    format!("/{name}"),
                    format!("must be the same as `filter.{name}`, or be left out"),
                );
            }
            *inside = Some(beside);
        }
        if let Some(beside) = self.scope {
            found.scope_path("/scope", &beside);
            if filter.scope.as_ref().is_some_and(|inside| *inside != beside) {
                found.invalid("/scope", "must be the same as `filter.scope`, or be left out");
            }
            filter.scope = Some(beside);
        }
        let (query, earlier) = self.query.into_texts(found);
        let filter = filter.into_filter("/filter", found);
        domain::SearchRequest {
            query,
            earlier,
            max_tokens: self.max_tokens,
            limit: self.limit,
            levels: self.levels.unwrap_or_default().into_iter().map(Into::into).collect(),
            session_id: self.session_id,
            filter,
            min_score: self.min_score,
            mode: match self.mode {
                SearchMode::Hybrid => domain::SearchMode::Hybrid,
                SearchMode::Dense => domain::SearchMode::Dense,
                SearchMode::Lexical => domain::SearchMode::Lexical,
            },
            diversity: self.diversity,
            explain: self.explain,
            include_superseded: self.include_superseded,
            neighbours: self.neighbours.unwrap_or_default() as usize,
            deadline: None,
        }
    }
}

/// A context that was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundBody {
    /// The context.
    #[serde(flatten)]
    pub context: Context,
    /// Relevance to the query, 0 to 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub score: f32,
    /// Parts of the score; only with `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// Parts around it in its document; only with `neighbours`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<Neighbours>,
}

/// Parts of a score, each 0 to 1 but `rerank`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scores {
    /// Evidence by the embedding model's vector.
    pub similarity: f32,
    /// Evidence by words.
    pub lexical: f32,
    /// Evidence by the built-in token table.
    pub table: f32,
    /// All evidence, with what neighbours in the session lend, by the form of the text.
    pub relevance: f32,
    /// Recency of the event.
    pub recency: f32,
    /// Weight of the level.
    pub level: f32,
    /// Frequency of access.
    pub frequency: f32,
    /// Importance.
    pub importance: f32,
    /// Score of the reranker, on the scale of its model: it decides the order, and is no part of `score`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerank: Option<f32>,
}

/// A candidate that was not returned.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dropped {
    /// Its id.
    pub id: Uuid,
    /// Its level.
    pub level: Level,
    /// Relevance to the query, 0 to 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub score: f32,
    /// The reason.
    pub reason: DropReason,
}

impl From<domain::Dropped> for Dropped {
    fn from(dropped: domain::Dropped) -> Self {
        Self {
            id: dropped.id.0,
            level: dropped.level.into(),
            score: dropped.score,
            reason: match dropped.reason {
                domain::rank::DropReason::BelowMinScore => DropReason::BelowMinScore,
                domain::rank::DropReason::NearDuplicate => DropReason::NearDuplicate,
                domain::rank::DropReason::LevelShare => DropReason::LevelShare,
                domain::rank::DropReason::OverBudget => DropReason::OverBudget,
                domain::rank::DropReason::OverLimit => DropReason::OverLimit,
            },
        }
    }
}

/// Reason for not returning a candidate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// Its score is below `min_score`.
    BelowMinScore,
    /// It nearly repeats a better one that is returned.
    NearDuplicate,
    /// The budget it needs is reserved for contexts of other levels that are about as good.
    LevelShare,
    /// It does not fit into the budget that is left.
    OverBudget,
    /// `limit` contexts are returned.
    OverLimit,
}

/// A component that was down or late; the result may be incomplete.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Degraded {
    /// The embedder: found by lexical search alone.
    Embedding,
    /// The vector store: only working memory was searched.
    VectorStore,
    /// Working memory.
    L1,
    /// The reranker: the order is that of the scores.
    Rerank,
    /// The time: it ran out before everything was done, and the parts named beside it were left out.
    Deadline,
}

impl From<domain::Degraded> for Degraded {
    fn from(part: domain::Degraded) -> Self {
        match part {
            domain::Degraded::Embedding => Self::Embedding,
            domain::Degraded::VectorStore => Self::VectorStore,
            domain::Degraded::L1 => Self::L1,
            domain::Degraded::Rerank => Self::Rerank,
            domain::Degraded::Deadline => Self::Deadline,
        }
    }
}

/// Ranked contexts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchResponse {
    /// Contexts, best first.
    pub contexts: Vec<FoundBody>,
    /// Number of tokens of all returned texts, never above `max_tokens`.
    pub total_tokens: usize,
    /// Score of the best candidate, returned or not; 0 if there is none.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub best_score: f32,
    /// Score from which on a context counts as relevant: `min_score`, or the configured floor.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub floor: f32,
    /// True if no candidate reaches the floor.
    pub nothing_relevant: bool,
    /// Time taken, in milliseconds.
    pub took_ms: f64,
    /// Number of ranked candidates by level.
    #[cfg_attr(feature = "openapi", schema(inline))]
    pub searched: LevelCounts<usize>,
    /// Number of returned contexts by level.
    #[cfg_attr(feature = "openapi", schema(inline))]
    pub levels: LevelCounts<usize>,
    /// Number of candidates that were passed over as they repeat a returned context.
    pub near_duplicates: usize,
    /// Candidates that were not returned, best first, at most 100; only with `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Vec<Dropped>>,
    /// True if the vector of the query came from a cache.
    pub cache_hit: bool,
    /// Components that were down or late.
    pub degraded: Vec<Degraded>,
}

fn neighbours([before, after]: [Vec<domain::Context>; 2]) -> Option<Neighbours> {
    let bodies = |parts: Vec<domain::Context>| parts.into_iter().map(Into::into).collect();
    (!before.is_empty() || !after.is_empty()).then(|| Neighbours {
        before: bodies(before),
        after: bodies(after),
    })
}

impl SearchResponse {
    /// Builds the response to a search that took this many milliseconds.
    pub fn new(response: domain::SearchResponse, explain: bool, took_ms: f64) -> Self {
        let found = |found: Found| FoundBody {
            neighbours: neighbours(found.neighbours),
            scores: explain.then_some(Scores {
                similarity: found.parts.similarity,
                lexical: found.parts.lexical,
                table: found.parts.table,
                relevance: found.parts.relevance,
                recency: found.parts.recency,
                level: found.parts.level,
                frequency: found.parts.frequency,
                importance: found.parts.importance,
                rerank: found.parts.rerank,
            }),
            score: found.score,
            context: found.context.into(),
        };
        Self {
            contexts: response.contexts.into_iter().map(found).collect(),
            total_tokens: response.total_tokens,
            best_score: response.relevance.best_score,
            floor: response.relevance.floor,
            nothing_relevant: response.relevance.nothing_relevant,
            took_ms: (took_ms * 1000.0).round() / 1000.0,
            searched: response.searched.into(),
            levels: response.levels.into(),
            near_duplicates: response.near_duplicates,
            dropped: explain.then(|| response.dropped.into_iter().map(Into::into).collect()),
            cache_hit: response.cache_hit,
            degraded: response.degraded.into_iter().map(Into::into).collect(),
        }
    }
}
