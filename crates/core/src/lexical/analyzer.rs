//! From text to terms: words, lower case, stems, and their BM25 weights.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hasher;

use rust_stemmers::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::SparseVector;

/// Words longer than this are no words people search for (base64, minified code); they are cut to it.
const MAX_WORD_BYTES: usize = 64;

/// How texts become terms. A change applies to contexts stored from then on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whose endings are cut off and whose common words are left out of questions.
    pub language: Language,
    /// How fast repetition of a word stops counting (BM25's k1).
    pub k1: f32,
    /// How much a long text is discounted (BM25's b), 0 to 1.
    pub b: f32,
    /// The number of words a text usually has, which BM25 measures length against.
    pub average_words: f32,
}

impl Default for Config {
    /// k1 and b as measured in docs/benchmarks.md; conversation turns have some 30 words.
    fn default() -> Self {
        Self {
            language: Language::English,
            k1: 0.9,
            b: 0.4,
            average_words: 30.0,
        }
    }
}

/// A language with a Snowball stemmer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its own name")]
pub enum Language {
    Arabic,
    Danish,
    Dutch,
    #[default]
    English,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    /// No stemming and no stop words: words match as they are written.
    None,
}

impl Language {
    fn algorithm(self) -> Option<Algorithm> {
        Some(match self {
            Self::Arabic => Algorithm::Arabic,
            Self::Danish => Algorithm::Danish,
            Self::Dutch => Algorithm::Dutch,
            Self::English => Algorithm::English,
            Self::Finnish => Algorithm::Finnish,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
            Self::Greek => Algorithm::Greek,
            Self::Hungarian => Algorithm::Hungarian,
            Self::Italian => Algorithm::Italian,
            Self::Norwegian => Algorithm::Norwegian,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Romanian => Algorithm::Romanian,
            Self::Russian => Algorithm::Russian,
            Self::Spanish => Algorithm::Spanish,
            Self::Swedish => Algorithm::Swedish,
            Self::Tamil => Algorithm::Tamil,
            Self::Turkish => Algorithm::Turkish,
            Self::None => return None,
        })
    }

    /// Its ISO 639-1 code.
    fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::Arabic => "ar",
            Self::Danish => "da",
            Self::Dutch => "nl",
            Self::English => "en",
            Self::Finnish => "fi",
            Self::French => "fr",
            Self::German => "de",
            Self::Greek => "el",
            Self::Hungarian => "hu",
            Self::Italian => "it",
            Self::Norwegian => "no",
            Self::Portuguese => "pt",
            Self::Romanian => "ro",
            Self::Russian => "ru",
            Self::Spanish => "es",
            Self::Swedish => "sv",
            Self::Tamil => "ta",
            Self::Turkish => "tr",
            Self::None => return None,
        })
    }
}

/// English words that say how a question is put, not what it is about. Left out of questions only: documents keep
/// them, as the inverse document frequency makes them count for next to nothing. Chosen by measurement, see
/// docs/benchmarks.md; other languages use the lists of the crate `stop_words`.
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
    /// An analyzer for a language and weights.
    pub fn new(config: Config) -> Self {
        Self {
            stemmer: config.language.algorithm().map(Stemmer::create),
            question_words: if config.language == Language::English {
                ENGLISH_QUESTION_WORDS.split_ascii_whitespace().collect()
            } else {
                let words = config.language.code().and_then(stop_words::lookup);
                words.unwrap_or_default().iter().copied().collect()
            },
            config,
        }
    }

    /// The terms of a text to store, with BM25 weights:
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

    /// The terms of a question, each with weight 1: what is left without question words, or all if nothing is.
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

    /// Every word of a text with its term, in their order.
    pub fn words(&self, text: &str) -> Vec<(String, u32)> {
        let mut words = Vec::new();
        each_word(text, |word| words.push((word.to_owned(), self.term(word))));
        words
    }

    /// Whether `terms` holds one of the words of a text.
    pub fn shares_a_word(&self, text: &str, terms: &SparseVector) -> bool {
        let mut shares = false;
        each_word(text, |word| shares |= terms.get(self.term(word)).is_some());
        shares
    }

    /// A stable number for a word's stem.
    fn term(&self, word: &str) -> u32 {
        let mut hash = SipHasher13::new();
        match &self.stemmer {
            Some(stemmer) => hash.write(stemmer.stem(word).as_bytes()),
            None => hash.write(word.as_bytes()),
        }
        // Half of the bits: two words in a text of thousands share a number less than once in a million.
        (hash.finish() >> 32) as u32
    }
}

/// Calls `visit` with each word in lower case, compatibility forms folded (`ﬁ` to `fi`, full width to ASCII).
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
    fn question_words_are_left_out_unless_nothing_remains() {
        assert_eq!(analyzer().query("When did the dog bark?"), analyzer().query("dog bark"));
        assert!(!analyzer().query("who are you").is_empty());
        assert!(analyzer().query("?!").is_empty());
    }

    #[test]
    fn repetition_saturates_and_length_discounts() {
        let weight = |text: &str| {
            analyzer()
                .document(text)
                .get(analyzer().query("dog").indices[0])
                .unwrap()
        };
        let once = weight("dog barks here");
        let twice = weight("dog dog here");
        assert!(twice > once && twice < 2.0 * once);
        assert!(weight(&format!("dog {}", "cat ".repeat(100))) < once);
    }

    #[test]
    fn other_scripts_and_forms_are_words_too() {
        assert_eq!(
            analyzer().document("\u{ff21}\u{ff22}").indices,
            analyzer().document("ab").indices
        );
        assert!(!analyzer().document("Привет мир").is_empty());
        assert_eq!(
            analyzer().document("user\u{2019}s").indices,
            analyzer().document("user").indices
        );
    }

    #[test]
    fn question_words_of_another_language_are_left_out_too() {
        let german = Analyzer::new(Config {
            language: Language::German,
            ..Config::default()
        });
        assert_eq!(german.query("Wo ist der Hund?"), german.query("Hund"));
    }

    #[test]
    fn terms_never_change_between_versions() {
        // Stored contexts hold these numbers: a change here makes them unfindable.
        assert_eq!(analyzer().query("memory").indices, [2_742_394_764]);
    }
}
