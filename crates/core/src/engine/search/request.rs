//! What a search asks for and what it answers.

use crate::Filter;
use crate::context::{Context, ContextId, Level, MAX_ID_BYTES, MAX_TEXT_BYTES, Violations};
use crate::rank::{DropReason, Parts};

/// How many contexts a search returns when neither a limit nor a budget is given.
pub const DEFAULT_LIMIT: usize = 20;
/// The most contexts a search returns.
pub const MAX_LIMIT: usize = 1000;
/// The largest token budget.
pub const MAX_TOKENS: usize = 1_000_000;

/// Which kinds of likeness count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchMode {
    /// By vector and by words.
    #[default]
    Hybrid,
    /// By vector only.
    Dense,
    /// By words only.
    Lexical,
}

/// A question to the memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchRequest {
    /// What is asked.
    pub query: String,
    /// Tokens that all returned contexts may have together, 1 to [`MAX_TOKENS`].
    pub max_tokens: Option<usize>,
    /// How many contexts at most, 1 to [`MAX_LIMIT`]; without it as many as fit `max_tokens`, or [`DEFAULT_LIMIT`].
    pub limit: Option<usize>,
    /// Which levels; empty is all.
    pub levels: Vec<Level>,
    /// Whose working memory to read. The other levels are not narrowed by it.
    pub session_id: Option<String>,
    /// Which contexts may be found, at every level.
    pub filter: Filter,
    /// The lowest score to return, 0 to 1.
    pub min_score: Option<f32>,
    /// Which kinds of likeness count.
    pub mode: SearchMode,
    /// How much a context must differ from the others that are returned, 0 to 1: maximal marginal relevance.
    pub diversity: f32,
    /// Whether to say what was left out and why.
    pub explain: bool,
    /// Whether contexts that were replaced may be found too.
    pub include_superseded: bool,
}

impl SearchRequest {
    /// Everything that is wrong.
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
        if let Some(min_score) = self.min_score {
            found.in_range("/min_score", &min_score, &(0.0..=1.0));
        }
        found.in_range("/diversity", &self.diversity, &(0.0..=1.0));
        if let Some(session_id) = &self.session_id {
            found.word("/session_id", session_id, MAX_ID_BYTES);
        }
        found
    }

    pub(super) fn levels(&self) -> Vec<Level> {
        if self.levels.is_empty() {
            Level::ALL.to_vec()
        } else {
            self.levels.clone()
        }
    }

    /// The levels that the store is asked for: all but working memory.
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

    /// Whose working memory is meant: that of the session named, or the one the filter is confined to.
    pub(super) fn working_memory(&self) -> Option<&str> {
        self.session_id.as_deref().or(self.filter.session_id.as_deref())
    }
}

/// A context that answers a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The context.
    pub context: Context,
    /// How well it answers, 0 to 1.
    pub score: f32,
    /// What the score is made of.
    pub parts: Parts,
}

/// A candidate that was left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropped {
    /// The context.
    pub id: ContextId,
    /// Its level.
    pub level: Level,
    /// How well it answers, 0 to 1.
    pub score: f32,
    /// Why it was left out.
    pub reason: DropReason,
}

/// A part that was down, so that the answer is right but not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degraded {
    /// No vector for the query: found by words alone.
    Embedding,
    /// The store: found in working memory alone.
    VectorStore,
    /// Working memory.
    L1,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResponse {
    /// Best first.
    pub contexts: Vec<Found>,
    /// Tokens of all returned texts; never above the budget.
    pub total_tokens: usize,
    /// How many candidates of each level were ranked, as in [`Level::ALL`].
    pub searched: [usize; Level::ALL.len()],
    /// How many of each level are returned.
    pub levels: [usize; Level::ALL.len()],
    /// Number of contexts passed over because one with the same text is returned.
    pub near_duplicates: usize,
    /// What was left out and why, best first, when asked for.
    pub dropped: Vec<Dropped>,
    /// Whether the query's vector came from a cache.
    pub cache_hit: bool,
    /// What was down.
    pub degraded: Vec<Degraded>,
}
