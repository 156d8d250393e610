//! Settings of the HiRAG engine.

use serde::{Deserialize, Serialize};

use crate::context::Level;

/// Settings of the HiRAG engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Maximum number of contexts of a session at the immediate level; older ones move to `short_term`.
    pub l1_cache_size: usize,
    /// Maximum number of contexts in memory over all sessions; the sessions idle longest are evicted first.
    pub l1_max_contexts: usize,
    /// Seconds without use after which a session leaves memory; its next use reads it back.
    pub l1_idle_secs: u64,
    /// Seconds that a `short_term` context without a TTL of its own stays at that level.
    pub l2_cache_ttl: u64,
    /// End of a `short_term` context without a TTL of its own, once `l2_cache_ttl` has passed: `promote` or `forget`.
    pub l2_on_expiry: L2OnExpiry,
    /// Seconds between garbage collections, and between evictions of idle sessions.
    pub gc_interval_secs: u64,
    /// Number of contexts in one batch of a garbage collection.
    pub gc_batch_size: usize,
    /// Seconds after which the recency of a context is halved.
    pub recency_half_life_secs: u64,
    /// Number of candidates that the vector search and the lexical search each return for ranking.
    pub candidates: usize,
    /// Score, 0 to 1, from which on a context counts as relevant where a request has no `min_score`: an assembled text has
    /// no others, and a search says whether there are any.
    pub relevance_floor: f32,
    /// Maximum wait for an embedding in milliseconds; a store then continues without a vector, a search with terms alone.
    pub embed_timeout_ms: u64,
    /// Seconds between writes of access counts.
    pub access_flush_interval_secs: u64,
    /// Share of vector searches that is repeated exactly in the background to measure the recall of the index.
    pub recall_sample_ratio: f64,
    /// Weights of what orders contexts of nearly the same evidence.
    pub weights: Weights,
    /// Weights of the kinds of evidence.
    pub fusion: Fusion,
    /// Evidence lent between contexts of a session.
    pub neighbours: Neighbours,
    /// Factors for the form of a text.
    pub speech: Speech,
    /// Shares of the levels in a token budget.
    pub budget: Budget,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            l1_cache_size: 100,
            l1_max_contexts: 100_000,
            l1_idle_secs: 1800,
            l2_cache_ttl: 3600,
            l2_on_expiry: L2OnExpiry::default(),
            gc_interval_secs: 300,
            gc_batch_size: 100,
            recency_half_life_secs: 7 * 24 * 3600,
            candidates: 40,
            relevance_floor: 0.1,
            embed_timeout_ms: 2000,
            access_flush_interval_secs: 5,
            recall_sample_ratio: 0.01,
            weights: Weights::default(),
            fusion: Fusion::default(),
            neighbours: Neighbours::default(),
            speech: Speech::default(),
            budget: Budget::default(),
        }
    }
}

/// End of a `short_term` context without a TTL of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum L2OnExpiry {
    /// Promotion to `long_term`.
    #[default]
    Promote,
    /// Expiry, unless its importance, its accesses or its pin promote it to `long_term`.
    Forget,
}

/// Weights of what is no evidence. A score is `evidence * (1 + sum of weight * part) / (1 + sum of weights)`, so that
/// between 0 and the sum of weights parts decide among contexts of nearly the same evidence, and never lift what is
/// irrelevant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// Recency of the event.
    pub recency: f32,
    /// Level: immediate 1.0, short-term 0.7, long-term 0.5.
    pub level: f32,
    /// Number of earlier accesses, on a logarithmic scale with 1 at 100. The default is 0, as each answer would otherwise
    /// reinforce itself, useful or not (docs/reference/benchmarks.md).
    pub frequency: f32,
    /// Importance given by the caller.
    pub importance: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            recency: 0.04,
            level: 0.02,
            frequency: 0.0,
            importance: 0.04,
        }
    }
}

/// Weights of the kinds of evidence in hybrid search; only their proportions matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fusion {
    /// Words: BM25 as a share of the most that the question could reach.
    pub lexical: f32,
    /// Cosine of the embedding model's vectors.
    pub dense: f32,
    /// Cosine of the compiled-in token table's vectors, in which rare words of the question weigh more.
    pub table: f32,
}

impl Default for Fusion {
    /// Returns measured weights, see docs/reference/benchmarks.md.
    fn default() -> Self {
        Self {
            lexical: 0.7,
            dense: 0.5,
            table: 0.3,
        }
    }
}

/// Evidence lent between contexts of a session: the answer to a question is often next to the text that matches it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Neighbours {
    /// Share of its excess evidence, 0 to 1, that a context lends to the one after it; raised to the distance for others.
    pub after: f32,
    /// Share that it lends to the one before it.
    pub before: f32,
    /// Maximum distance of lending, in contexts; 0 disables it.
    pub reach: u8,
    /// Number of best contexts whose neighbours become candidates.
    pub seeds: usize,
    /// Share of the evidence of its best context, 0 to 1, that a session lends to all its contexts.
    pub session: f32,
}

