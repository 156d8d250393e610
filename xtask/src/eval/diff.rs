//! Difference between two reports.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::figures::{Figures, show};
use super::report::{Results, Row, Section};

/// Reads the results of a saved report.
///
/// # Errors
/// When the file cannot be read or is no report.
pub(super) fn load(path: &Path) -> Result<Results> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no report of `cargo xtask eval`", path.display()))
}

/// Prints the rows in which a figure changed, with the changes.
pub(super) fn print(before: &Results, now: &Results) {
    if before.texts != now.texts {
        println!("\nWARNING: the earlier report is about other texts: {}", before.texts);
    }
    let Changes {
        sections,
        rows,
        missing,
    } = changes(before, now);
    for section in &sections {
        println!("\nchange: {}\n\n{}", section.title, section.table(signed));
    }
    println!("\n{rows} rows changed, {missing} rows are not in the earlier report");
}

fn signed(name: &str, change: f64) -> String {
    let sign = if change > 0.0 { "+" } else { "" };
    format!("{sign}{}", show(name, change))
}

struct Changes {
    /// Rows with a change, each with the changes instead of the figures.
    sections: Vec<Section>,
    rows: usize,
    /// Number of rows that the earlier report does not have, or with other questions.
    missing: usize,
}

fn changes(before: &Results, now: &Results) -> Changes {
    let (mut sections, mut missing) = (Vec::new(), 0);
    for section in &now.sections {
        let earlier = before.sections.iter().find(|earlier| earlier.title == section.title);
        let mut changed = Section::new(&section.title, Vec::new());
        for row in &section.rows {
            let key = |row: &Row| (row.name.clone(), row.mode.clone(), row.figures.questions);
            let earlier = earlier.and_then(|earlier| earlier.rows.iter().find(|other| key(other) == key(row)));
            let Some(earlier) = earlier else {
                missing += 1;
                continue;
            };
            let figures = difference(&earlier.figures, &row.figures);
            if figures.values.iter().any(|(_, change)| change.is_some()) {
                changed.rows.push(Row::new(&row.name, &row.mode, figures));
            }
        }
        sections.push(changed);
    }
    sections.retain(|section| !section.rows.is_empty());
    Changes {
        rows: sections.iter().map(|section| section.rows.len()).sum(),
        sections,
        missing,
    }
}

/// Returns the changes of figures that both have, without those that round to nothing.
fn difference(before: &Figures, now: &Figures) -> Figures {
    let change = |(name, now): &(String, Option<f64>)| {
        let change = now.zip(before.get(name)).map(|(now, before)| now - before);
        (
            name.clone(),
            change.filter(|change| show(name, change.abs()) != show(name, 0.0)),
        )
    };
    Figures {
        questions: now.questions,
        values: now.values.iter().map(change).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, values: &[(&str, Option<f64>)]) -> Row {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value));
        let values = values.collect();
        Row::new(name, "hybrid", Figures { questions: 1, values })
    }

    fn results(rows: Vec<Row>) -> Results {
        Results {
            sections: vec![Section::new("sets", rows)],
            ..Results::default()
        }
    }

    #[test]
    fn only_what_looks_different_is_shown_with_the_sign_of_the_change() {
        let before = results(vec![
            row(
                "a",
                &[
                    ("hit@1", Some(0.5)),
                    ("hit@3", Some(0.7)),
                    ("tokens", Some(40.0)),
                    ("AUC", None),
                ],
            ),
            row("gone", &[]),
            row("other questions", &[("hit@1", Some(0.5))]),
        ]);
        let mut now = results(vec![
            row(
                "a",
                &[
                    ("hit@1", Some(0.625)),
                    ("hit@3", Some(0.7001)),
                    ("tokens", Some(31.0)),
                    ("AUC", Some(0.9)),
                ],
            ),
            row("new", &[("hit@1", Some(1.0))]),
            row("other questions", &[("hit@1", Some(1.0))]),
        ]);
        now.sections[0].rows[2].figures.questions = 2;
        let Changes {
            sections,
            rows,
            missing,
        } = changes(&before, &now);
        let table = sections[0].table(signed).to_string();
        let lines: Vec<_> = table.lines().map(|line| line.replace(' ', "")).collect();
        assert_eq!(lines[0], "|of|mode|questions|hit@1|tokens|");
        assert_eq!(lines[2..], ["|a|hybrid|1|+12.5|-9|"]);
        assert_eq!((rows, missing), (1, 2));
        assert!(changes(&now, &now).sections.is_empty());
    }

    #[test]
    fn another_file_is_no_report() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "{\"modes\": []}").unwrap();
        let error = load(file.path()).unwrap_err().to_string();
        assert!(error.contains("is no report"), "{error}");
    }
}
