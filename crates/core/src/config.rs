//! How memory is kept and ranked. Every number has a default that was measured or is explained.

use serde::{Deserialize, Serialize};

use crate::context::Level;

/// Settings of the HiRAG engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many contexts the immediate level keeps for each session; older ones move to `short_term`.
    pub l1_cache_size: usize,
    /// How many contexts the immediate level holds in memory for all sessions; the sessions idle longest leave first.
    pub l1_max_contexts: usize,
    /// A session not used for this many seconds leaves memory; it is read back when it is used again.
    pub l1_idle_secs: u64,
    /// Seconds that a `short_term` context without a TTL of its own stays at that level.
    pub l2_cache_ttl: u64,
    /// End of a `short_term` context without a TTL of its own, once `l2_cache_ttl` has passed: `promote` or `forget`.
    pub l2_on_expiry: L2OnExpiry,
    /// Seconds between two collections, and between two looks for idle sessions.
    pub gc_interval_secs: u64,
    /// How many contexts one batch of a collection treats.
    pub gc_batch_size: usize,
    /// After this many seconds a context's recency is worth half.
    pub recency_half_life_secs: u64,
    /// How many candidates each of the two searches, by vector and by words, brings before ranking.
    pub candidates: usize,
    /// The longest wait for an embedding, in milliseconds; then a store goes on without it and a search by words alone.
    pub embed_timeout_ms: u64,
    /// Seconds between two writings of how often contexts were served.
    pub access_flush_interval_secs: u64,
    /// The part of searches by vector that is repeated exactly in the background, to know what the index misses; 0 is
    /// none.
    pub recall_sample_ratio: f64,
    /// What each part of a score is worth.
    pub weights: Weights,
    /// What the two kinds of similarity are worth against each other.
    pub fusion: Fusion,
    /// What contexts of one session lend each other.
    pub neighbours: Neighbours,
    /// What the form of a text adds.
    pub speech: Speech,
    /// How levels share a token budget.
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
    /// It becomes `long_term`.
    #[default]
    Promote,
    /// It expires, unless its importance, its accesses or its pin make it `long_term`.
    Forget,
}

/// What each part of a score is worth; only their proportions matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// Likeness to the query, by vector and by words.
    pub similarity: f32,
    /// How lately it happened.
    pub recency: f32,
    /// Its level: immediate 1.0, short-term 0.7, long-term 0.5.
    pub level: f32,
    /// How often it was served before: 100 times is full marks, on a logarithmic scale. 0 by default: what is found
    /// would be found more easily the next time, whether it was of use or not (docs/benchmarks.md).
    pub frequency: f32,
    /// How important it was said to be.
    pub importance: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            similarity: 0.5,
            recency: 0.2,
            level: 0.2,
            frequency: 0.0,
            importance: 0.0,
        }
    }
}

/// What likeness by words and likeness by vector are worth against each other in hybrid search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fusion {
    /// By words (BM25).
    pub lexical: f32,
    /// By vector (cosine).
    pub dense: f32,
}

impl Default for Fusion {
    fn default() -> Self {
        Self {
            lexical: 0.6,
            dense: 0.4,
        }
    }
}

/// What contexts of one session lend each other: the answer to a question often stands beside the words that match it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Neighbours {
    /// How much of its likeness a context lends to the next and the previous one, 0 to 1; to the one after next the
    /// square of that, and so on. 0 switches it off.
    pub decay: f32,
    /// How far it lends, in contexts.
    pub reach: u8,
    /// How many of the most alike contexts bring in neighbours that were not found by themselves.
    pub seeds: usize,
    /// How much of the likeness of its best context a session lends to all of its contexts, 0 to 1.
    pub session: f32,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self {
            decay: 0.4,
            reach: 3,
            seeds: 10,
            session: 0.4,
        }
    }
}

/// By what a context's likeness is multiplied for the form of its text; 1 switches one off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speech {
    /// When the question names who says it, as in `Mira: I moved to Lisbon`.
    pub speaker: f32,
    /// When it ends by asking: a question is seldom the answer to one.
    pub question: f32,
}

impl Default for Speech {
    /// Both have a wide optimum, see docs/benchmarks.md.
    fn default() -> Self {
        Self {
            speaker: 1.3,
            question: 0.85,
        }
    }
}

/// The share of a token budget that each level may use before it takes what others leave; only proportions matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Of the immediate level.
    pub immediate: f32,
    /// Of the short-term level.
    pub short_term: f32,
    /// Of the long-term level.
    pub long_term: f32,
    /// How many of the best contexts of each level come before shares are looked at, as far as they fit.
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
    /// The shares in the order of [`Level::ALL`].
    pub fn shares(&self) -> [f32; Level::ALL.len()] {
        [self.immediate, self.short_term, self.long_term]
    }
}

impl Config {
    /// Seconds after which a short-term context expires that has no TTL of its own; `None` when it is promoted instead.
    pub(crate) fn short_term_ttl_secs(&self) -> Option<u64> {
        (self.l2_on_expiry == L2OnExpiry::Forget).then_some(self.l2_cache_ttl)
    }

    /// Everything that is wrong, each as `key: what is expected`.
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
        for (key, value) in [
            ("neighbours.decay", self.neighbours.decay),
            ("neighbours.session", self.neighbours.session),
        ] {
            if !(0.0..=1.0).contains(&value) {
                problems.push(format!("{key}: must be from 0 to 1"));
            }
        }
        for (key, value) in [
            ("speech.speaker", self.speech.speaker),
            ("speech.question", self.speech.question),
        ] {
            if !(0.1..=10.0).contains(&value) {
                problems.push(format!("{key}: must be from 0.1 to 10"));
            }
        }
        // More than a page of the store would have it read in vain.
        if !(1..=1000).contains(&self.gc_batch_size) {
            problems.push("gc_batch_size: must be from 1 to 1000".to_owned());
        }
        if !(0.0..=1.0).contains(&self.recall_sample_ratio) {
            problems.push("recall_sample_ratio: must be from 0 to 1".to_owned());
        }
        let Weights {
            similarity,
            recency,
            level,
            frequency,
            importance,
        } = self.weights;
        let groups = [
            ("weights", vec![similarity, recency, level, frequency, importance]),
            ("fusion", vec![self.fusion.lexical, self.fusion.dense]),
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
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_every_problem_is_named() {
        assert_eq!(Config::default().problems(), Vec::<String>::new());
        let config = Config {
            candidates: 0,
            fusion: Fusion {
                lexical: 0.0,
                dense: 0.0,
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
