//! The vocabulary of the generated texts: English where it is frequent, made up where it is rare.
//!
//! The hundred words that make half of speech are real, with real costs in tokens and stems. The long tail only has to be
//! distinct: its words are combined syllables.

use std::fmt::Write as _;

use rand::Rng;
use rand_distr::{Distribution, Zipf};

/// Number of words.
pub(super) const SIZE: usize = 20_000;
/// Number of leading words that are frequent in any topic.
pub(super) const FREQUENT: usize = COMMON.len();
/// Exponent of Zipf's law; natural languages have 1.
const EXPONENT: f64 = 1.0;

/// Frequent words of spoken English, most frequent first.
const COMMON: [&str; 120] = [
    "i", "you", "the", "and", "to", "a", "it", "that", "of", "is", "in", "we", "was", "for", "have", "on", "my", "so",
    "but", "what", "be", "with", "this", "do", "not", "they", "me", "are", "just", "like", "at", "he", "she", "know",
    "if", "all", "your", "can", "about", "one", "had", "there", "or", "up", "out", "from", "when", "get", "go", "as",
    "think", "no", "really", "how", "been", "were", "would", "some", "good", "time", "her", "his", "them", "then",
    "now", "who", "will", "see", "more", "because", "want", "by", "our", "an", "could", "here", "did", "make", "well",
    "has", "too", "new", "than", "got", "great", "work", "day", "back", "going", "people", "thing", "love", "much",
    "way", "over", "after", "last", "week", "year", "first", "take", "only", "very", "any", "where", "before",
    "should", "home", "need", "into", "even", "help", "still", "always", "family", "today", "friend", "feel", "next",
    "never",
];

const ONSETS: [&str; 20] = [
    "b", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "br", "cl", "st", "tr", "sh",
];
const VOWELS: [&str; 6] = ["a", "e", "i", "o", "u", "ea"];
const CODAS: [&str; 6] = ["n", "r", "l", "t", "s", "m"];
/// Number of syllables.
const SYLLABLES: usize = ONSETS.len() * VOWELS.len() * CODAS.len();

/// All words from the most frequent to the rarest, and their frequencies.
#[derive(Debug)]
pub(super) struct Words {
    words: Vec<String>,
    frequency: Zipf<f64>,
}

impl Words {
    /// Builds the vocabulary, always the same.
    #[expect(clippy::cast_precision_loss, reason = "the size is far below 2^52")]
    pub(super) fn new() -> Self {
        let rare = (0..SIZE - FREQUENT).map(made_up);
        Self {
            words: COMMON.iter().map(|&word| word.to_owned()).chain(rare).collect(),
            frequency: Zipf::new(SIZE as f64, EXPONENT).expect("the size and the exponent are positive"),
        }
    }

    /// Draws the index of a word by Zipf's law.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the distribution gives whole numbers from 1 to the size"
    )]
    pub(super) fn draw(&self, rng: &mut impl Rng) -> usize {
        (self.frequency.sample(rng) as usize).clamp(1, SIZE) - 1
    }

    /// Returns the word at an index.
    pub(super) fn at(&self, index: usize) -> &str {
        &self.words[index % SIZE]
    }
}

/// Returns the word of a number: two syllables, which tell all apart.
fn made_up(number: usize) -> String {
    // A prime step makes neighbours begin differently.
    let number = (number * 7_919) % (SYLLABLES * SYLLABLES);
    let mut word = String::new();
    for number in [number % SYLLABLES, number / SYLLABLES] {
        let (onset, number) = (number % ONSETS.len(), number / ONSETS.len());
        let (vowel, coda) = (number % VOWELS.len(), number / VOWELS.len());
        let _ = write!(word, "{}{}{}", ONSETS[onset], VOWELS[vowel], CODAS[coda]);
    }
    word
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::*;

    #[test]
    fn words_are_distinct() {
        let words = Words::new();
        let distinct: HashSet<_> = words.words.iter().collect();
        assert_eq!((words.words.len(), distinct.len()), (SIZE, SIZE));
    }

    #[test]
    fn words_are_as_frequent_as_zipf_says() {
        let words = Words::new();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let drawn: Vec<_> = (0..100_000).map(|_| words.draw(&mut rng)).collect();
        let of = |place: usize| drawn.iter().filter(|&&other| other == place).count();
        // With exponent 1, the first is drawn twice as often as the second and ten times as often as the tenth.
        assert!((17..=23).contains(&(of(0) * 10 / of(1))), "{} {}", of(0), of(1));
        assert!((8..=12).contains(&(of(0) / of(9))), "{} {}", of(0), of(9));
        assert!(drawn.iter().any(|&place| place > SIZE / 2));
    }
}
