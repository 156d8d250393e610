//! Report of the evaluation on notes: by set, by type of question, means over sets.

use std::collections::BTreeMap;

use super::abstention::auc;
use super::dataset::Set;
use super::tasks::{OFF_TOPIC, UNANSWERABLE};
use crate::eval::figures::{Figures, mean, share};
use crate::eval::outcome::Outcome;
use crate::eval::report::{Results, Row, Section};

/// Cutoff of recall@k.
const CUTOFFS: [usize; 1] = [10];

/// Averages over the questions of each set, of each type, and over sets; `modes` hold the outcomes of each mode.
pub(super) fn results(sets: &[&Set], modes: &[Vec<Outcome>]) -> Results {
    let mut by_set = Vec::new();
    let mut means: BTreeMap<(&str, usize), Vec<Figures>> = BTreeMap::new();
    let mut types: BTreeMap<(String, usize), Vec<&Outcome>> = BTreeMap::new();
    for set in sets {
        let language = if set.is_english() { "English" } else { "other languages" };
        for (mode, outcomes) in modes.iter().enumerate() {
            let of_set: Vec<_> = outcomes.iter().filter(|outcome| outcome.of == set.name).collect();
            let figures = figures(&of_set);
            by_set.extend(
                of_set
                    .first()
                    .map(|first| Row::new(&set.name, &first.mode, figures.clone())),
            );
            means.entry((language, mode)).or_default().push(figures);
            for outcome in of_set.into_iter().filter(|outcome| !outcome.ranks.is_empty()) {
                types
                    .entry((format!("{language}, {}", outcome.kind), mode))
                    .or_default()
                    .push(outcome);
            }
        }
    }
    let name = |mode: usize| modes[mode].first().map_or("", |outcome| &outcome.mode);
    let types = types
        .iter()
        .map(|((kind, mode), of)| Row::new(kind, name(*mode), Figures::of(of, &CUTOFFS)));
    let means = means.iter().map(|((language, mode), sets)| {
        let sets: Vec<_> = sets.iter().collect();
        Row::new(language, name(*mode), Figures::mean(&sets))
    });
    let mut sections = vec![Section::new("types of questions", types.collect())];
    sections.extend(Section::new("sets", by_set).with_regret());
    sections.push(Section::new("means over sets", means.collect()));
    Results {
        texts: texts(sets),
        sections,
    }
}

fn figures(of_set: &[&Outcome]) -> Figures {
    let of_kind = |kind| {
        of_set
            .iter()
            .copied()
            .filter(|outcome| outcome.kind == kind)
            .collect::<Vec<_>>()
    };
    let answerable: Vec<_> = of_set
        .iter()
        .copied()
        .filter(|outcome| !outcome.ranks.is_empty())
        .collect();
    let (off_topic, in_domain) = (of_kind(OFF_TOPIC), of_kind(UNANSWERABLE));
    let said_none = |outcomes: &[&Outcome]| {
        mean(
            outcomes
                .iter()
                .map(|outcome| share(usize::from(outcome.nothing_relevant), 1)),
        )
    };
    let mut figures = Figures::of(&answerable, &CUTOFFS);
    for (name, outcomes) in [("off-topic", &off_topic), ("in-domain", &in_domain)] {
        figures.add(format!("AUC {name}"), auc(&answerable, outcomes));
        figures.add(format!("none {name}"), said_none(outcomes));
    }
    figures.add("none wrongly", said_none(&answerable));
    figures
}

fn texts(sets: &[&Set]) -> String {
    let sum = |count: fn(&Set) -> usize| sets.iter().map(|set| count(set)).sum::<usize>();
    format!(
        "{} notes of {} sets, {} questions and {} unanswerable ones",
        sum(|set| set.memories.len()),
        sets.len(),
        sum(|set| set.questions.len()),
        sum(|set| set.unanswerable.len())
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::eval::notes::dataset::{example, parse};

    #[test]
    fn questions_without_an_answer_count_in_the_scores_alone() {
        let question = json!({"q": "Colour?", "relevant": ["m1"], "type": "single"});
        let sets = parse(&example(&json!([question]))).unwrap();
        let outcome = |kind: &str, ranks: &[Option<usize>], best_score: f32| Outcome {
            mode: "dense".to_owned(),
            of: "diary".to_owned(),
            kind: kind.to_owned(),
            ranks: ranks.to_vec(),
            best_score,
            nothing_relevant: best_score < 0.25,
            ..Outcome::default()
        };
        let outcomes = vec![
            outcome("single", &[Some(1)], 0.5),
            outcome(UNANSWERABLE, &[], 0.5),
            outcome(OFF_TOPIC, &[], 0.1),
        ];
        let results = results(&[&sets[0]], &[outcomes]);
        let rows = results.sections.iter().flat_map(|section| &section.rows);
        let rows = rows.map(|row| (row.name.as_str(), row.figures.questions, row.figures.get("hit@1")));
        let expected = ["English, single", "diary", "English"].map(|name| (name, 1, Some(1.0)));
        assert_eq!(rows.collect::<Vec<_>>(), expected);
        let scores = [
            ("AUC off-topic", Some(1.0)),
            ("AUC in-domain", Some(0.5)),
            ("none off-topic", Some(1.0)),
            ("none in-domain", Some(0.0)),
            ("none wrongly", Some(0.0)),
        ];
        let diary = &results.sections[1].rows[0].figures;
        assert_eq!(scores.map(|(name, _)| (name, diary.get(name))), scores);
        assert_eq!(results.texts, "2 notes of 1 sets, 1 questions and 1 unanswerable ones");
    }
}
