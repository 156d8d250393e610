//! Settings of the analyzer.

use serde::{Deserialize, Serialize};

use super::Language;

/// Version of the analyzer, raised by every change of the terms that it makes of a text. Version 0, before there were
/// versions, knew one language.
const VERSION: u32 = 1;

/// Settings of the analyzer. After a change, what is stored is indexed again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Language of texts that do not name theirs.
    pub language: LanguageChoice,
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
            language: LanguageChoice::Auto,
            k1: 0.9,
            b: 0.4,
            average_words: 30.0,
        }
    }
}

impl Config {
    /// Returns all that the terms of a text depend on.
    pub(super) fn fingerprint(&self) -> String {
        let Self {
            language,
            k1,
            b,
            average_words,
        } = self;
        format!("{VERSION}:{}:{k1}:{b}:{average_words}", String::from(*language))
    }
}

/// Language of texts that do not name theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LanguageChoice {
    /// Detected, text by text.
    Auto,
    /// None: words match as they are written.
    None,
    /// This one.
    Of(Language),
}

impl From<LanguageChoice> for String {
    fn from(language: LanguageChoice) -> Self {
        match language {
            LanguageChoice::Auto => "auto".to_owned(),
            LanguageChoice::None => "none".to_owned(),
            LanguageChoice::Of(language) => language.name(),
        }
    }
}

impl TryFrom<String> for LanguageChoice {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            name => Language::named(name)
                .or_else(|| Language::of_tag(name))
                .map(Self::Of)
                .ok_or("expected \"auto\", \"none\", or a language such as \"german\" or \"de\""),
        }
    }
}