impl Default for Neighbours {
    /// Returns measured shares, see docs/reference/benchmarks.md.
    fn default() -> Self {
        Self {
            after: 0.6,
            before: 0.3,
            reach: 3,
            seeds: 10,
            session: 0.2,
        }
    }
}

/// Factors that multiply the evidence for a context by the form of its text; 1 disables one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speech {
    /// The question names the speaker of the text, as in `Mira: I moved to Lisbon`.
    pub speaker: f32,
    /// The text ends with a question, which is seldom the answer to one.
    pub question: f32,
    /// The text is a turn of an assistant, which repeats what it was told.
    pub assistant: f32,
    /// The text says that something changed.
    pub change: f32,
}

impl Default for Speech {
    /// Returns measured factors; all have a wide optimum, see docs/reference/benchmarks.md.
    fn default() -> Self {
        Self {
            speaker: 1.25,
            question: 0.8,
            assistant: 0.7,
            change: 1.2,
        }
    }
}

/// Shares of a token budget that each level may use before it takes what the others leave; only proportions matter. They
/// count for contexts about as good as the best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Share of the immediate level.
    pub immediate: f32,
    /// Share of the short-term level.
    pub short_term: f32,
    /// Share of the long-term level.
    pub long_term: f32,
    /// Number of best contexts of each level that are chosen before shares apply, if they fit and are about as good as the
    /// best.
    pub min_contexts_per_level: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            immediate: 0.3,
            short_term: 0.4,
            long_term: 0.3,
            min_contexts_per_level: 1,
        }
    }
}

impl Budget {
    /// Returns the shares in the order of [`Level::ALL`].
    pub(crate) fn shares(&self) -> [f32; Level::ALL.len()] {
        [self.immediate, self.short_term, self.long_term]
    }
}

impl Config {
    /// Returns the TTL of short-term contexts without their own; `None` if they are promoted instead.
    pub(crate) fn short_term_ttl_secs(&self) -> Option<u64> {
        (self.l2_on_expiry == L2OnExpiry::Forget).then_some(self.l2_cache_ttl)
    }

    /// Returns all problems, each as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let at_least_one = [
            ("l1_cache_size", self.l1_cache_size as u64),
            ("l1_max_contexts", self.l1_max_contexts as u64),
            ("l1_idle_secs", self.l1_idle_secs),
            ("l2_cache_ttl", self.l2_cache_ttl),
            ("gc_interval_secs", self.gc_interval_secs),
            ("recency_half_life_secs", self.recency_half_life_secs),
            ("candidates", self.candidates as u64),
            ("embed_timeout_ms", self.embed_timeout_ms),
            ("access_flush_interval_secs", self.access_flush_interval_secs),
        ];
        problems.extend(
            at_least_one
                .iter()
                .filter(|(_, value)| *value == 0)
                .map(|(key, _)| format!("{key}: must be at least 1")),
        );
        let (unit, factor) = ((0.0, 1.0), (0.1, 10.0));
        for (key, value, (least, most)) in [
            ("relevance_floor", self.relevance_floor, unit),
            ("neighbours.after", self.neighbours.after, unit),
            ("neighbours.before", self.neighbours.before, unit),
            ("neighbours.session", self.neighbours.session, unit),
            ("speech.speaker", self.speech.speaker, factor),
            ("speech.question", self.speech.question, factor),
            ("speech.assistant", self.speech.assistant, factor),
            ("speech.change", self.speech.change, factor),
        ] {
            if !(least..=most).contains(&value) {
                problems.push(format!("{key}: must be from {least} to {most}"));
            }
        }
        // A larger batch than a page of the store would waste reads.
        if !(1..=1000).contains(&self.gc_batch_size) {
            problems.push("gc_batch_size: must be from 1 to 1000".to_owned());
        }
        if !(0.0..=1.0).contains(&self.recall_sample_ratio) {
            problems.push("recall_sample_ratio: must be from 0 to 1".to_owned());
        }
        let Weights {
            recency,
            level,
            frequency,
            importance,
        } = self.weights;
        let groups = [
            (
                "fusion",
                vec![self.fusion.lexical, self.fusion.dense, self.fusion.table],
            ),
            ("budget", self.budget.shares().to_vec()),
        ];
        for (key, parts) in groups {
            let usable = parts.iter().all(|part| part.is_finite() && *part >= 0.0);
            if !usable || parts.iter().sum::<f32>() <= 0.0 {
                problems.push(format!(
                    "{key}: every value must be 0 or more, and their sum more than 0"
                ));
            }
        }
        let weights = [recency, level, frequency, importance];
        if !weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) {
            problems.push("weights: every value must be 0 or more".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_every_problem_is_named() {
        assert_eq!(Config::default().problems(), Vec::<String>::new());
        let config = Config {
            candidates: 0,
            fusion: Fusion {
                lexical: 0.0,
                dense: 0.0,
                table: 0.0,
            },
            weights: Weights {
                recency: -1.0,
                ..Weights::default()
            },
            ..Config::default()
        };
        assert_eq!(config.problems().len(), 3);
    }
}
