//! Report of an evaluation: tables for people, and the same with every question as JSON.

use comfy_table::Table;
use serde::{Deserialize, Serialize};

use super::ask::{Asked, Searched};
use super::figures::{Figures, show};
use super::outcome::Outcome;
use crate::report::table;

/// Name of the mode that should do at least as well as the others.
const HYBRID: &str = "hybrid";

/// Results of an evaluation.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) results: Results,
    /// Remarks that have nothing to do with quality.
    notes: Vec<String>,
    /// One for each mode.
    searched: Vec<Searched>,
    outcomes: Vec<Outcome>,
}

/// Part of a report that another one is compared with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Results {
    /// Texts and questions; figures are comparable if it is the same.
    pub(super) texts: String,
    pub(super) sections: Vec<Section>,
}

/// A table.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// Mode of the searches.
    pub(super) mode: String,
    #[serde(flatten)]
    pub(super) figures: Figures,
}

impl Row {
    pub(super) fn new(name: &str, mode: &str, figures: Figures) -> Self {
        let (name, mode) = (name.to_owned(), mode.to_owned());
        Self { name, mode, figures }
    }
}

impl Section {
    pub(super) fn new(title: &str, rows: Vec<Row>) -> Self {
        Self {
            title: title.to_owned(),
            rows,
        }
    }

    /// Returns this section, and one that compares hybrid search with the other modes if both were measured.
    pub(super) fn with_regret(self) -> Vec<Self> {
        let regret = self.regret();
        [self].into_iter().chain(regret).collect()
    }

    fn regret(&self) -> Option<Self> {
        let hybrid = self.rows.iter().filter(|row| row.mode == HYBRID);
        let rows = hybrid.filter_map(|row| {
            let others = self
                .rows
                .iter()
                .filter(|other| other.name == row.name && other.mode != HYBRID);
            let others: Vec<_> = others.map(|other| &other.figures).collect();
            (!others.is_empty()).then(|| Row::new(&row.name, HYBRID, row.figures.less_the_best_of(&others)))
        });
        let rows: Vec<_> = rows.collect();
        (!rows.is_empty()).then(|| Self::new("hybrid less the better of the other modes", rows))
    }

    /// Builds a table with a column for each figure that any row has, as `show` shows it.
    pub(super) fn table(&self, show: impl Fn(&str, f64) -> String) -> Table {
        let mut names: Vec<&str> = Vec::new();
        for (name, value) in self.rows.iter().flat_map(|row| &row.figures.values) {
            if value.is_some() && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let header = ["of", "mode", "questions"].into_iter().chain(names.iter().copied());
        let mut table = table(header, 2);
        for Row { name, mode, figures } in &self.rows {
            let cell = |name: &&str| figures.get(name).map_or("-".to_owned(), |value| show(name, value));
            let cells = [name.clone(), mode.clone(), figures.questions.to_string()];
            table.add_row(cells.into_iter().chain(names.iter().map(cell)));
        }
        table
    }
}

impl Report {
    pub(super) fn new(results: Results, notes: Vec<String>, asked: Asked) -> Self {
        Self {
            results,
            notes,
            searched: asked.searched,
            outcomes: asked.outcomes.into_iter().flatten().collect(),
        }
    }

    /// Prints the tables and the notes.
    pub(super) fn print(&self) {
        for section in &self.results.sections {
            println!("\n{}\n\n{}", section.title, section.table(show));
        }
        println!("\npercent, tokens aside; {}", self.results.texts);
        for note in self
            .notes
            .iter()
            .cloned()
            .chain(self.searched.iter().flat_map(Searched::notes))
        {
            println!("{note}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, mode: &str, values: &[(&str, Option<f64>)]) -> Row {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value));
        let figures = Figures {
            questions: 4,
            values: values.collect(),
        };
        Row::new(name, mode, figures)
    }

    #[test]
    fn a_table_has_a_column_for_each_figure_that_any_row_has() {
        let rows = vec![
            row(
                "german",
                "hybrid",
                &[("hit@1", Some(0.25)), ("AUC", None), ("never", None)],
            ),
            row(
                "chat",
                "dense",
                &[("hit@1", Some(1.0)), ("AUC", Some(0.5)), ("never", None)],
            ),
        ];
        let table = Section::new("sets", rows).table(show).to_string();
        let cells = |line: &str| {
            line.split_whitespace()
                .filter(|cell| *cell != "|")
                .collect::<Vec<_>>()
                .join(" ")
        };
        let lines: Vec<_> = table.lines().map(cells).collect();
        assert_eq!(lines[0], "of mode questions hit@1 AUC");
        assert_eq!(lines[2..], ["german hybrid 4 25.0 -", "chat dense 4 100.0 50.0"]);
    }

    #[test]
    fn regret_is_to_the_better_of_the_other_modes_of_the_same_row() {
        let share = |share| [("hit@1", Some(share))];
        let rows = vec![
            row("a", "dense", &share(0.75)),
            row("a", "hybrid", &share(0.5)),
            row("a", "lexical", &share(0.25)),
            row("b", "dense", &share(1.0)),
        ];
        let regret = Section::new("sets", rows).regret().unwrap();
        assert_eq!(regret.rows, [row("a", "hybrid", &share(-0.25))]);
        assert!(regret.regret().is_none());
    }

    #[test]
    fn results_are_read_back_from_json() {
        let results = Results {
            texts: "4 notes".to_owned(),
            sections: vec![Section::new(
                "sets",
                vec![row("a", "dense", &[("AUC", None), ("hit@1", Some(0.5))])],
            )],
        };
        let json = serde_json::to_value(Report::new(results, Vec::new(), Asked::default())).unwrap();
        assert_eq!(json["sections"][0]["rows"][0]["values"]["hit@1"], 0.5);
        let read: Results = serde_json::from_value(json).unwrap();
        assert_eq!(
            read.sections[0].rows,
            [row("a", "dense", &[("AUC", None), ("hit@1", Some(0.5))])]
        );
    }
}
