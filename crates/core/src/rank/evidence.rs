//! Evidence that a candidate answers the question, on one scale for all questions and stores of a model.
//!
//! Nothing is stretched to the best candidate of a question: words count as a share of the most that the question could
//! reach, and cosines as they are. All candidates are compared here with the same IDF, so that those of working memory, of
//! the store and of the neighbourhood are on one scale with any store.

use std::collections::HashMap;

use crate::config::Fusion;
use crate::lexical::{QuestionWord, SparseVector, idf};

/// Number of matching words from which on words count in full beside vectors: one match may be chance. Measured, see
/// docs/reference/benchmarks.md.
const FULL_MATCH: usize = 3;
/// Weight of a word from which on it counts as one that says something.
const CONTENT: f32 = 0.5;

/// Document frequencies of terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DocumentFrequencies {
    total: usize,
    matching: HashMap<u32, usize>,
}

impl DocumentFrequencies {
    /// Takes the number of contexts that have each term, out of `total`.
    pub(crate) fn new(total: usize, matching: impl IntoIterator<Item = (u32, usize)>) -> Self {
        Self {
            total,
            matching: matching.into_iter().collect(),
        }
    }

    /// Counts the candidates that have each of `terms`. Candidates without terms do not count.
    pub(crate) fn count<'a>(
        terms: impl IntoIterator<Item = u32>,
        candidates: impl IntoIterator<Item = &'a SparseVector>,
    ) -> Self {
        let mut frequencies = Self::new(0, terms.into_iter().map(|term| (term, 0)));
        for candidate in candidates.into_iter().filter(|candidate| !candidate.is_empty()) {
            frequencies.total += 1;
            for (term, count) in &mut frequencies.matching {
                *count += usize::from(candidate.get(*term).is_some());
            }
        }
        frequencies
    }

    /// Returns the inverse document frequency of a term; uncounted terms have a frequency of 0.
    pub(crate) fn idf(&self, term: u32) -> f32 {
        idf(self.total, self.matching.get(&term).copied().unwrap_or(0))
    }

    /// Returns the inverse document frequency of a word: of the most frequent among its best terms that occur at all.
    pub(crate) fn idf_of(&self, word: &QuestionWord) -> f32 {
        let matching = |term: &u32| self.matching.get(term).copied().unwrap_or(0);
        let found = word.terms.iter().filter(|(term, _)| matching(term) > 0);
        let best = found.max_by(|(a, left), (b, right)| left.total_cmp(right).then(matching(a).cmp(&matching(b))));
        idf(self.total, best.map_or(0, |(term, _)| matching(term)))
    }
}

/// Words of a question with their IDF.
#[derive(Debug)]
pub(crate) struct WeightedWords<'a> {
    words: Vec<(&'a QuestionWord, f32)>,
    /// BM25 score of a text that holds nothing but the question's words, each many times.
    most: f32,
    /// Number of matching words from which on the words count in full.
    full: usize,
}

impl<'a> WeightedWords<'a> {
    /// Weighs words by IDF. `saturation` is the most that a term's weight in a text can reach, BM25's k1 + 1; `alone` says
    /// that no vector knows better, so that one matching word counts in full.
    pub(crate) fn new(
        words: &'a [QuestionWord],
        frequencies: &DocumentFrequencies,
        saturation: f32,
        alone: bool,
    ) -> Self {
        let words: Vec<_> = words
            .iter()
            .filter(|word| word.weight > 0.0)
            .map(|word| (word, frequencies.idf_of(word)))
            .collect();
        let content = words.iter().filter(|(word, _)| word.weight >= CONTENT).count();
        Self {
            most: words.iter().map(|(word, idf)| word.weight * idf).sum::<f32>() * saturation,
            full: if alone { 1 } else { content.clamp(1, FULL_MATCH) },
            words,
        }
    }

