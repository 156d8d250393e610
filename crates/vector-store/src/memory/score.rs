//! The two kinds of scores, by the book.

use std::collections::HashMap;

use context_manager_core::lexical::{SparseVector, idf};

/// Scales a vector to length 1, in which form vectors are stored; one without length stays as it is.
pub(super) fn unit_length(vector: &mut [f32]) {
    let length = vector.iter().map(|number| number * number).sum::<f32>();
    if length >= f32::EPSILON {
        let length = length.sqrt();
        for number in vector {
            *number /= length;
        }
    }
}

/// The cosine of two vectors of length 1.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The words of a question, each with its weight times how rare it is among all documents.
pub(super) struct Corpus {
    weights: HashMap<u32, f32>,
}

impl Corpus {
    /// What the words of `question` are worth among `documents`; those without words are none.
    pub(super) fn new<'a>(question: &SparseVector, documents: impl Iterator<Item = &'a SparseVector>) -> Self {
        let mut total = 0;
        let mut matching: HashMap<u32, usize> = question.indices.iter().map(|term| (*term, 0)).collect();
        for document in documents.filter(|document| !document.is_empty()) {
            total += 1;
            for (term, count) in &mut matching {
                *count += usize::from(document.get(*term).is_some());
            }
        }
        let weights = question
            .iter()
            .map(|(term, weight)| (term, weight * idf(total, matching[&term])))
            .collect();
        Self { weights }
    }

    /// The sum over the words that a document shares with the question; `None` when it shares none.
    pub(super) fn score(&self, document: &SparseVector) -> Option<f32> {
        let shared = document
            .iter()
            .filter_map(|(term, weight)| Some(weight * self.weights.get(&term)?));
        shared.reduce(|sum, part| sum + part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_compared_by_direction_alone() {
        let mut vector = vec![3.0, 4.0];
        unit_length(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        assert!((cosine(&vector, &[1.0, 0.0]) - 0.6).abs() < 1e-6);
        let mut nothing = vec![0.0, 0.0];
        unit_length(&mut nothing);
        assert_eq!(nothing, [0.0, 0.0]);
    }

    #[test]
    fn rare_words_count_for_more_and_documents_without_words_for_nothing() {
        let document = |terms: &[u32]| SparseVector::new(terms.iter().map(|term| (*term, 2.0)));
        let documents = [document(&[1, 2]), document(&[1]), document(&[])];
        let corpus = Corpus::new(&SparseVector::new([(1, 1.0), (2, 1.0)]), documents.iter());
        assert_eq!(corpus.score(&documents[0]), Some(2.0 * idf(2, 2) + 2.0 * idf(2, 1)));
        assert_eq!(corpus.score(&document(&[3])), None);
    }
}
