//! Telling whether two texts say nearly the same in nearly the same words.

use std::collections::BTreeSet;

/// What a text says, as far as its words and their order tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wording {
    /// Each word that carries meaning with the one before it, as stems (shingles of two: Broder, "On the resemblance
    /// and containment of documents", 1997). Order counts: who bites whom makes a difference.
    pairs: BTreeSet<(u32, u32)>,
    /// The last word that was added; 0 before the first.
    last: u32,
    /// Numbers and negations in their order: two texts that differ here say different things, however long they are.
    decisive: Vec<u32>,
}

impl Wording {
    /// Adds the next word that carries meaning; `decisive` for a number or a negation.
    pub(super) fn push(&mut self, term: u32, decisive: bool) {
        if decisive {
            self.decisive.push(term);
        } else {
            self.pairs.insert((self.last, term));
            self.last = term;
        }
    }

    /// The share of word pairs that two texts have in common (Jaccard's index), 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a text has at most 32,768 words")]
    pub fn likeness(&self, other: &Self) -> f32 {
        let common = self.pairs.intersection(&other.pairs).count();
        let all = self.pairs.len() + other.pairs.len() - common;
        if all == 0 { 0.0 } else { common as f32 / all as f32 }
    }

    /// Whether both say the same but for a share of `1 - threshold` of their words, which no number and no negation is
    /// among.
    pub fn nearly_same(&self, other: &Self, threshold: f32) -> bool {
        self.decisive == other.decisive && self.likeness(other) >= threshold
    }
}
