//! Contexts and questions of the demo: Mira plans a trip and a kitchen with an assistant.

use context_manager_client::wire::{Level, NewContext};
use uuid::Uuid;

/// Scope of all contexts, and session of the latest turns. Notes of a session would lend each other evidence, as turns do.
pub(super) const NAME: &str = "demo";

/// Questions and the beginnings of their answers, which are at different levels; two answers share no word with their
/// question.
pub(super) const QUESTIONS: [(&str, &str); 5] = [
    ("What can Mira not eat?", "Mira is allergic to peanuts"),
    (
        "Which city are we flying to, and when?",
        "The trip to Lisbon starts on 14 May",
    ),
    (
        "How much may the new kitchen cost?",
        "The kitchen renovation has a budget",
    ),
    (
        "What should I keep in mind when writing to her?",
        "Mira prefers short e-mails",
    ),
    ("Did the plumber say when he would come?", "The plumber called"),
];

/// Lasting knowledge.
const LONG_TERM: [&str; 6] = [
    "Mira is allergic to peanuts and avoids shellfish.",
    "Mira prefers short e-mails without exclamation marks.",
    "Mira works as a cartographer for the harbour authority.",
    "Mira's daughter Jona is nine and plays the cello.",
    "The house was built in 1931 and has three floors.",
    "Mira speaks Swedish, English and some Portuguese.",
];
/// Knowledge of the week.
const SHORT_TERM: [&str; 5] = [
    "The trip to Lisbon starts on 14 May; the flight leaves at 7:40.",
    "The kitchen renovation has a budget of 18,000 euros.",
    "Oak worktops were chosen for the kitchen, the tiles are still open.",
    "Jona's concert was moved from Thursday to Saturday.",
    "The hotel near the Alfama is booked for five nights.",
];
/// The latest turns.
const IMMEDIATE: [&str; 3] = [
    "The plumber called: he comes on Tuesday between eight and ten.",
    "Mira asked for a packing list for the trip.",
    "The tap in the bathroom drips again.",
];

/// Returns all contexts. Their ids are those of every run.
pub(super) fn contexts() -> Vec<NewContext> {
    let at = |level: Level, text: &&str| NewContext {
        text: (*text).to_owned(),
        id: Some(id(text)),
        level: Some(level),
        session_id: (level == Level::Immediate).then(|| NAME.to_owned()),
        scope: Some(NAME.to_owned()),
        tags: Some(vec![NAME.to_owned()]),
        ..NewContext::default()
    };
    let long_term = LONG_TERM.iter().map(|text| at(Level::LongTerm, text));
    let short_term = SHORT_TERM.iter().map(|text| at(Level::ShortTerm, text));
    let immediate = IMMEDIATE.iter().map(|text| at(Level::Immediate, text));
    long_term.chain(short_term).chain(immediate).collect()
}

/// Returns the id of a text.
fn id(text: &str) -> Uuid {
    Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("urn:context-manager:demo:{text}").as_bytes(),
    )
}
