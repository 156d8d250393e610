//! Difference between two reports.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::Table;

use super::figures::show;
use super::report::{Results, Row, Section};
use crate::report::table;

/// Reads the results of a saved report.
///
/// # Errors
/// When the file cannot be read or is no report.
pub(super) fn load(path: &Path) -> Result<Results> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no report of `cargo xtask eval`", path.display()))
}

/// Prints the figures that differ.
pub(super) fn print(before: &Results, now: &Results) {
    if before.texts != now.texts {
        println!("\nWARNING: the earlier report is about other texts: {}", before.texts);
    }
    let Differences { table, count, missing } = differences(before, now);
    println!("\nchanged since the earlier report\n");
    if count > 0 {
        println!("{table}");
    }
    println!("{count} figures differ; {missing} rows are in one report only");
}

/// Differences as they are shown: what rounds to the same number is the same.
struct Differences {
    table: Table,
    count: usize,
    missing: usize,
}

fn differences(before: &Results, now: &Results) -> Differences {
    let mut table = table(["of", "mode", "figure", "before", "now", "change"], 3);
    let (mut count, mut common) = (0, 0);
    for section in &now.sections {
        let earlier = before.sections.iter().find(|earlier| earlier.title == section.title);
        for row in &section.rows {
            let same = |other: &&Row| (&other.name, &other.mode) == (&row.name, &row.mode);
            let Some(earlier) = earlier.and_then(|earlier| earlier.rows.iter().find(same)) else {
                continue;
            };
            common += 1;
            for (figure, value) in &row.figures.values {
                let (was, is) = (earlier.figures.get(figure), *value);
                let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| show(figure, value));
                if shown(was) == shown(is) {
                    continue;
                }
                count += 1;
                let change = was.zip(is).map(|(was, is)| is - was);
                let sign = if change.is_some_and(|change| change > 0.0) {
                    "+"
                } else {
                    ""
                };
                let name = format!("{}: {}", section.title, row.name);
                let change = format!("{sign}{}", shown(change));
                table.add_row([name, row.mode.clone(), figure.clone(), shown(was), shown(is), change]);
            }
        }
    }
    let rows = |results: &Results| -> usize {
        results
            .sections
            .iter()
            .map(|section: &Section| section.rows.len())
            .sum()
    };
    Differences {
        table,
        count,
        missing: rows(before) + rows(now) - 2 * common,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::figures::Figures;

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
    fn only_figures_that_look_different_are_shown_with_the_sign_of_the_change() {
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
        ]);
        let now = results(vec![
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
        ]);
        let Differences { table, count, missing } = differences(&before, &now);
        let rows: Vec<_> = table
            .to_string()
            .lines()
            .skip(2)
            .map(|line| line.replace(' ', ""))
            .collect();
        let expected = [
            "|sets:a|hybrid|hit@1|50.0|62.5|+12.5|",
            "|sets:a|hybrid|tokens|40|31|-9|",
            "|sets:a|hybrid|AUC|-|90.0|-|",
        ];
        assert_eq!(rows, expected);
        assert_eq!((count, missing), (3, 2));
        assert_eq!(differences(&now, &now).count, 0);
    }

    #[test]
    fn another_file_is_no_report() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "{\"modes\": []}").unwrap();
        let error = load(file.path()).unwrap_err().to_string();
        assert!(error.contains("is no report"), "{error}");
    }
}