    /// Returns the BM25 score of a text as a share of the most it could be, 0 to 1, less if few words match.
    #[expect(clippy::cast_precision_loss, reason = "a question has few words")]
    pub(crate) fn evidence(&self, text: &SparseVector) -> f32 {
        let mut bm25 = 0.0;
        let mut matching = 0;
        for (word, idf) in &self.words {
            let weight = word.weight_in(text);
            bm25 += idf * weight;
            matching += usize::from(weight > 0.0 && word.weight >= CONTENT);
        }
        if bm25 <= 0.0 {
            return 0.0;
        }
        let few = (matching.max(1) as f32 / self.full as f32).min(1.0);
        (bm25 / self.most * few).min(1.0)
    }

    /// Returns which words that say something a text has, a bit for each; the first 64 count.
    pub(crate) fn matching(&self, text: &SparseVector) -> u64 {
        let content = self.words.iter().filter(|(word, _)| word.weight >= CONTENT).take(64);
        content.enumerate().fold(0, |bits, (at, (word, _))| {
            bits | u64::from(word.weight_in(text) > 0.0) << at
        })
    }
}

/// Evidence of each kind for one candidate. A kind that is `None` has no say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Signals {
    /// Words, 0 to 1.
    pub(crate) words: Option<f32>,
    /// Cosine of the embedding model's vectors on the scale of the built-in model, see [`crate::ports::CosineScale`].
    pub(crate) model: Option<f32>,
    /// Cosine of the token table's vectors.
    pub(crate) table: Option<f32>,
}

/// Share of the model's weight that stays where it knows none of the question's words: its cosines then order what words do
/// not.
const UNKNOWN: f32 = 0.02;

/// Weight of each kind for one question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Say {
    words: f32,
    model: f32,
    table: f32,
    /// Share of the question's words that the model knows.
    known: f32,
}

impl Say {
    /// Returns the weights for a question compared by the kinds that are `Some`: the shares of its words, 0 to 1, that the
    /// model and the table know. A kind that is alone has the whole say.
    pub(crate) fn new(fusion: Fusion, words: bool, model: Option<f32>, table: Option<f32>) -> Self {
        let known = |others: bool, share: f32| if others { share } else { 1.0 };
        Self {
            words: if words { fusion.lexical } else { 0.0 },
            model: model.map_or(0.0, |_| fusion.dense),
            table: table.map_or(0.0, |share| fusion.table * known(words || model.is_some(), share)),
            known: model.map_or(1.0, |share| known(words, share)),
        }
    }

    /// Returns the evidence for each candidate, 0 to 1: the weighted mean of the kinds.
    ///
    /// A candidate whose vector is pending is compared by the table alone. Cosines between texts of a language that the model
    /// does not know are high for all of them: they order what is equal otherwise, but their mean is no evidence.
    #[expect(clippy::cast_precision_loss, reason = "there are few candidates")]
    pub(crate) fn evidence(&self, candidates: &[Signals]) -> Vec<f32> {
        let cosines = || candidates.iter().filter_map(|signals| signals.model);
        let mean = (1.0 - self.known) * cosines().sum::<f32>() / cosines().count().max(1) as f32;
        let weight = self.model * self.known.max(UNKNOWN);
        let whole = self.words + self.model * self.known + self.table;
        candidates
            .iter()
            .map(|signals| {
                let table = signals.table.unwrap_or(0.0);
                let model = signals.model.map_or(table * self.known, |cosine| cosine - mean);
                let sum = self.words * signals.words.unwrap_or(0.0) + weight * model + self.table * table;
                if whole > 0.0 {
                    (sum / whole).clamp(0.0, 1.0)
                } else {
                    0.0
                }
            })
            .collect()
    }
}

/// Returns the cosine of the angle between two vectors of the same size; 0 if one is zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let norm = f32::sqrt(dot(a, a) * dot(b, b));
    if norm > 0.0 { dot(a, b) / norm } else { 0.0 }
}

