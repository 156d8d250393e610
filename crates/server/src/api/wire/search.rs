//! A question to the memory and its answer.

use context_manager_core::context::MAX_ID_BYTES;
use context_manager_core::rank::DropReason;
use context_manager_core::{Degraded, Dropped, Found, Level, SearchMode, SearchRequest, SearchResponse, Violations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ContextBody, FilterBody, WireLevel};

/// What to search for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SearchRequest)]
pub(in crate::api) struct SearchBody {
    /// What is asked.
    #[schema(min_length = 1, max_length = 32_768, example = "Which theme does the user like?")]
    query: String,
    /// Tokens that all returned texts may have together.
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_tokens: Option<usize>,
    /// Default 20; with only `max_tokens` as many as fit.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Default all.
    #[schema(min_items = 1)]
    levels: Option<Vec<WireLevel>>,
    /// Whose working memory to read; the other levels are not narrowed by it.
    session_id: Option<String>,
    /// The same as in `filter`; given in both places, both must agree.
    user_id: Option<String>,
    /// The same as in `filter`; given in both places, both must agree.
    agent_id: Option<String>,
    filter: Option<FilterBody>,
    #[schema(minimum = 0, maximum = 1)]
    min_score: Option<f32>,
    #[serde(default)]
    mode: WireMode,
    /// How much a context must differ from the others that are returned: maximal marginal relevance.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    diversity: f32,
    /// Whether to return what each score is made of, and what was left out and why.
    #[serde(default)]
    pub(in crate::api) explain: bool,
    /// Whether contexts that were replaced may be found too.
    #[serde(default)]
    include_superseded: bool,
}

/// Which kinds of likeness count.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SearchMode)]
enum WireMode {
    /// By meaning and by words.
    #[default]
    Hybrid,
    /// By meaning only.
    Dense,
    /// By words only.
    Lexical,
}

impl SearchBody {
    /// The domain's request; problems that only the wire can have are added to `found`.
    pub(in crate::api) fn into_request(self, found: &mut Violations) -> SearchRequest {
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
        let filter = filter.into_filter("/filter", found);
        SearchRequest {
            query: self.query,
            max_tokens: self.max_tokens,
            limit: self.limit,
            levels: self.levels.unwrap_or_default().into_iter().map(Into::into).collect(),
            session_id: self.session_id,
            filter,
            min_score: self.min_score,
            mode: match self.mode {
                WireMode::Hybrid => SearchMode::Hybrid,
                WireMode::Dense => SearchMode::Dense,
                WireMode::Lexical => SearchMode::Lexical,
            },
            diversity: self.diversity,
            explain: self.explain,
            include_superseded: self.include_superseded,
        }
    }
}

/// A context that answers.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FoundBody {
    #[serde(flatten)]
    context: ContextBody,
    /// How well it answers, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
    /// Only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<Scores>,
}

/// What a score is made of, each 0 to 1.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Scores {
    similarity: f32,
    lexical: f32,
    /// Both, with what neighbours in the session lend.
    relevance: f32,
    recency: f32,
    level: f32,
    frequency: f32,
    importance: f32,
}

/// A number for each level.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct LevelCounts<T> {
    immediate: T,
    short_term: T,
    long_term: T,
}

impl<T> From<[T; Level::ALL.len()]> for LevelCounts<T> {
    fn from([immediate, short_term, long_term]: [T; Level::ALL.len()]) -> Self {
        Self {
            immediate,
            short_term,
            long_term,
        }
    }
}

/// A candidate that was left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Dropped)]
pub(super) struct DroppedBody {
    id: Uuid,
    level: WireLevel,
    /// How well it answers, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
    reason: WireReason,
}

impl From<Dropped> for DroppedBody {
    fn from(dropped: Dropped) -> Self {
        Self {
            id: dropped.id.0,
            level: dropped.level.into(),
            score: dropped.score,
            reason: match dropped.reason {
                DropReason::BelowMinScore => WireReason::BelowMinScore,
                DropReason::NearDuplicate => WireReason::NearDuplicate,
                DropReason::LevelShare => WireReason::LevelShare,
                DropReason::OverBudget => WireReason::OverBudget,
                DropReason::OverLimit => WireReason::OverLimit,
            },
        }
    }
}

/// Why a candidate was left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DropReason)]
enum WireReason {
    /// Its score is below `min_score`.
    BelowMinScore,
    /// It says nearly the same as a better one that is returned.
    NearDuplicate,
    /// It would have fitted if other levels had no share.
    LevelShare,
    /// It does not fit beside what is returned.
    OverBudget,
    /// `limit` contexts are returned.
    OverLimit,
}

/// A part that was down: the answer is right but not complete.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Degraded)]
pub(super) enum WireDegraded {
    Embedding,
    VectorStore,
    L1,
}

impl From<Degraded> for WireDegraded {
    fn from(part: Degraded) -> Self {
        match part {
            Degraded::Embedding => Self::Embedding,
            Degraded::VectorStore => Self::VectorStore,
            Degraded::L1 => Self::L1,
        }
    }
}

/// The ranked contexts that answer a query.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchResponse)]
pub(in crate::api) struct SearchAnswer {
    /// Best first.
    contexts: Vec<FoundBody>,
    /// Never above `max_tokens`.
    total_tokens: usize,
    took_ms: f64,
    /// How many candidates of each level were ranked.
    #[schema(inline)]
    searched: LevelCounts<usize>,
    /// How many of each level are returned.
    #[schema(inline)]
    levels: LevelCounts<usize>,
    /// How many candidates were passed over because they repeat something that is returned.
    near_duplicates: usize,
    /// What was left out and why, best first, at most 100. Only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<Vec<DroppedBody>>,
    /// Whether the query's vector came from a cache.
    cache_hit: bool,
    degraded: Vec<WireDegraded>,
}

impl SearchAnswer {
    /// The answer as it goes out, after `took_ms` milliseconds.
    pub(in crate::api) fn new(response: SearchResponse, explain: bool, took_ms: f64) -> Self {
        let found = |found: Found| FoundBody {
            scores: explain.then_some(Scores {
                similarity: found.parts.similarity,
                lexical: found.parts.lexical,
                relevance: found.parts.relevance,
                recency: found.parts.recency,
                level: found.parts.level,
                frequency: found.parts.frequency,
                importance: found.parts.importance,
            }),
            score: found.score,
            context: found.context.into(),
        };
        Self {
            contexts: response.contexts.into_iter().map(found).collect(),
            total_tokens: response.total_tokens,
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
