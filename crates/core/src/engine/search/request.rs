//! Requests and responses of searches.

use tokio::time::Instant;

use super::deadline::Deadline;
use crate::Filter;
use crate::context::{Context, ContextId, Level, MAX_ID_BYTES, MAX_TEXT_BYTES, Violations};
use crate::rank::{DropReason, Parts};

/// Number of contexts that a search returns without a limit and a budget.
pub const DEFAULT_LIMIT: usize = 20;
/// Maximum number of contexts that a search returns.
pub const MAX_LIMIT: usize = 1000;
/// The largest token budget.
pub const MAX_TOKENS: usize = 1_000_000;

/// Maximum number of parts of a document on each side of one that is found.
pub(super) const MAX_NEIGHBOURS: usize = 5;
/// Number of texts before the question that count, and of their last bytes.
const EARLIER_TEXTS: usize = 3;
const EARLIER_BYTES: usize = 500;

/// Kinds of similarity that count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchMode {
    /// Vectors and words.
    #[default]
    Hybrid,
    /// Vectors only.
    Dense,
    /// Words only.
    Lexical,
}

/// A search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchRequest {
    /// The question.
    pub query: String,
    /// Texts of the conversation before the question, oldest first. They count where the question does not stand alone.
    pub earlier: Vec<String>,
    /// Maximum number of tokens of all returned contexts together, 1 to [`MAX_TOKENS`].
    pub max_tokens: Option<usize>,
    /// Maximum number of contexts, 1 to [`MAX_LIMIT`]; without it as many as fit `max_tokens`, or [`DEFAULT_LIMIT`].
    pub limit: Option<usize>,
    /// Levels to search; all if empty.
    pub levels: Vec<Level>,
    /// Session whose working memory is searched. It does not restrict the other levels.
    pub session_id: Option<String>,
    /// Conditions on contexts of every level.
    pub filter: Filter,
    /// Number of parts to return on each side of a part of a document, at most 5.
    pub neighbours: usize,
    /// Minimum score, 0 to 1; without it a search returns contexts of any score, and an assembly those that reach
    /// [`Config::relevance_floor`](crate::Config::relevance_floor).
    pub min_score: Option<f32>,
    /// Kinds of similarity that count.
    pub mode: SearchMode,
    /// Weight of the difference from the other returned contexts, 0 to 1: maximal marginal relevance.
    pub diversity: f32,
    /// Lists the dropped candidates.
    pub explain: bool,
    /// Finds superseded contexts, too.
    pub include_superseded: bool,
    /// Moment by which the answer is due: it is the best that there is by then.
    pub deadline: Option<Instant>,
}

impl SearchRequest {
    /// Returns everything that is wrong.
    pub fn validate(&self) -> Violations {
        let mut found = Violations::default();
        let query = self.query.trim();
        if query.is_empty() || query.contains('\0') {
            found.invalid("/query", "must not be empty or blank, nor contain NUL (U+0000)");
        }
        found.limit_bytes("/query", "the query", query.len(), MAX_TEXT_BYTES);
        if let Some(max_tokens) = self.max_tokens {
            found.in_range("/max_tokens", &max_tokens, &(1..=MAX_TOKENS));
        }
        if let Some(limit) = self.limit {
            found.in_range("/limit", &limit, &(1..=MAX_LIMIT));
        }
        found.in_range("/neighbours", &self.neighbours, &(0..=MAX_NEIGHBOURS));
        if let Some(min_score) = self.min_score {
            found.in_range("/min_score", &min_score, &(0.0..=1.0));
        }
        found.in_range("/diversity", &self.diversity, &(0.0..=1.0));
        if let Some(session_id) = &self.session_id {
            found.word("/session_id", session_id, MAX_ID_BYTES);
        }
        found
    }

    /// Returns the end of the conversation before the question, if there is one.
    pub(super) fn earlier_text(&self) -> Option<String> {
        let newest = &self.earlier[self.earlier.len().saturating_sub(EARLIER_TEXTS)..];
        let end = |text: &String| text[text.ceil_char_boundary(text.len().saturating_sub(EARLIER_BYTES))..].to_owned();
        let texts: Vec<String> = newest.iter().map(end).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    pub(super) fn deadline(&self) -> Deadline {
        Deadline(self.deadline)
    }

    pub(super) fn levels(&self) -> Vec<Level> {
        if self.levels.is_empty() {
            Level::ALL.to_vec()
        } else {
            self.levels.clone()
        }
    }

    /// Returns the levels that are searched in the store: all but working memory.
    pub(super) fn stored_levels(&self) -> Vec<Level> {
        self.levels()
            .into_iter()
            .filter(|level| *level != Level::Immediate)
            .collect()
    }

    pub(super) fn max_items(&self) -> usize {
        let without_limit = if self.max_tokens.is_some() {
            usize::MAX
        } else {
            DEFAULT_LIMIT
        };
        self.limit.unwrap_or(without_limit)
    }

    /// Returns the session whose working memory is searched: the named one, or that of the filter.
    pub(super) fn working_memory(&self) -> Option<&str> {
        self.session_id.as_deref().or(self.filter.session_id.as_deref())
    }
}

/// A context that answers a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The context.
    pub context: Context,
    /// Score, 0 to 1.
    pub score: f32,
    /// Components of the score.
    pub parts: Parts,
    /// Parts of its document before and behind it, if requested.
    pub neighbours: [Vec<Context>; 2],
}

/// A candidate that is not returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropped {
    /// Id of the context.
    pub id: ContextId,
    /// Level of the context.
    pub level: Level,
    /// Score, 0 to 1.
    pub score: f32,
    /// Reason.
    pub reason: DropReason,
}

/// A component without which an answer is incomplete, but not wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Degraded {
    /// The query has no vector: found by words alone.
    Embedding,
    /// The store failed: found in working memory alone.
    VectorStore,
    /// Working memory was not read, or came from the store because its cache could not be reached.
    L1,
    /// The reranker failed: the ranking is as it was.
    Rerank,
    /// The time ran out before everything was done; a part named beside it was left out for that.
    Deadline,
}

/// Relevance of the best candidates of a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relevance {
    /// Score of the best candidate; 0 if there is none.
    pub best_score: f32,
    /// Score from which on a context counts as relevant: the requested minimum, or the configured floor.
    pub floor: f32,
    /// Set if no candidate reaches the floor.
    pub nothing_relevant: bool,
}

/// Result of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResponse {
    /// Returned contexts, best first.
    pub contexts: Vec<Found>,
    /// Number of tokens of all returned texts; never above the budget.
    pub total_tokens: usize,
    /// Relevance of the best candidates.
    pub relevance: Relevance,
    /// Number of ranked candidates of each level, as in [`Level::ALL`].
    pub searched: [usize; Level::ALL.len()],
    /// Number of returned contexts of each level.
    pub levels: [usize; Level::ALL.len()],
    /// Number of candidates passed over because one with the same text is returned.
    pub near_duplicates: usize,
    /// Dropped candidates, best first, if requested.
    pub dropped: Vec<Dropped>,
    /// Set if the query's vector came from a cache.
    pub cache_hit: bool,
    /// Components that failed.
    pub degraded: Vec<Degraded>,
}
