//! Terms: words as numbers.

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::LazyLock;

use rust_stemmers::Stemmer;
use siphasher::sip::SipHasher13;

use super::Language;
use super::fold::{fold, lower, spell_out};

/// Maximum length of a word. Longer ones (base64, minified code) are not searched for, and are truncated.
const MAX_WORD_BYTES: usize = 64;
/// Weight in a question of what is not the word as it was written: without its accents, a part of an identifier.
pub(super) const OTHER_FORM: f32 = 0.8;

/// Language to read a word in; `None` for the word as it is written.
pub(super) type Reading = Option<Language>;

/// Terms of one word, each once with its highest weight.
#[derive(Debug, Default)]
pub(super) struct Terms(pub(super) Vec<(u32, f32)>);

impl Terms {
    pub(super) fn add(&mut self, term: u32, weight: f32) {
        match self.0.iter_mut().find(|(known, _)| *known == term) {
            Some((_, known)) => *known = known.max(weight),
            None => self.0.push((term, weight)),
        }
    }
}

/// Stemmers by language.
pub(super) struct Stemmers(Vec<Option<Stemmer>>);

impl Default for Stemmers {
    fn default() -> Self {
        Self(Language::ALL.iter().map(|language| language.stemmer()).collect())
    }
}

impl Stemmers {
    /// Adds the terms of a word in every reading: as it is written, without accents, and with umlauts spelled out. A text has
    /// all of them, so a question without accents finds those with them, and the other way round for less.
    pub(super) fn read(&self, word: &str, readings: &[Reading], weight: f32, terms: &mut Terms) {
        for reading in readings {
            let word = lower(word, *reading);
            terms.add(self.term(&word, *reading), weight);
            for other in [fold(&word), spell_out(&word)].into_iter().flatten() {
                terms.add(self.term(&other, *reading), weight * OTHER_FORM);
            }
        }
    }

    /// Returns the term of a word: a stable hash of its stem.
    fn term(&self, word: &str, reading: Reading) -> u32 {
        let word = &word[..word.floor_char_boundary(MAX_WORD_BYTES)];
        match reading.and_then(|language| self.0[language as usize].as_ref()) {
            Some(stemmer) => hash(&[&stemmer.stem(word)]),
            None => hash(&[word]),
        }
    }
}

/// Returns the term of what is no ordinary word.
pub(super) fn plain_term(text: &str) -> u32 {
    hash(&[&lower(text, None)])
}

/// Returns the term of a name with its capitals.
pub(super) fn name_term(name: &str) -> u32 {
    hash(&["\u{1}", name])
}

/// Returns the term that marks the language of a text.
pub(super) fn marker(language: Language) -> u32 {
    hash(&["\u{0}", language.code()])
}

/// Returns the language that a term marks.
pub(super) fn marked_by(term: u32) -> Option<Language> {
    static MARKERS: LazyLock<HashMap<u32, Language>> = LazyLock::new(|| {
        Language::ALL
            .iter()
            .map(|language| (marker(*language), *language))
            .collect()
    });
    MARKERS.get(&term).copied()
}

/// Returns the term that marks the analyzer.
pub(super) fn analyzer_marker(fingerprint: &str) -> u32 {
    hash(&["\u{2}", fingerprint])
}

fn hash(parts: &[&str]) -> u32 {
    let mut hash = SipHasher13::new();
    for part in parts {
        hash.write(part.as_bytes());
    }
    // Half of the bits: two of a thousand words collide less than once in a thousand texts.
    (hash.finish() >> 32) as u32
}
