//! Report of the evaluation: a table for people, and the same with every question as JSON.

use std::collections::BTreeMap;

use comfy_table::Table;
use context_manager_client::wire::SearchMode;
use serde::Serialize;

use super::ask::{Answers, BUDGETS, Outcome};
use super::dataset::Category;
use super::store::Stored;
use crate::eval::calls::IN_FLIGHT;
use crate::eval::figures::{Figures, Latency, mean, percent, share};
use crate::report::{milliseconds, table};

/// Results of an evaluation.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    mode: SearchMode,
    conversations: usize,
    turns: usize,
    deduplicated: usize,
    pending: usize,
    store_ms: f64,
    asked: usize,
    /// Number of questions without evidence among the stored turns.
    skipped: usize,
    /// All questions with an answer in the conversation.
    total: Summary,
    categories: Vec<CategorySummary>,
    in_flight: usize,
    degraded: usize,
    search: Latency,
    outcomes: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
struct CategorySummary {
    category: Category,
    name: &'static str,
    #[serde(flatten)]
    summary: Summary,
}

/// Cutoffs of recall@k.
const CUTOFFS: [usize; 3] = [5, 10, 20];

/// Means over questions.
#[derive(Debug, Serialize)]
struct Summary {
    #[serde(flatten)]
    figures: Figures,
    /// Share of the evidence in the results of a search, by its `max_tokens`.
    evidence_within_tokens: BTreeMap<usize, f64>,
}

impl Summary {
    /// Averages over the questions whose category `counts`.
    fn of(outcomes: &[Outcome], counts: impl Fn(Category) -> bool) -> Self {
        let chosen: Vec<_> = outcomes.iter().filter(|outcome| counts(outcome.category)).collect();
        let ranks: Vec<_> = chosen.iter().map(|outcome| &outcome.ranks).collect();
        let within = |budget: usize| mean(&chosen, |outcome| share(outcome.within[budget], outcome.ranks.len()));
        Self {
            figures: Figures::of(&ranks, &CUTOFFS),
            evidence_within_tokens: (0..BUDGETS.len())
                .map(|budget| (BUDGETS[budget], within(budget)))
                .collect(),
        }
    }

    fn cells(&self, name: String) -> impl Iterator<Item = String> {
        let within = self.evidence_within_tokens.values().map(|share| percent(*share));
        [name, self.figures.questions.to_string()]
            .into_iter()
            .chain(self.figures.cells())
            .chain(within)
    }
}

impl Report {
    /// Builds the report; `questions` includes those that were not asked.
    pub(super) fn new(
        mode: SearchMode,
        conversations: usize,
        stored: &Stored,
        questions: usize,
        answers: Answers,
    ) -> Self {
        let outcomes = answers.outcomes;
        let categories = Category::all().map(|category| CategorySummary {
            category,
            name: category.name(),
            summary: Summary::of(&outcomes, |other| other == category),
        });
        Self {
            mode,
            conversations,
            turns: stored.contexts.iter().map(std::collections::HashMap::len).sum(),
            deduplicated: stored.deduplicated,
            pending: stored.pending,
            store_ms: milliseconds(stored.took),
            asked: outcomes.len(),
            skipped: questions - outcomes.len(),
            total: Summary::of(&outcomes, Category::in_total),
            categories: categories
                .filter(|category| category.summary.figures.questions > 0)
                .collect(),
            in_flight: IN_FLIGHT,
            degraded: answers.degraded,
            search: Latency::of(&answers.latencies),
            outcomes,
        }
    }

    /// Builds a table with a row for each category and one for all that count, in percent.
    pub(super) fn table(&self) -> Table {
        let recall = CUTOFFS.map(|k| format!("recall@{k}"));
        let within = BUDGETS.map(|budget| format!("in {budget} tokens"));
        let header = ["category", "questions"].map(str::to_owned).into_iter().chain(recall);
        let header = header.chain(["hit@10", "MRR@10"].map(str::to_owned)).chain(within);
        let mut table = table(header, 1);
        for row in &self.categories {
            table.add_row(row.summary.cells(format!("{} {}", u8::from(row.category), row.name)));
        }
        table.add_row(self.total.cells("1 to 4 together".to_owned()));
        table
    }

    /// Returns counts, latency, and reasons to doubt the figures.
    pub(super) fn notes(&self) -> String {
        let search = &self.search;
        let mut notes = vec![
            format!(
                "percent; {} turns stored in {:.0} ms, {} questions asked, {} skipped for want of evidence",
                self.turns, self.store_ms, self.asked, self.skipped
            ),
            format!(
                "{} searches, {} at once: p50 {:.2} ms, p99 {:.2} ms",
                search.searches, self.in_flight, search.p50_ms, search.p99_ms
            ),
        ];
        if self.pending > 0 {
            notes.push(format!(
                "WARNING: {} contexts were stored without their vector",
                self.pending
            ));
        }
        if self.degraded > 0 {
            notes.push(format!("WARNING: {} searches were answered degraded", self.degraded));
        }
        notes.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report() -> Report {
        let outcome = |category: u8, rank| Outcome {
            conversation: "c".to_owned(),
            question: 0,
            category: category.try_into().unwrap(),
            ranks: vec![rank],
            within: [0, 0, 1, 1],
        };
        let answers = Answers {
            outcomes: vec![outcome(2, Some(4)), outcome(5, None)],
            latencies: vec![Duration::from_millis(2), Duration::from_millis(3)],
            degraded: 1,
        };
        Report::new(
            SearchMode::Hybrid,
            1,
            &Stored {
                pending: 3,
                ..Stored::default()
            },
            5,
            answers,
        )
    }

    #[test]
    fn the_table_shows_the_categories_asked_and_the_total() {
        let table = report().table().to_string();
        let rows: Vec<Vec<_>> = table
            .lines()
            .skip(2)
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .collect();
        let temporal = [
            "2 temporal",
            "1",
            "100.0",
            "100.0",
            "100.0",
            "100.0",
            "25.0",
            "0.0",
            "0.0",
            "100.0",
            "100.0",
        ];
        assert_eq!(rows[0][1..12], temporal);
        assert_eq!(rows[1][1..4], ["5 adversarial", "1", "0.0"]);
        assert_eq!(rows[2][1..4], ["1 to 4 together", "1", "100.0"]);
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn notes_give_reasons_to_doubt_the_figures() {
        let notes = report().notes();
        for part in [
            "2 questions asked, 3 skipped",
            "p50 2.00 ms, p99 3.00 ms",
            "3 contexts",
            "1 searches",
        ] {
            assert!(notes.contains(part), "{part} is not in: {notes}");
        }
    }

    #[test]
    fn json_holds_the_figures_and_every_question() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["total"]["recall_at"]["10"], 1.0);
        assert_eq!(json["total"]["evidence_within_tokens"]["2000"], 1.0);
        assert_eq!(json["categories"][0]["mrr_at_10"], 0.25);
        assert_eq!(json["outcomes"][0]["ranks"][0], 4);
    }
}
