//! Texts and questions as weighted terms.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::capitals::{Capital, Capitals};
use super::compound::Compound;
use super::detect::{Detected, Detector};
use super::fold::lower;
use super::grams::{self, each_gram};
use super::script::is_variant;
use super::terms::{OTHER_FORM, Reading, Stemmers, Terms, analyzer_marker, marked_by, marker, name_term, plain_term};
use super::words::{Kind, Segmenter};
use super::{Config, Language, LanguageChoice, SparseVector};

/// Weight of a function word in a question. The lists of other languages than English hold many words that say something,
/// so theirs are not removed.
const FUNCTION_WORD: f32 = 0.25;
/// Weight in a question of a name in small letters that is a function word: `it` for `IT`.
const IN_SMALL_LETTERS: f32 = 0.5;
/// Maximum number of the scope's languages that a question is read in.
const READ_IN: usize = 6;

/// Turns texts into weighted terms.
pub struct Analyzer {
    config: Config,
    fingerprint: String,
    detector: Detector,
    segmenter: Segmenter,
    stemmers: Stemmers,
    /// By language.
    function_words: Vec<HashSet<&'static str>>,
}

/// A text to store as terms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnalyzedText {
    /// Terms with BM25 weights, and terms of weight 0 that mark the language and the analyzer.
    pub terms: SparseVector,
    /// Language of the text, unless that is uncertain.
    pub language: Option<Language>,
}

/// A question as terms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnalyzedQuestion {
    /// Every word, in order.
    pub words: Vec<QuestionWord>,
    /// The terms of the words that say something, each with its weight, to find candidates by.
    pub terms: SparseVector,
}

impl AnalyzedQuestion {
    /// Adds the words of the conversation before it that it does not have itself, each with this share of its weight.
    #[must_use]
    pub fn after(mut self, earlier: Self, share: f32) -> Self {
        let mut terms: Vec<(u32, f32)> = self.terms.iter().collect();
        let known: Vec<String> = self.words.iter().map(|word| word.text.to_lowercase()).collect();
        for word in earlier.words {
            if known.contains(&word.text.to_lowercase()) {
                continue;
            }
            let weight = word.weight * share;
            let new = word
                .terms
                .iter()
                .filter(|(term, _)| weight > 0.0 && self.terms.get(*term).is_none());
            terms.extend(new.map(|(term, of_word)| (*term, of_word * weight)));
            self.words.push(QuestionWord {
                // It has no place in the question.
                range: 0..0,
                weight,
                ..word
            });
        }
        self.terms = SparseVector::new(terms);
        self
    }
}

/// A word of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionWord {
    /// The word as it was written.
    pub text: String,
    /// Its place in the question, in bytes.
    pub range: Range<usize>,
    /// The terms that a text with this word may have, each with its weight, 0 to 1.
    pub terms: Vec<(u32, f32)>,
    /// Weight of the word, 0 to 1: what is there for the sake of grammar says little.
    pub weight: f32,
}

impl QuestionWord {
    /// Returns its terms without their weights.
    pub(crate) fn terms_alone(&self) -> impl Iterator<Item = u32> {
        self.terms.iter().map(|(term, _)| *term)
    }

    /// Returns the weight that a text has for this word, by the best of its terms: however many of them a text has, a word
    /// counts once.
    pub fn weight_in(&self, text: &SparseVector) -> f32 {
        let found = self.terms.iter();
        let weights = found.filter_map(|(term, weight)| Some(weight * text.get(*term)?));
        self.weight * weights.fold(0.0, f32::max)
    }
}