/// Returns the dot product. Independent partial sums let the compiler vectorise, which one running sum does not.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(term: u32, weight: f32) -> QuestionWord {
        QuestionWord {
            text: term.to_string(),
            range: 0..1,
            terms: vec![(term, 1.0)],
            weight,
        }
    }

    fn text(terms: &[u32]) -> SparseVector {
        SparseVector::new(terms.iter().map(|term| (*term, 1.0)))
    }

    #[test]
    fn one_matching_word_says_less_than_its_share() {
        let words = [1, 2, 3, 4].map(|term| word(term, 1.0));
        let frequencies = DocumentFrequencies::new(100, (1..=4).map(|term| (term, 1)));
        let weighted = WeightedWords::new(&words, &frequencies, 1.0, false);
        let evidence = |terms: &[u32]| weighted.evidence(&text(terms));
        assert!((evidence(&[1]) - 0.25 / 3.0).abs() < 1e-6);
        assert!((evidence(&[1, 2]) - 0.5 * 2.0 / 3.0).abs() < 1e-6);
        assert!((evidence(&[1, 2, 3]) - 0.75).abs() < 1e-6);
        assert!(evidence(&[9]) <= 0.0);
        let one = WeightedWords::new(&words[..1], &frequencies, 1.0, false);
        assert!((one.evidence(&text(&[1])) - 1.0).abs() < 1e-6, "a question of one word");
        let by_words = WeightedWords::new(&words, &frequencies, 1.0, true);
        assert!(
            (by_words.evidence(&text(&[1])) - 0.25).abs() < 1e-6,
            "no vector knows better"
        );
    }

    #[test]
    fn a_word_that_all_texts_have_says_little() {
        let words = [word(1, 1.0), word(2, 1.0)];
        let texts = [text(&[1, 2]), text(&[1]), text(&[1]), SparseVector::default()];
        let frequencies = DocumentFrequencies::count([1, 2], &texts);
        let weighted = WeightedWords::new(&words, &frequencies, 1.0, false);
        assert!(weighted.evidence(&text(&[2])) > 2.0 * weighted.evidence(&text(&[1])));
        assert!(weighted.evidence(&texts[3]) <= 0.0);
    }

    const FUSION: Fusion = Fusion {
        lexical: 0.8,
        dense: 0.5,
        table: 0.3,
    };

    #[test]
    fn evidence_does_not_depend_on_the_other_candidates() {
        let say = Say::new(FUSION, true, Some(1.0), Some(1.0));
        let good = Signals {
            words: Some(0.5),
            model: Some(0.6),
            table: Some(0.4),
        };
        let alone = say.evidence(&[good])[0];
        assert!((alone - (0.8 * 0.5 + 0.5 * 0.6 + 0.3 * 0.4) / 1.6).abs() < 1e-6);
        let better = Signals {
            words: Some(1.0),
            ..good
        };
        assert!((say.evidence(&[better, good])[1] - alone).abs() < 1e-6);
    }

    #[test]
    fn a_kind_without_a_say_changes_nothing() {
        let words = Signals {
            words: Some(0.5),
            ..Signals::default()
        };
        assert!((Say::new(FUSION, true, None, None).evidence(&[words])[0] - 0.5).abs() < 1e-6);
        assert_eq!(Say::new(FUSION, false, None, None).evidence(&[words]), [0.0]);
    }

    #[test]
    fn a_language_the_model_does_not_know_is_ordered_but_no_evidence() {
        let say = Say::new(FUSION, true, Some(0.0), Some(0.0));
        let signals = |model| Signals {
            words: Some(0.0),
            model: Some(model),
            table: Some(0.9),
        };
        let evidence = say.evidence(&[signals(0.82), signals(0.84), signals(0.80)]);
        assert!(evidence[1] > evidence[0] && evidence[0] >= evidence[2]);
        assert!(evidence[1] < 0.02, "{evidence:?}");
        let alone = Say::new(FUSION, false, Some(0.0), Some(0.0)).evidence(&[signals(0.82), signals(0.84)]);
        assert!(alone[1] > alone[0] && alone[0] > 0.5, "there is nothing else to go by");
    }

    #[test]
    fn a_pending_candidate_is_compared_by_the_table() {
        let say = Say::new(FUSION, false, Some(1.0), Some(1.0));
        let signals = |model| Signals {
            words: None,
            model,
            table: Some(0.5),
        };
        let evidence = say.evidence(&[signals(Some(0.5)), signals(None)]);
        assert!((evidence[0] - evidence[1]).abs() < 1e-6);
    }
}
