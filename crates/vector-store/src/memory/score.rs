//! The two kinds of scores, by the book.

use context_manager_core::lexical::SparseVector;

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

/// The sum, over the words that a document shares with a question, of both weights' product; `None` when it shares none.
pub(super) fn common_words(question: &SparseVector, document: &SparseVector) -> Option<f32> {
    let shared = question
        .iter()
        .filter_map(|(term, weight)| Some(weight * document.get(term)?));
    shared.reduce(|sum, part| sum + part)
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
    fn words_in_common_count_as_much_as_both_say() {
        let document = |terms: &[u32]| SparseVector::new(terms.iter().map(|term| (*term, 2.0)));
        let question = SparseVector::new([(1, 1.0), (2, 0.5)]);
        assert_eq!(common_words(&question, &document(&[1, 2, 3])), Some(3.0));
        assert_eq!(common_words(&question, &document(&[3])), None);
    }
}
