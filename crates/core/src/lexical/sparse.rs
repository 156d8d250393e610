//! Sparse vectors and the inverse document frequency.

/// Weights of terms: `indices` ascending and without repetition, `values` beside them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    /// Term ids, ascending.
    pub indices: Vec<u32>,
    /// The weight of each.
    pub values: Vec<f32>,
}

impl SparseVector {
    /// From terms in any order; a term that comes twice keeps its last weight.
    pub fn new(terms: impl IntoIterator<Item = (u32, f32)>) -> Self {
        let terms: std::collections::BTreeMap<u32, f32> = terms.into_iter().collect();
        let (indices, values) = terms.into_iter().unzip();
        Self { indices, values }
    }

    /// Whether it has no terms.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The terms with their weights.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f32)> {
        self.indices.iter().copied().zip(self.values.iter().copied())
    }

    /// The weight of a term, if it has it.
    pub fn get(&self, term: u32) -> Option<f32> {
        self.indices.binary_search(&term).ok().map(|at| self.values[at])
    }

    /// Cosine of two vectors, 0 to 1 where no weight is negative; 0 when one of them is empty.
    pub fn cosine(&self, other: &Self) -> f32 {
        let product: f32 = self
            .iter()
            .filter_map(|(term, weight)| Some(weight * other.get(term)?))
            .sum();
        let length = |vector: &Self| vector.values.iter().map(|weight| weight * weight).sum::<f32>().sqrt();
        let lengths = length(self) * length(other);
        if lengths > 0.0 { product / lengths } else { 0.0 }
    }
}

/// Inverse document frequency of a term that `matching` of `total` documents have.
///
/// `ln((total - matching + 0.5) / (matching + 0.5) + 1)`, as in Qdrant's IDF modifier and Lucene's BM25.
#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of counts needs no more than a float's precision"
)]
pub fn idf(total: usize, matching: usize) -> f32 {
    let (total, matching) = (total as f32, matching as f32);
    ((total - matching + 0.5) / (matching + 0.5) + 1.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_sorted_and_found() {
        let vector = SparseVector::new([(9, 1.0), (3, 2.0)]);
        assert_eq!(vector.indices, [3, 9]);
        assert_eq!((vector.get(9), vector.get(4)), (Some(1.0), None));
    }

    #[test]
    fn cosine_is_1_for_the_same_direction_and_0_without_a_shared_term() {
        let vector = SparseVector::new([(1, 3.0), (2, 4.0)]);
        let longer = SparseVector::new([(1, 6.0), (2, 8.0)]);
        assert!((vector.cosine(&longer) - 1.0).abs() < 1e-6);
        assert!(vector.cosine(&SparseVector::new([(3, 1.0)])).abs() < f32::EPSILON);
        assert!(vector.cosine(&SparseVector::default()).abs() < f32::EPSILON);
    }

    #[test]
    fn rarer_terms_weigh_more() {
        assert!(idf(100, 1) > idf(100, 50));
        assert!(idf(100, 100) > 0.0);
    }
}
