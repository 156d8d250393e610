//! Echoes: replies of an assistant that say again what the user said just before them.
//!
//! They are put last, never left out: a reply that looks like an echo may add the word that matters.

use std::collections::{HashMap, HashSet};

use crate::lexical::{SparseVector, asks, is_of_assistant};
use crate::ports::Record;

/// Share of a reply's words, by weight, that the statement has if the reply is an echo: the rest is "Got it, noted".
const REPEATED: f32 = 0.5;

/// Moves echoes of other candidates to the end; the first candidate stays.
pub(super) fn echoes_last<'a>(order: &mut [usize], record: impl Fn(usize) -> &'a Record) {
    let slots: HashMap<i64, usize> = order
        .iter()
        .filter_map(|at| Some((record(*at).context.slot?, *at)))
        .collect();
    let echoes: HashSet<usize> = order
        .iter()
        .skip(1)
        .copied()
        .filter(|at| {
            let reply = record(*at);
            let before = reply.context.slot.and_then(|slot| slots.get(&(slot - 1)));
            before.is_some_and(|before| is_echo(reply, record(*before)))
        })
        .collect();
    if !echoes.is_empty() {
        // The stable sort keeps both parts in their order.
        order.sort_by_key(|at| echoes.contains(at));
    }
}

fn is_echo(reply: &Record, statement: &Record) -> bool {
    is_of_assistant(&reply.context)
        && !is_of_assistant(&statement.context)
        && !asks(&statement.context.text)
        && share(&reply.terms, &statement.terms) >= REPEATED
}

/// Returns the share of a text's terms, by weight, that the other one has.
fn share(terms: &SparseVector, other: &SparseVector) -> f32 {
    let all: f32 = terms.values.iter().sum();
    let common: f32 = terms
        .iter()
        .filter(|(term, _)| other.get(*term).is_some())
        .map(|(_, weight)| weight)
        .sum();
    if all > 0.0 { common / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::context::Context;
    use crate::lexical::{Analyzer, Config};

    fn turn(slot: i64, text: &str) -> Record {
        let context = Context {
            slot: Some(slot),
            ..Context::new(text)
        };
        Record {
            terms: Analyzer::new(Config::default()).document(text, None).terms,
            context,
            dense: None,
        }
    }

    /// Returns the order of candidates that are ranked as given.
    fn order(records: &[Record]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..records.len()).collect();
        echoes_last(&mut order, |at| &records[at]);
        order
    }

    #[test]
    fn a_reply_that_repeats_the_statement_comes_last() {
        let said = turn(4, "User: Moving day is planned for 5 December.");
        let repeated = turn(5, "Assistant: Got it: moving day 5 December.");
        let other = turn(9, "User: The movers charge 900 euros.");
        assert_eq!(order(&[said.clone(), repeated.clone(), other.clone()]), [0, 2, 1]);
        assert_eq!(order(&[other.clone(), repeated.clone(), said.clone()]), [0, 2, 1]);
        // What was found best stays, and what nothing else says stays.
        assert_eq!(order(&[repeated.clone(), said, other.clone()]), [0, 1, 2]);
        assert_eq!(order(&[other.clone(), repeated, other]), [0, 1, 2]);
    }

    #[test]
    fn only_an_assistant_echoes_and_only_statements() {
        let said = turn(4, "User: The intern can deploy on Fridays.");
        let other = turn(9, "User: The movers charge 900 euros.");
        let not_echoes = [
            // A correction by the user.
            (said.clone(), turn(5, "User: The intern can't deploy on Fridays.")),
            // An answer.
            (
                turn(4, "User: May the intern deploy on Fridays?"),
                turn(5, "Assistant: The intern may deploy on Fridays."),
            ),
            // News.
            (
                said.clone(),
                turn(5, "Assistant: Then ask Keller for the key of the pipeline."),
            ),
            // Of another time.
            (said.clone(), turn(6, "Assistant: The intern can deploy on Fridays.")),
        ];
        for (said, reply) in not_echoes {
            let text = reply.context.text.clone();
            assert_eq!(order(&[said, reply, other.clone()]), [0, 1, 2], "{text}");
        }
        let mut by_role = turn(5, "The intern can deploy on Fridays, noted.");
        by_role.context.metadata.insert("role".to_owned(), json!("assistant"));
        assert_eq!(order(&[said, by_role, other]), [0, 2, 1]);
    }
}
