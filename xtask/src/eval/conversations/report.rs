//! Report of the evaluation on conversations: by category, and all that count.

use super::dataset::{Category, Conversation};
use crate::eval::figures::Figures;
use crate::eval::outcome::Outcome;
use crate::eval::report::{Results, Row, Section};

/// Cutoffs of recall@k.
const CUTOFFS: [usize; 3] = [5, 10, 20];

/// Averages over the questions of each category, and of all that count; `modes` hold the outcomes of each mode.
pub(super) fn results(conversations: &[Conversation], modes: &[Vec<Outcome>]) -> Results {
    let categories = Category::all().map(|category| (category.to_string(), vec![category.to_string()]));
    let total = Category::all().filter(|category| category.in_total());
    let total = (
        "1 to 4 together".to_owned(),
        total.map(|category| category.to_string()).collect(),
    );
    let mut rows = Vec::new();
    for (name, kinds) in categories.chain([total]) {
        rows.extend(modes.iter().filter_map(|outcomes| {
            let chosen: Vec<_> = outcomes
                .iter()
                .filter(|outcome| kinds.contains(&outcome.kind))
                .collect();
            let mode = &chosen.first()?.mode;
            Some(Row::new(&name, mode, Figures::of(&chosen, &CUTOFFS)))
        }));
    }
    let section = Section::new("categories", rows);
    let asked = modes.first().map_or(0, Vec::len);
    let sum = |count: fn(&Conversation) -> usize| conversations.iter().map(count).sum::<usize>();
    Results {
        texts: format!(
            "{} turns of {} conversations, {asked} questions, {} more skipped for want of evidence",
            sum(Conversation::turn_count),
            conversations.len(),
            sum(|conversation| conversation.questions.len()) - asked
        ),
        sections: section.with_regret(),
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
        let results = results(&conversations, &modes);
        let rows: Vec<_> = results.sections[0]
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
            results.texts,
            "0 turns of 1 conversations, 2 questions, 1 more skipped for want of evidence"
        );
    }
}
