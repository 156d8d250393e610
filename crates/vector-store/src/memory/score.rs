//! Definitions of both scores.

use context_manager_core::lexical::SparseVector;

/// Scales a vector to length 1, the form in which vectors are stored. A zero vector stays as it is.
pub(super) fn unit_length(vector: &mut [f32]) {
    let length = vector.iter().map(|number| number * number).sum::<f32>();
    if length >= f32::EPSILON {
        let length = length.sqrt();
        for number in vector {
            *number /= length;
        }
    }
}

/// Returns the cosine of two vectors of length 1.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Returns the dot product of two sparse vectors, or `None` if they have no index in common.
pub(super) fn sparse_dot(question: &SparseVector, document: &SparseVector) -> Option<f32> {
    let shared = question
        .iter()
        .filter_map(|(term, weight)| Some(weight * document.get(term)?));
    shared.reduce(|sum, part| sum + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_ignores_length() {
        let mut vector = vec![3.0, 4.0];
        unit_length(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        assert!((cosine(&vector, &[1.0, 0.0]) - 0.6).abs() < 1e-6);
        let mut nothing = vec![0.0, 0.0];
        unit_length(&mut nothing);
        assert_eq!(nothing, [0.0, 0.0]);
    }

    #[test]
    fn sparse_dot_multiplies_the_weights_of_shared_indices() {
        let document = |terms: &[u32]| SparseVector::new(terms.iter().map(|term| (*term, 2.0)));
        let question = SparseVector::new([(1, 1.0), (2, 0.5)]);
        assert_eq!(sparse_dot(&question, &document(&[1, 2, 3])), Some(3.0));
        assert_eq!(sparse_dot(&question, &document(&[3])), None);
    }
}
