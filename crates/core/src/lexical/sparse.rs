//! Sparse vectors and the inverse document frequency.

/// Sparse vector of term weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    /// Terms, ascending and without duplicates.
    pub indices: Vec<u32>,
    /// Weight of each term.
    pub values: Vec<f32>,
}

impl SparseVector {
    /// Builds a vector of terms in any order; a repeated term keeps its last weight.
    pub fn new(terms: impl IntoIterator<Item = (u32, f32)>) -> Self {
        let terms: std::collections::BTreeMap<u32, f32> = terms.into_iter().collect();
        let (indices, values) = terms.into_iter().unzip();
        Self { indices, values }
    }

    /// Returns `true` if the vector has no terms.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Iterates over the terms and their weights.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f32)> {
        self.indices.iter().copied().zip(self.values.iter().copied())
    }

    /// Returns the weight of a term.
    pub fn get(&self, term: u32) -> Option<f32> {
        self.indices.binary_search(&term).ok().map(|at| self.values[at])
    }

    /// Returns the cosine of two vectors, 0 to 1 for weights that are not negative; 0 if one vector is empty.
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

/// Returns the inverse document frequency of a term that `matching` of `total` documents have.
///
/// `ln((total - matching + 0.5) / (matching + 0.5) + 1)`, as in Qdrant's IDF modifier and Lucene's BM25.
#[expect(clippy::cast_precision_loss, reason = "counts need no more than a float's precision")]
pub(crate) fn idf(total: usize, matching: usize) -> f32 {
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
    fn parallel_vectors_have_cosine_1_and_disjoint_ones_0() {
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
