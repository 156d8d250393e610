//! Analysis of text: words, lower case, stems and BM25 weights.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hasher;

use rust_stemmers::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::SparseVector;

/// Maximum length of a word. Longer ones (base64, minified code) are not searched for, and are truncated.
const MAX_WORD_BYTES: usize = 64;

/// Settings of the analyzer. A change applies to contexts stored from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Language of the stemmer and of the stop words in questions.
    pub language: Language,
    /// Saturation of term frequency (BM25's k1).
    pub k1: f32,
    /// Discount for long texts (BM25's b), 0 to 1.
    pub b: f32,
    /// Number of words of a typical text, against which BM25 measures length.
    pub average_words: f32,
}

impl Default for Config {
    /// k1 and b as measured in docs/reference/benchmarks.md; conversation turns have some 30 words.
    fn default() -> Self {
        Self {
            language: Language::English,
            k1: 0.9,
            b: 0.4,
            average_words: 30.0,
        }
    }
}

macro_rules! languages {
    ($($language:ident $code:literal),*) => {
        /// Language with a Snowball stemmer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Language {
            $(#[doc = concat!("ISO 639-1 code `", $code, "`.")] $language,)*
            /// Neither stemming nor stop words: words match as they are written.
            None,
        }

        impl Language {
            /// Returns the stemmer's algorithm and the ISO 639-1 code.
            fn stemming(self) -> Option<(Algorithm, &'static str)> {
                match self {
                    $(Self::$language => Some((Algorithm::$language, $code)),)*
                    Self::None => None,
                }
            }
        }
    };
}

languages! {
    Arabic "ar", Danish "da", Dutch "nl", English "en", Finnish "fi", French "fr", German "de", Greek "el",
    Hungarian "hu", Italian "it", Norwegian "no", Portuguese "pt", Romanian "ro", Russian "ru", Spanish "es",
    Swedish "sv", Tamil "ta", Turkish "tr"
}

/// English stop words, removed from questions only: in documents their inverse document frequency is close to 0. Chosen by
/// measurement, see docs/reference/benchmarks.md; other languages use the lists of the crate `stop_words`.
const ENGLISH_QUESTION_WORDS: &str = "a an and are as at be been but by can could did do does for from had has have how \
    i if in into is it its me my of on or our she he her his they them their that the there these this those to was we \
    were what when where which who whom whose why will with would you your about s";

/// Turns texts into weighted terms.
pub struct Analyzer {
    config: Config,
    stemmer: Option<Stemmer>,
    question_words: HashSet<&'static str>,
}

impl fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyzer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Analyzer {
    /// Builds an analyzer.
    pub fn new(config: Config) -> Self {
        let stemming = config.language.stemming();
        let question_words = if config.language == Language::English {
            ENGLISH_QUESTION_WORDS.split_ascii_whitespace().collect()
        } else {
            let words = stemming.and_then(|(_, code)| stop_words::lookup(code));
            words.unwrap_or_default().iter().copied().collect()
        };
        Self {
            stemmer: stemming.map(|(algorithm, _)| Stemmer::create(algorithm)),
            question_words,
            config,
        }
    }

    /// Returns the terms of a text to store, with BM25 weights:
    /// `tf * (k1 + 1) / (tf + k1 * (1 - b + b * words / average_words))`.
    #[expect(clippy::cast_precision_loss, reason = "a text has at most 32,768 words")]
    pub fn document(&self, text: &str) -> SparseVector {
        let mut frequencies: HashMap<u32, f32> = HashMap::new();
        let mut words = 0;
        each_word(text, |word| {
            words += 1;
            *frequencies.entry(self.term(word)).or_default() += 1.0;
        });
        let Config {
            k1, b, average_words, ..
        } = self.config;
        let norm = k1 * (1.0 - b + b * words as f32 / average_words);
        SparseVector::new(
            frequencies
                .into_iter()
                .map(|(term, tf)| (term, tf * (k1 + 1.0) / (tf + norm))),
        )
    }

