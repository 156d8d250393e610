//! Report of the evaluation: a table for people, and the same with every question as JSON.

use comfy_table::Table;
use context_manager_client::wire::SearchMode;
use serde::Serialize;

use super::ask::Answers;
use super::dataset::Category;
use super::metrics::{Outcome, Summary};
use super::store::Stored;
use crate::eval::IN_FLIGHT;
use crate::eval::figures::percentile;
use crate::report::{milliseconds, table};

/// Results of an evaluation.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    mode: SearchMode,
    conversations: usize,
    contexts: Contexts,
    questions: Questions,
    /// All questions with an answer in the conversation.
    total: Summary,
    categories: Vec<CategorySummary>,
    search: Latency,
    outcomes: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
struct Contexts {
    turns: usize,
    deduplicated: usize,
    pending: usize,
    store_ms: f64,
}

#[derive(Debug, Serialize)]
struct Questions {
    asked: usize,
    /// Questions without evidence among the stored turns.
    skipped: usize,
}

#[derive(Debug, Serialize)]
struct CategorySummary {
    category: Category,
    name: &'static str,
    #[serde(flatten)]
    summary: Summary,
}

#[derive(Debug, Serialize)]
struct Latency {
    searches: usize,
    in_flight: usize,
    degraded: usize,
    p50_ms: f64,
    p99_ms: f64,
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
        let Answers {
            outcomes,
            latencies,
            degraded,
        } = answers;
        let summaries = Category::ALL.map(|category| CategorySummary {
            category,
            name: category.name(),
            summary: Summary::of(&outcomes, |other| other == category),
        });
        Self {
            mode,
            conversations,
            contexts: Contexts {
                turns: stored.contexts.iter().map(std::collections::HashMap::len).sum(),
                deduplicated: stored.deduplicated,
                pending: stored.pending,
                store_ms: milliseconds(stored.took),
            },
            questions: Questions {
                asked: outcomes.len(),
                skipped: questions - outcomes.len(),
            },
            total: Summary::of(&outcomes, Category::in_total),
            categories: summaries
                .into_iter()
                .filter(|category| category.summary.questions > 0)
                .collect(),
            search: Latency {
                searches: latencies.len(),
                in_flight: IN_FLIGHT,
                degraded,
                p50_ms: milliseconds(percentile(&latencies, 50)),
                p99_ms: milliseconds(percentile(&latencies, 99)),
            },
            outcomes,
        }
    }

    /// Builds a table with a row for each category and one for all that count, in percent.
    pub(super) fn table(&self) -> Table {
        let mut header = vec!["category".to_owned(), "questions".to_owned()];
        header.extend(self.total.recall_at.keys().map(|k| format!("recall@{k}")));
        header.extend(["hit@10".to_owned(), "MRR@10".to_owned()]);
        header.extend(
            self.total
                .evidence_within_tokens
                .keys()
                .map(|budget| format!("in {budget} tokens")),
        );

        let mut table = table(header, 1);
        for row in &self.categories {
            table.add_row(cells(&format!("{} {}", u8::from(row.category), row.name), &row.summary));
        }
        table.add_row(cells("1 to 4 together", &self.total));
        table
    }

    /// Returns counts, latency, and reasons to doubt the figures.
    pub(super) fn notes(&self) -> String {
        let Self {
            contexts,
            questions,
            search,
            ..
        } = self;
        let mut notes = vec![
            format!(
                "percent; {} turns stored in {:.0} ms, {} questions asked, {} skipped for want of evidence",
                contexts.turns, contexts.store_ms, questions.asked, questions.skipped
            ),
            format!(
                "{} searches, {} at once: p50 {:.2} ms, p99 {:.2} ms",
                search.searches, search.in_flight, search.p50_ms, search.p99_ms
            ),
        ];
        if contexts.pending > 0 {
            notes.push(format!(
                "WARNING: {} contexts were stored without their vector",
                contexts.pending
            ));
        }
        if search.degraded > 0 {
            notes.push(format!("WARNING: {} searches were answered degraded", search.degraded));
        }
        notes.join("\n")
    }
}

fn cells(name: &str, summary: &Summary) -> Vec<String> {
    let shares = summary.recall_at.values();
    let shares = shares
        .chain([&summary.hit_at_10, &summary.mrr_at_10])
        .chain(summary.evidence_within_tokens.values());
    let shares = shares.map(|share| format!("{:.1}", share * 100.0));
    [name.to_owned(), summary.questions.to_string()]
        .into_iter()
        .chain(shares)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report() -> Report {
        let outcome = |category, rank| Outcome {
            conversation: "c".to_owned(),
            question: 0,
            category,
            ranks: vec![rank],
            within: [0, 0, 1, 1],
        };
        let answers = Answers {
            outcomes: vec![
                outcome(Category::Temporal, Some(4)),
                outcome(Category::Adversarial, None),
            ],
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
    fn table_shows_the_categories_that_were_asked_and_the_total() {
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
    fn notes_warn_of_what_lessens_the_figures() {
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
        assert_eq!(json["categories"][0]["name"], "temporal");
        assert_eq!(json["categories"][0]["mrr_at_10"], 0.25);
        assert_eq!(json["outcomes"][0]["ranks"][0], 4);
    }
}
