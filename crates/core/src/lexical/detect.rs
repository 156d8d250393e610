//! Language of a text.
//!
//! The script decides where it can. Languages that share one are told apart by their function words, which even a short
//! question has, together with the letter statistics of `whatlang`, which alone needs some sentences to be right.

use std::collections::HashMap;

use whatlang::Detector as Statistics;

use super::Language;
use super::fold::lower;
use super::script::{Script, script};
use unicode_segmentation::UnicodeSegmentation;

/// Evidence that a language needs if it is likely, if nothing is known, and if others are likely; its lead over the second.
const ENOUGH: f32 = 1.0;
const UNKNOWN: f32 = 1.3;
const UNLIKELY: f32 = 2.5;
const LEAD: f32 = 1.3;
/// Weight of the letter statistics at full confidence: as much as two function words of that language alone.
const STATISTICS: f32 = 2.0;
/// Evidence of function words alone at which the statistics, which take ten times as long, are not asked.
const CLEAR: f32 = 3.0;
/// Number of bytes of a text that are looked at.
const LOOKED_AT: usize = 400;

/// Language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detected {
    /// The most likely language; `None` where the script is not one of ours.
    pub(super) language: Option<Language>,
    /// `false` if it is a guess.
    pub(super) reliable: bool,
}

/// Detector of languages.
pub(super) struct Detector {
    /// Languages of each function word.
    function_words: HashMap<&'static str, u64>,
    statistics: Statistics,
}

impl Default for Detector {
    fn default() -> Self {
        let mut function_words: HashMap<&'static str, u64> = HashMap::new();
        for language in Language::ALL
            .iter()
            .filter(|language| shared_script(**language).is_some())
        {
            for word in stop_words::lookup(language.code()).unwrap_or_default() {
                *function_words.entry(word).or_default() |= bit(*language);
            }
        }
        let known = Language::ALL.iter().filter_map(|language| language.detected_as());
        Self {
            function_words,
            statistics: Statistics::with_allowlist(known.collect()),
        }
    }
}

impl Detector {
    /// Returns the language of a text. Where that is uncertain, one of `likely` is preferred.
    pub(super) fn detect(&self, text: &str, likely: &[Language]) -> Detected {
        let text = &text[..text.floor_char_boundary(LOOKED_AT)];
        let (script, letters) = main_script(text);
        let of = |language| Detected {
            language: Some(language),
            reliable: true,
        };
        match script {
            Script::Unspaced(language) | Script::Of(language) => of(language),
            Script::Kana => of(Language::Japanese),
            Script::Han if likely.contains(&Language::Japanese) && !likely.contains(&Language::Chinese) => {
                of(Language::Japanese)
            }
            Script::Han => of(Language::Chinese),
            Script::Other => Detected {
                language: None,
                reliable: letters,
            },
            Script::Latin | Script::Cyrillic | Script::Arabic | Script::Devanagari => {
                self.by_words(text, script, likely)
            }
        }
    }

    fn by_words(&self, text: &str, script: Script, likely: &[Language]) -> Detected {
        let mut votes = [0.0_f32; Language::ALL.len()];
        for word in text.unicode_words() {
            let word = lower(word, None);
            for word in word.split(['\'', '\u{2019}']) {
                let Some(of) = self.function_words.get(word) else {
                    continue;
                };
                #[expect(clippy::cast_precision_loss, reason = "at most 64")]
                let weight = 1.0 / (of.count_ones() as f32);
                let mut left = *of;
                while left != 0 {
                    votes[left.trailing_zeros() as usize] += weight;
                    left &= left - 1;
                }
            }
        }
        for language in likely {
            votes[*language as usize] *= 1.2;
        }
        let (best, first, second) = best_of(&votes);
        if first >= CLEAR && first >= 2.0 * second {
            return Detected {
                language: Some(best),
                reliable: true,
            };
        }
        if let Some(info) = self.statistics.detect(text)
            && let Some(language) = Language::of_tag(info.lang().code())
        {
            #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
            let confidence = info.confidence() as f32;
            votes[language as usize] += STATISTICS * confidence;
        }
        let (best, first, second) = best_of(&votes);
        let enough = if likely.contains(&best) || best == usual(script) {
            ENOUGH
        } else if likely.is_empty() {
            UNKNOWN
        } else {
            UNLIKELY
        };
        let reliable = first >= enough && first >= LEAD * second;
        if reliable {
            return Detected {
                language: Some(best),
                reliable,
            };
        }
        let mut likely = likely.iter().copied();
        let fallback = likely.find(|language| shared_script(*language) == Some(script));
        Detected {
            language: Some(fallback.unwrap_or_else(|| usual(script))),
            reliable,
        }
    }
}
fn best_of(votes: &[f32; Language::ALL.len()]) -> (Language, f32, f32) {
    let mut best = (Language::English, 0.0, 0.0);
    for (language, votes) in Language::ALL.iter().zip(votes) {
        if *votes > best.1 {
            best = (*language, *votes, best.1);
        } else if *votes > best.2 {
            best.2 = *votes;
        }
    }
    best
}

