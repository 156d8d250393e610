//! Facts: the words of a context that are equal or not, under one key.
//!
//! They share one index, as each index is a dozen files that every flush has to write: with one for each field a flush
//! takes twice as long. The letter in front keeps the fields apart.

use context_manager_core::context::{ContentKey, Context};
use context_manager_core::filter::{Field, Values};
use uuid::Uuid;

use super::key::Place;

/// Maximum length of a fact. Longer ones are stored as a hash, so that an index never holds a whole document.
const MAX_BYTES: usize = 128;

/// Returns all facts of `context`.
pub(super) fn all(context: &Context) -> Vec<String> {
    let mut facts = vec![content(&context.content_key())];
    facts.extend(of_fields(context));
    facts
}

/// Returns the facts of the fields of `context`: all but its content key.
pub(crate) fn of_fields(context: &Context) -> Vec<String> {
    let mut facts = Vec::new();
    for &field in Field::ALL {
        if let (Place::Fact(letter), Values::Words(words)) = (Place::of(field), field.of(context)) {
            facts.extend(words.iter().map(|word| new(letter, word)));
        }
    }
    facts
}

/// Returns the fact of a text's content key.
pub(crate) fn content(key: &ContentKey) -> String {
    new('c', key.as_str())
}

/// Returns the fact of a word of the field with this letter.
pub(crate) fn new(letter: char, word: &str) -> String {
    let fact = format!("{letter}:{word}");
    if fact.len() <= MAX_BYTES {
        fact
    } else {
        // Without the colon it equals no short fact.
        format!(
            "{letter}#{}",
            Uuid::new_v5(&Uuid::NAMESPACE_OID, fact.as_bytes()).simple()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_facts_are_told_apart_by_their_hash() {
        let long = |last: char| format!("{}{last}", "x".repeat(5000));
        assert!(new('t', &long('a')).len() < 40);
        assert_ne!(new('t', &long('a')), new('t', &long('b')));
        assert_eq!(new('t', &long('a')), new('t', &long('a')));
        assert_ne!(new('t', &long('a')), new('u', &long('a')));
    }

    #[test]
    fn every_field_has_a_letter_or_a_key_of_its_own() {
        let places: Vec<Place> = Field::ALL.iter().map(|field| Place::of(*field)).collect();
        for (at, place) in places.iter().enumerate() {
            assert!(!places[..at].contains(place), "{place:?}");
        }
        assert!(!places.contains(&Place::Fact('c')), "the letter of content keys");
    }
}
