//! Report of the evaluation on conversations: by category, and all that count.

use super::dataset::{Category, Conversation};
use crate::eval::figures::Figures;
use crate::eval::outcome::Outcome;
use crate::eval::report::{Report, Results, Row, Section};

/// Cutoffs of recall@k.
const CUTOFFS: [usize; 3] = [5, 10, 20];

/// Builds the report; `modes` hold the outcomes of each mode.
pub(super) fn of(conversations: &[Conversation], modes: Vec<Vec<Outcome>>) -> Report {
    let rows = |name: &str, counts: &dyn Fn(Category) -> bool| {
        let kinds: Vec<_> = Category::all()
            .filter(|category| counts(*category))
            .map(|category| category.to_string())
            .collect();
        let row = |outcomes: &Vec<Outcome>| {
            let chosen: Vec<_> = outcomes
                .iter()
                .filter(|outcome| kinds.contains(&outcome.kind))
                .collect();
            let mode = &chosen.first()?.mode;
            Some(Row::new(name, mode, Figures::of(&chosen, &CUTOFFS)))
        };
        modes.iter().filter_map(row).collect::<Vec<_>>()
    };
    let mut rows_of_all: Vec<_> = Category::all()
        .flat_map(|category| rows(&category.to_string(), &|other| other == category))
        .collect();
    rows_of_all.extend(rows("1 to 4 together", &Category::in_total));
    let section = Section::new("categories", rows_of_all);
    let regret = section.regret();

    let asked = modes.first().map_or(0, Vec::len);
    let questions: usize = conversations
        .iter()
        .map(|conversation| conversation.questions.len())
        .sum();
    let turns: usize = conversations.iter().map(Conversation::turn_count).sum();
    Report {
        results: Results {
            texts: format!(
                "{turns} turns of {} conversations, {asked} questions, {} more skipped for want of evidence",
                conversations.len(),
                questions - asked
            ),
            sections: [section].into_iter().chain(regret).collect(),
        },
        outcomes: modes.into_iter().flatten().collect(),
        ..Report::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adversarial_questions_have_a_row_and_do_not_count_in_the_total() {
        let outcome = |mode: &str, category: u8, rank| Outcome {
            mode: mode.to_owned(),
            kind: Category::try_from(category).unwrap().to_string(),
            ranks: vec![rank],
            ..Outcome::default()
        };
        let modes = ["hybrid", "dense"].map(|mode| vec![outcome(mode, 2, Some(4)), outcome(mode, 5, None)]);
        let conversations: Vec<Conversation> = serde_json::from_str(
            r#"[{"conversation_id": "c", "sessions": [], "questions": [
                {"question": "a", "category": 2, "evidence": ["D1:1"]}, {"question": "b", "category": 5, "evidence": ["D1:1"]},
                {"question": "c", "category": 1, "evidence": []}]}]"#,
        )
        .unwrap();
        let report = of(&conversations, modes.into());
        let rows: Vec<_> = report.results.sections[0]
            .rows
            .iter()
            .map(|row| {
                (
                    row.name.as_str(),
                    row.mode.as_str(),
                    row.figures.questions,
                    row.figures.get("recall@5"),
                )
            })
            .collect();
        let expected = [
            ("2 temporal", "hybrid", 1, Some(1.0)),
            ("2 temporal", "dense", 1, Some(1.0)),
            ("5 adversarial", "hybrid", 1, Some(0.0)),
            ("5 adversarial", "dense", 1, Some(0.0)),
            ("1 to 4 together", "hybrid", 1, Some(1.0)),
            ("1 to 4 together", "dense", 1, Some(1.0)),
        ];
        assert_eq!(rows, expected);
        assert_eq!(
            report.results.texts,
            "0 turns of 1 conversations, 2 questions, 1 more skipped for want of evidence"
        );
    }
}