fn bit(language: Language) -> u64 {
    1 << language as u8
}

/// Languages of scripts other than Latin that several share, the usual one first.
const SHARED: [(Script, &[Language]); 3] = [
    (
        Script::Cyrillic,
        &[
            Language::Russian,
            Language::Belarusian,
            Language::Bulgarian,
            Language::Macedonian,
            Language::Serbian,
            Language::Ukrainian,
        ],
    ),
    (Script::Arabic, &[Language::Arabic, Language::Persian, Language::Urdu]),
    (
        Script::Devanagari,
        &[Language::Hindi, Language::Marathi, Language::Nepali],
    ),
];

/// Languages that a script alone tells.
const ALONE: [Language; 20] = [
    Language::Amharic,
    Language::Armenian,
    Language::Bengali,
    Language::Burmese,
    Language::Chinese,
    Language::Georgian,
    Language::Greek,
    Language::Gujarati,
    Language::Hebrew,
    Language::Japanese,
    Language::Kannada,
    Language::Khmer,
    Language::Korean,
    Language::Lao,
    Language::Malayalam,
    Language::Punjabi,
    Language::Sinhala,
    Language::Tamil,
    Language::Telugu,
    Language::Thai,
];

/// Returns the script that a language shares with others; `None` if it has its own.
fn shared_script(language: Language) -> Option<Script> {
    if ALONE.contains(&language) {
        return None;
    }
    let other = SHARED.iter().find(|(_, languages)| languages.contains(&language));
    Some(other.map_or(Script::Latin, |(script, _)| *script))
}

/// Returns the usual language of a script that several share.
fn usual(script: Script) -> Language {
    let other = SHARED.iter().find(|(of, _)| *of == script);
    other.map_or(Language::English, |(_, languages)| languages[0])
}

/// Returns the script of most letters, and `true` if there are letters. A little kana makes a text Japanese.
fn main_script(text: &str) -> (Script, bool) {
    if text.is_ascii() {
        let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
        return (if letters { Script::Latin } else { Script::Other }, letters);
    }
    let mut counts: Vec<(Script, usize)> = Vec::with_capacity(4);
    for of in text.chars().filter(|c| c.is_alphabetic()).map(script) {
        match counts.iter_mut().find(|(script, _)| *script == of) {
            Some((_, count)) => *count += 1,
            None => counts.push((of, 1)),
        }
    }
    // A Chinese word of two characters is as long as a Latin one of six.
    let weight = |(script, count): &(Script, usize)| {
        let is_dense = matches!(script, Script::Han | Script::Kana | Script::Of(Language::Korean));
        if is_dense { count * 3 } else { *count }
    };
    let main = counts
        .iter()
        .max_by_key(|counted| weight(counted))
        .map(|(script, _)| *script);
    let kana = counts
        .iter()
        .any(|(script, count)| *script == Script::Kana && *count > 1);
    match main {
        Some(Script::Han) if kana => (Script::Kana, true),
        Some(script) => (script, true),
        None => (Script::Other, false),
    }
}
