//! Comparison of a question with candidates, by each kind of evidence.

use std::sync::Arc;

use super::question::Question;
use crate::Fusion;
use crate::lexical::speaker;
use crate::ports::{CosineScale, Record, TokenTable};
use crate::rank::{DocumentFrequencies, Say, Signals, Statement, WeightedWords, cosine};

/// Share of a question's words that a model must know for its vectors to know better than one matching word.
const KNOWN: f32 = 0.5;

/// Comparison of one question with candidates, in any number of steps.
pub(super) struct Comparison<'a> {
    question: &'a Question,
    words: Option<WeightedWords<'a>>,
    scale: CosineScale,
    table: Option<Table<'a>>,
    say: Say,
    signals: Vec<Signals>,
}

/// Token table with the question's vector, in which rare words weigh more, and those of the candidates.
struct Table<'a> {
    of_tokens: &'a dyn TokenTable,
    question: Vec<f32>,
    candidates: Vec<Vec<f32>>,
}

impl<'a> Comparison<'a> {
    /// Weighs the words of the question by IDF. `saturation` is that of [`WeightedWords::new`].
    pub(super) fn new(
        question: &'a Question,
        frequencies: &DocumentFrequencies,
        saturation: f32,
        table: Option<&'a dyn TokenTable>,
        fusion: Fusion,
    ) -> Self {
        let by_vector = question.by_vector;
        let weights: Vec<(&str, f32)> = question
            .words
            .iter()
            .map(|word| (word.text.as_str(), frequencies.idf_of(word)))
            .collect();
        let table = table.filter(|_| by_vector).and_then(|table| {
            Some(Table {
                of_tokens: table,
                question: table.embed_weighted(&weights)?,
                candidates: Vec::new(),
            })
        });
        let known_to_model = question.vector.as_ref().map(|_| question.model.knows(&question.text));
        let known_to_table = table.as_ref().map(|table| table.of_tokens.knows(&question.text));
        let known = known_to_model.into_iter().chain(known_to_table).fold(0.0, f32::max);
        let words = question.terms.as_ref();
        let words = words.map(|_| WeightedWords::new(&question.words, frequencies, saturation, known < KNOWN));
        Self {
            say: Say::new(fusion, words.is_some(), known_to_model, known_to_table),
            scale: question.model.scale(),
            question,
            words,
            table,
            signals: Vec::new(),
        }
    }

    /// Compares the candidates that were added since the last time, and returns the evidence for all.
    pub(super) fn evidence(&mut self, candidates: &[Arc<Record>]) -> Vec<f32> {
        for record in &candidates[self.signals.len()..] {
            let vectors = self.question.vector.as_ref().zip(record.dense.as_ref());
            let table = self.table.as_mut().map(|table| {
                let vector = table.of_tokens.embed(&record.context.text);
                let cosine = cosine(&table.question, &vector);
                table.candidates.push(vector);
                cosine
            });
            self.signals.push(Signals {
                words: self.words.as_ref().map(|words| words.evidence(&record.terms)),
                model: vectors.map(|(question, own)| self.scale.apply(cosine(question, own))),
                table,
            });
        }
        self.say.evidence(&self.signals)
    }

    /// Returns the evidence of each kind for the candidates.
    pub(super) fn signals(&self) -> &[Signals] {
        &self.signals
    }

    /// Returns the candidates as statements that may update each other; none without the token table.
    pub(super) fn statements<'b>(&'b self, candidates: &'b [Arc<Record>], states: &[bool]) -> Vec<Statement<'b>> {
        let vectors = self.table.iter().flat_map(|table| &table.candidates);
        let candidates = candidates.iter().zip(states).zip(vectors);
        candidates
            .map(|((record, states), table)| Statement {
                at: record.context.occurred_at,
                states: *states,
                speaker: speaker(&record.context.text),
                words: self.words.as_ref().map_or(0, |words| words.matching(&record.terms)),
                dense: record.dense.as_deref(),
                table,
            })
            .collect()
    }
}
