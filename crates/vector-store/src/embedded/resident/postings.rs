//! The contexts of each term, with the term's weight in them.

use std::cell::RefCell;
use std::collections::HashMap;

use context_manager_core::lexical::SparseVector;

use super::vectors::best;

/// A context and the weight of a term in it.
type Posting = (u32, f32);

/// Inverted index. It is never searched for contexts that were removed: its owner skips them.
#[derive(Debug, Default)]
pub(super) struct Postings {
    of_terms: HashMap<u32, Vec<Posting>>,
    count: usize,
}

thread_local! {
    /// Sum of each context, 0 between searches: clearing as many numbers as there are contexts would take longer than adding.
    static SUMS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Postings {
    /// Adds the terms of a context.
    pub(super) fn add(&mut self, owner: u32, terms: impl Iterator<Item = (u32, f32)>) {
        // A weight of 0 marks a context and matches nothing.
        for (term, weight) in terms.filter(|(_, weight)| *weight != 0.0) {
            self.of_terms.entry(term).or_default().push((owner, weight));
            self.count += 1;
        }
    }

    /// Returns the approximate size in memory.
    pub(super) fn size(&self) -> usize {
        // Lists grow by doubling, which leaves a third of them empty on average.
        self.count * size_of::<Posting>() * 4 / 3 + self.of_terms.len() * 2 * size_of::<(u32, Vec<Posting>)>()
    }

    /// Returns up to `limit` of `contexts` contexts, of those `allowed` where that says so, with the highest dot products with
    /// `terms`.
    pub(super) fn best(
        &self,
        terms: &SparseVector,
        limit: usize,
        contexts: usize,
        allowed: Option<&[bool]>,
    ) -> Vec<(f32, u32)> {
        SUMS.with_borrow_mut(|sums| {
            if sums.len() < contexts {
                sums.resize(contexts, 0.0);
            }
            let mut matching = Vec::new();
            for (term, of_question) in terms.iter().filter(|(_, weight)| *weight != 0.0) {
                for (owner, weight) in self.of_terms.get(&term).into_iter().flatten() {
                    let sum = &mut sums[*owner as usize];
                    if *sum == 0.0 {
                        matching.push(*owner);
                    }
                    *sum += of_question * weight;
                }
            }
            let mut found = Vec::with_capacity(matching.len());
            for owner in matching {
                let sum = std::mem::take(&mut sums[owner as usize]);
                if sum != 0.0 && allowed.is_none_or(|allowed| allowed[owner as usize]) {
                    found.push((sum, owner));
                }
            }
            best(&mut found, limit);
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_dot_products_and_never_left_over() {
        let mut postings = Postings::default();
        for (owner, terms) in [
            (0, vec![(1, 1.0), (2, 2.0)]),
            (1, vec![(2, 1.0), (9, 0.0)]),
            (2, vec![(3, 5.0)]),
        ] {
            postings.add(owner, terms.into_iter());
        }
        let question = SparseVector::new([(1, 3.0), (2, 0.5), (9, 1.0)]);
        for _ in 0..2 {
            let mut found = postings.best(&question, 10, 3, None);
            found.sort_by_key(|(_, owner)| *owner);
            assert_eq!(found, [(4.0, 0), (0.5, 1)]);
        }
        assert_eq!(postings.best(&question, 1, 3, None), [(4.0, 0)]);
        assert_eq!(postings.best(&question, 1, 3, Some(&[false, true, true])), [(0.5, 1)]);
    }
}
