//! Contexts and questions of the demo: Mira plans a trip and a kitchen with an assistant.

use context_manager_core::{Level, NewContext};

/// Session whose working memory is searched.
pub(super) const SESSION: &str = "today";

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

/// Returns lasting knowledge, knowledge of the week, and the latest turns.
pub(super) fn contexts() -> Vec<NewContext> {
    let long_term = [
        "Mira is allergic to peanuts and avoids shellfish.",
        "Mira prefers short e-mails without exclamation marks.",
        "Mira works as a cartographer for the harbour authority.",
        "Mira's daughter Jona is nine and plays the cello.",
        "The house was built in 1931 and has three floors.",
        "Mira speaks Swedish, English and some Portuguese.",
    ];
    let short_term = [
        "The trip to Lisbon starts on 14 May; the flight leaves at 7:40.",
        "The kitchen renovation has a budget of 18,000 euros.",
        "Oak worktops were chosen for the kitchen, the tiles are still open.",
        "Jona's concert was moved from Thursday to Saturday.",
        "The hotel near the Alfama is booked for five nights.",
    ];
    let immediate = [
        "The plumber called: he comes on Tuesday between eight and ten.",
        "Mira asked for a packing list for the trip.",
        "The tap in the bathroom drips again.",
    ];
    let at = |level: Level, session: Option<&str>, text: &str| NewContext {
        text: text.to_owned(),
        level,
        session_id: session.map(str::to_owned),
        ..NewContext::default()
    };
    let long_term = long_term.map(|text| at(Level::LongTerm, None, text));
    let short_term = short_term.map(|text| at(Level::ShortTerm, None, text));
    let immediate = immediate.map(|text| at(Level::Immediate, Some(SESSION), text));
    long_term.into_iter().chain(short_term).chain(immediate).collect()
}