/// Word or sign of a text, and what it stands in.
struct Piece<'a> {
    text: &'a str,
    place: Range<usize>,
    kind: Kind,
    capital: Capital,
    /// The word together with its neighbours: hyphens may be left out, and words without spaces are cut in more than one
    /// way.
    joined: Vec<String>,
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
        let words = |language: &Language| language.function_words().iter().copied().collect();
        Self {
            fingerprint: config.fingerprint(),
            config,
            detector: Detector::default(),
            segmenter: Segmenter::default(),
            stemmers: Stemmers::default(),
            function_words: Language::ALL.iter().map(words).collect(),
        }
    }

    /// Returns the most that a term's weight in a text can reach: BM25's k1 + 1.
    pub(crate) fn saturation(&self) -> f32 {
        self.config.k1 + 1.0
    }

    /// Returns all that the terms of a text depend on; texts analysed with another fingerprint need new terms.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns `true` if an analyzer with this fingerprint made these terms.
    pub(crate) fn made(&self, terms: &SparseVector) -> bool {
        terms.get(analyzer_marker(&self.fingerprint)).is_some()
    }

    /// Returns the terms of a text to store, with BM25 weights:
    /// `tf * (k1 + 1) / (tf + k1 * (1 - b + b * words / average_words))`. `language` is its BCP 47 tag, if it is known.
    #[expect(clippy::cast_precision_loss, reason = "a text has at most 32,768 words")]
    pub fn document(&self, text: &str, language: Option<&str>) -> AnalyzedText {
        let (readings, language) = self.readings_of_text(text, language);
        let mut found: Vec<u32> = Vec::new();
        let mut length = 0.0;
        for piece in self.pieces(text) {
            let start = found.len();
            length += if piece.kind == Kind::HanOrKana {
                grams::words(piece.text)
            } else {
                1.0
            };
            let is_compound = matches!(piece.kind, Kind::Word | Kind::Unspaced);
            self.each_word(&piece, &readings, |_, terms, _| {
                for (term, _) in terms {
                    // A compound has the term of the whole once.
                    if !(is_compound && found[start..].contains(term)) {
                        found.push(*term);
                    }
                }
            });
        }
        found.sort_unstable();
        let Config {
            k1, b, average_words, ..
        } = self.config;
        let norm = k1 * (1.0 - b + b * length / average_words);
        let weights = found.chunk_by(|a, b| a == b).map(|same| {
            let tf = same.len() as f32;
            (same[0], tf * (k1 + 1.0) / (tf + norm))
        });
        let markers = [language.map(marker), Some(analyzer_marker(&self.fingerprint))];
        let markers = markers.into_iter().flatten().filter(|_| !found.is_empty());
        AnalyzedText {
            terms: SparseVector::new(markers.map(|marker| (marker, 0.0)).chain(weights)),
            language,
        }
    }

    /// Returns the words of a question as terms of its own language and of the `languages` of the texts to find.
    pub fn question(&self, text: &str, languages: &[Language]) -> AnalyzedQuestion {
        let own = match self.config.language {
            LanguageChoice::Of(language) => Some(language),
            LanguageChoice::None => None,
            LanguageChoice::Auto => self.detector.detect(text, languages).language,
        };
        let mut readings: Vec<Reading> = Vec::new();
        let scope = languages.iter().copied().filter(|language| Some(*language) != own);
        readings.extend(own.into_iter().chain(scope.take(READ_IN)).map(Some));
        readings.push(None);
        let mut words = Vec::new();
        for piece in self.pieces(text) {
            let is_name = piece.capital.is_name(own);
            self.each_word(&piece, &readings, |place, terms, weight| {
                let word = &text[place.clone()];
                let weight = if is_name {
                    weight
                } else {
                    weight * self.weight(word, own)
                };
                words.push(QuestionWord {
                    text: word.to_owned(),
                    range: place,
                    terms: terms.to_vec(),
                    weight,
                });
            });
        }
        if words.iter().all(|word| word.weight == 0.0) {
            for word in &mut words {
                word.weight = 1.0;
            }
        }
        let mut terms = Terms::default();
        for word in words.iter().filter(|word| word.weight > 0.0) {
            for (term, weight) in &word.terms {
                terms.add(*term, weight * word.weight);
            }
        }
        AnalyzedQuestion {
            words,
            terms: SparseVector::new(terms.0),
        }
    }

    /// Returns the languages that mark these terms.
    pub(crate) fn languages(terms: &SparseVector) -> impl Iterator<Item = Language> {
        let marks = terms.iter().filter(|(_, weight)| *weight <= 0.0);
        marks.filter_map(|(term, _)| marked_by(term))
    }

    /// Returns `true` if the `terms` of a question hold a word of `text`.
    pub(crate) fn shares_a_word(&self, text: &str, terms: &SparseVector) -> bool {
        let mut shares = false;
        for piece in self.pieces(text) {
            self.each_word(&piece, &[None, Some(Language::English)], |_, word, _| {
                shares |= word.iter().any(|(term, _)| terms.get(*term).is_some());
            });
        }
        shares
    }

    /// Returns the languages to read a text in, and the one that marks it. A guess is not the only reading.
    fn readings_of_text(&self, text: &str, given: Option<&str>) -> (Vec<Reading>, Option<Language>) {
        let known = match (given, self.config.language) {
            (Some(tag), _) => Language::of_tag(tag),
            (None, LanguageChoice::Of(language)) => Some(language),
            (None, LanguageChoice::None) => None,
            (None, LanguageChoice::Auto) => {
                let Detected { language, reliable } = self.detector.detect(text, &[]);
                if !reliable {
                    return (vec![None, language], None);
                }
                language
            }
        };
        (vec![known], known)
    }

    /// Returns the weight of a word in a question of a language.
    fn weight(&self, word: &str, language: Option<Language>) -> f32 {
        let is_listed =
            |language: Language| self.function_words[language as usize].contains(lower(word, Some(language)).as_str());
        match language {
            Some(Language::English) if is_listed(Language::English) => 0.0,
            Some(language) if is_listed(language) => FUNCTION_WORD,
            _ if grams::is_ending(word) => FUNCTION_WORD,
            _ => 1.0,
        }
    }

    /// Returns the words and signs of a text; punctuation counts only where there is nothing else.
    fn pieces<'a>(&self, text: &'a str) -> Vec<Piece<'a>> {
        let capitals = Capitals::of(text);
        let mut found = Vec::new();
        self.segmenter.each_piece(text, |place, kind| found.push((place, kind)));
        if found.iter().any(|(_, kind)| *kind != Kind::Punctuation) {
            found.retain(|(_, kind)| *kind != Kind::Punctuation);
        }
        let mut pieces = Vec::with_capacity(found.len());
        for chain in found.chunk_by(|(left, kind), (right, next)| kind.joins(*next, &text[left.end..right.start])) {
            for (at, (place, kind)) in chain.iter().enumerate() {
                pieces.push(Piece {
                    text: &text[place.clone()],
                    place: place.clone(),
                    kind: *kind,
                    capital: capitals.of_word(place),
                    joined: joined(text, chain, at),
                });
            }
        }
        pieces
    }

    /// Calls `visit` with the place, the terms and the weight of each word of a piece.
    fn each_word(
        &self,
        piece: &Piece<'_>,
        readings: &[Reading],
        mut visit: impl FnMut(Range<usize>, &[(u32, f32)], f32),
    ) {
        let Piece { text, place, kind, .. } = piece;
        let inside = |part: Range<usize>| place.start + part.start..place.start + part.end;
        match kind {
            Kind::Sign | Kind::Punctuation => {
                let sign: String = text.chars().filter(|c| !is_variant(*c)).collect();
                visit(place.clone(), &[(plain_term(&sign), 1.0)], 1.0);
            }
            Kind::HanOrKana => each_gram(text, |gram, weight| {
                visit(inside(gram.clone()), &[(plain_term(&text[gram]), 1.0)], weight);
            }),
            Kind::Word if grams::is_korean(text) => each_gram(text, |gram, weight| {
                visit(inside(gram.clone()), &[(plain_term(&text[gram]), 1.0)], weight);
            }),
            Kind::Word | Kind::Unspaced => {
                let Some(Compound { whole, parts }) = Compound::of(text) else {
                    return visit(place.clone(), &self.terms(piece, text, None, readings), 1.0);
                };
                if parts.is_empty() {
                    let whole = whole.as_deref().unwrap_or(text);
                    return visit(place.clone(), &self.terms(piece, whole, None, readings), 1.0);
                }
                for part in parts {
                    visit(
                        inside(part.clone()),
                        &self.terms(piece, &text[part], whole.as_deref(), readings),
                        1.0,
                    );
                }
            }
        }
    }

    /// Returns the terms of a word, alone or as a part of one.
    fn terms(&self, piece: &Piece<'_>, word: &str, whole: Option<&str>, readings: &[Reading]) -> Vec<(u32, f32)> {
        let mut terms = Terms::default();
        if let Some(whole) = whole {
            self.stemmers.read(whole, readings, 1.0, &mut terms);
        }
        let weight = if whole.is_some() { OTHER_FORM } else { 1.0 };
        self.stemmers.read(word, readings, weight, &mut terms);
        for joined in &piece.joined {
            self.stemmers.read(joined, readings, OTHER_FORM, &mut terms);
        }
        if piece.capital != Capital::None && self.is_function_word(word, readings) {
            for (_, weight) in &mut terms.0 {
                *weight *= IN_SMALL_LETTERS;
            }
            terms.add(name_term(word), 1.0);
        }
        terms.0
    }

    fn is_function_word(&self, word: &str, readings: &[Reading]) -> bool {
        let mut languages = readings.iter().flatten();
        languages
            .any(|language| self.function_words[*language as usize].contains(lower(word, Some(*language)).as_str()))
    }
}

/// Returns a word of a chain together with its neighbours: without the hyphens, or as the words before and after would be
/// if they were one with it.
fn joined(text: &str, chain: &[(Range<usize>, Kind)], at: usize) -> Vec<String> {
    let together =
        |places: &[(Range<usize>, Kind)]| places.iter().map(|(place, _)| &text[place.clone()]).collect::<String>();
    match chain {
        [_] => Vec::new(),
        [(_, Kind::Unspaced), ..] => {
            let pairs = chain[at.saturating_sub(1)..chain.len().min(at + 2)].windows(2);
            pairs.map(together).collect()
        }
        _ => Some(together(chain))
            .filter(|whole| whole.contains(char::is_alphabetic))
            .into_iter()
            .collect(),
    }
}
