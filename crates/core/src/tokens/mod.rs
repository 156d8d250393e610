//! Token counters: exact ones for the encodings of models, and a cheap estimate.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tiktoken_rs::CoreBPE;

use crate::ports::TokenCounter;

/// Encoding by which tokens are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Byte-pair encoding of the GPT-4o family and later.
    #[default]
    O200kBase,
    /// Byte-pair encoding of GPT-4 and GPT-3.5.
    Cl100kBase,
    /// One token per four bytes: within a third of the true count for English prose, at no cost.
    Heuristic,
}

impl Encoding {
    /// Returns a counter. The first count with a byte-pair encoding loads its table, which takes some tenths of a second.
    pub fn counter(self) -> Arc<dyn TokenCounter> {
        match self {
            Self::O200kBase => Arc::new(BytePairCounter(tiktoken_rs::o200k_base_singleton, "o200k_base")),
            Self::Cl100kBase => Arc::new(BytePairCounter(tiktoken_rs::cl100k_base_singleton, "cl100k_base")),
            Self::Heuristic => Arc::new(HeuristicCounter),
        }
    }
}

/// Exact counter, with a table that is loaded at first use.
struct BytePairCounter(fn() -> &'static CoreBPE, &'static str);

impl std::fmt::Debug for BytePairCounter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BytePairCounter").field(&self.1).finish()
    }
}

impl TokenCounter for BytePairCounter {
    fn count(&self, text: &str) -> usize {
        (self.0)().encode_ordinary(text).len()
    }
}

#[derive(Debug)]
struct HeuristicCounter;

impl TokenCounter for HeuristicCounter {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the counts published for `tiktoken`, the reference implementation.
    #[test]
    fn byte_pair_counts_equal_those_of_the_reference() {
        let counts = |encoding: Encoding| {
            ["antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう"]
                .map(|text| encoding.counter().count(text))
        };
        assert_eq!(counts(Encoding::Cl100kBase), [6, 7, 9]);
        assert_eq!(counts(Encoding::O200kBase), [6, 7, 8]);
    }

    #[test]
    fn special_tokens_count_as_plain_text() {
        assert!(Encoding::O200kBase.counter().count("<|endoftext|>") > 1);
    }

    #[test]
    fn the_heuristic_counts_four_bytes_a_token() {
        let counter = Encoding::Heuristic.counter();
        assert_eq!(
            [counter.count(""), counter.count("abcd"), counter.count("abcde")],
            [0, 1, 2]
        );
    }
}
