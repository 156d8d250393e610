//! Report of the evaluation on notes: by set, means over languages, by type of question.

use std::collections::BTreeSet;

use super::abstention::auc;
use super::ask::Answers;
use super::dataset::Set;
use crate::eval::figures::Figures;
use crate::eval::outcome::Outcome;
use crate::eval::report::{Report, Results, Row, Section};

/// Cutoff of recall@k.
const CUTOFFS: [usize; 1] = [10];
/// Names of the languages that means are taken over.
const LANGUAGES: [(&str, bool); 2] = [("English", true), ("other languages", false)];

/// Builds the report; `answers` hold every set of `sets`, in this order, for one mode after the other.
pub(super) fn of(sets: &[&Set], answers: Vec<Answers>) -> Report {
    let modes: Vec<_> = answers
        .iter()
        .step_by(sets.len().max(1))
        .map(|answers| answers.mode.clone())
        .collect();
    let of = |set: usize, mode: usize| &answers[mode * sets.len() + set];
    let in_language = |english| (0..sets.len()).filter(move |set| sets[*set].is_english() == english);

    let mut by_set = Section::new("sets", Vec::new());
    for (index, set) in sets.iter().enumerate() {
        by_set
            .rows
            .extend((0..modes.len()).map(|mode| row(&set.name, of(index, mode))));
    }
    let (mut means, mut by_type) = (
        Section::new("means over sets", Vec::new()),
        Section::new("types of questions", Vec::new()),
    );
    for (language, english) in LANGUAGES {
        for (mode, name) in modes.iter().enumerate() {
            let rows = in_language(english).map(|set| &by_set.rows[set * modes.len() + mode].figures);
            let figures: Vec<_> = rows.collect();
            if !figures.is_empty() {
                means.rows.push(Row::new(language, name, Figures::mean(&figures)));
            }
            let outcomes = in_language(english).flat_map(|set| &of(set, mode).answerable);
            by_type
                .rows
                .extend(types(language, name, &outcomes.collect::<Vec<_>>()));
        }
    }
    by_type.rows.sort_by(|a, b| a.name.cmp(&b.name));
    let regret = by_set.regret();
    Report {
        results: Results {
            texts: texts(sets),
            sections: [by_set, by_type].into_iter().chain(regret).chain([means]).collect(),
        },
        outcomes: answers
            .into_iter()
            .flat_map(|answers| [answers.answerable, answers.unanswerable, answers.off_topic])
            .flatten()
            .collect(),
        ..Report::default()
    }
}

fn texts(sets: &[&Set]) -> String {
    let sum = |count: fn(&Set) -> usize| sets.iter().map(|set| count(set)).sum::<usize>();
    let (notes, questions) = (sum(|set| set.memories.len()), sum(|set| set.questions.len()));
    let unanswerable = sum(|set| set.unanswerable.len());
    format!(
        "{notes} notes of {} sets, {questions} questions and {unanswerable} unanswerable ones",
        sets.len()
    )
}

fn row(set: &str, answers: &Answers) -> Row {
    let answerable: Vec<_> = answers.answerable.iter().collect();
    let mut figures = Figures::of(&answerable, &CUTOFFS);
    for (name, others) in [("off-topic", &answers.off_topic), ("in-domain", &answers.unanswerable)] {
        figures.add(format!("AUC {name}"), auc(&answers.answerable, others));
    }
    Row::new(set, &answers.mode, figures)
}

/// Builds a row for each type of question.
fn types(language: &str, mode: &str, outcomes: &[&Outcome]) -> Vec<Row> {
    let types: BTreeSet<_> = outcomes.iter().map(|outcome| &outcome.kind).collect();
    let row = |kind: &String| {
        let chosen: Vec<_> = outcomes
            .iter()
            .copied()
            .filter(|outcome| outcome.kind == *kind)
            .collect();
        Row::new(&format!("{language}, {kind}"), mode, Figures::of(&chosen, &CUTOFFS))
    };
    types.into_iter().map(row).collect()
}