    /// Returns the terms of a question, each with weight 1, without stop words unless nothing else remains.
    pub fn query(&self, text: &str) -> SparseVector {
        let mut content = Vec::new();
        let mut all = Vec::new();
        each_word(text, |word| {
            let term = (self.term(word), 1.0);
            all.push(term);
            if !self.question_words.contains(word) {
                content.push(term);
            }
        });
        SparseVector::new(if content.is_empty() { all } else { content })
    }

    /// Returns every word of a text with its term, in order.
    pub fn words(&self, text: &str) -> Vec<(String, u32)> {
        let mut words = Vec::new();
        each_word(text, |word| words.push((word.to_owned(), self.term(word))));
        words
    }

    /// Returns `true` if `terms` holds a word of `text`.
    pub(crate) fn shares_a_word(&self, text: &str, terms: &SparseVector) -> bool {
        let mut shares = false;
        each_word(text, |word| shares |= terms.get(self.term(word)).is_some());
        shares
    }

    /// Returns the term of a word: a stable hash of its stem.
    fn term(&self, word: &str) -> u32 {
        let mut hash = SipHasher13::new();
        match &self.stemmer {
            Some(stemmer) => hash.write(stemmer.stem(word).as_bytes()),
            None => hash.write(word.as_bytes()),
        }
        // Half of the bits: two of a thousand words collide less than once in a thousand texts.
        (hash.finish() >> 32) as u32
    }
}

/// Calls `visit` with each word in lower case, with compatibility forms folded (`ﬁ` to `fi`, full width to ASCII).
fn each_word(text: &str, mut visit: impl FnMut(&str)) {
    let folded: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfkc().collect::<String>().to_lowercase()
    };
    for word in folded.unicode_words() {
        // "user's" is about "user": the segmentation keeps apostrophes inside words.
        let word = word.split(['\'', '\u{2019}']).next().unwrap_or(word);
        let end = word.floor_char_boundary(MAX_WORD_BYTES);
        if end > 0 {
            visit(&word[..end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyzer() -> Analyzer {
        Analyzer::new(Config::default())
    }

    #[test]
    fn inflected_forms_share_a_term() {
        let document = analyzer().document("The foxes were running, cleverly!");
        for question in ["fox", "Run", "CLEVERLY"] {
            let term = analyzer().query(question).indices[0];
            assert!(document.get(term).is_some(), "{question}");
        }
    }

    #[test]
    fn stop_words_are_removed_unless_nothing_remains() {
        assert_eq!(analyzer().query("When did the dog bark?"), analyzer().query("dog bark"));
        assert!(!analyzer().query("who are you").is_empty());
        assert!(analyzer().query("?!").is_empty());
    }

    #[test]
    fn repetition_saturates_and_length_discounts() {
        let dog = analyzer().query("dog").indices[0];
        let weight = |text: &str| analyzer().document(text).get(dog).unwrap();
        let once = weight("dog barks here");
        let twice = weight("dog dog here");
        assert!(twice > once && twice < 2.0 * once);
        assert!(weight(&format!("dog {}", "cat ".repeat(100))) < once);
    }

    #[test]
    fn other_scripts_and_forms_are_words() {
        let terms = |text| analyzer().document(text).indices;
        assert_eq!(terms("\u{ff21}\u{ff22}"), terms("ab"));
        assert!(!terms("Привет мир").is_empty());
        assert_eq!(terms("user\u{2019}s"), terms("user"));
    }

    #[test]
    fn stop_words_of_other_languages_are_removed() {
        let german = Analyzer::new(Config {
            language: Language::German,
            ..Config::default()
        });
        assert_eq!(german.query("Wo ist der Hund?"), german.query("Hund"));
    }

    #[test]
    fn terms_never_change_between_versions() {
        // Stored contexts hold these numbers: a change makes them unfindable.
        assert_eq!(analyzer().query("memory").indices, [2_742_394_764]);
    }
}
