//! Reports of measurements: rounded numbers in tables, all numbers in a JSON file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// Returns an empty table with this header; the first `names` columns hold names, the others numbers.
pub(crate) fn table<S: Into<String>>(header: impl IntoIterator<Item = S>, names: usize) -> Table {
    let mut table = Table::new();
    let header = header.into_iter().map(Into::into).collect::<Vec<String>>();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Writes `report` as JSON, making the folder if needed.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_json(path: &Path, report: &impl Serialize) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let json = serde_json::to_string_pretty(report)?;
    fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))
}

/// Converts a duration to milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_written_into_a_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/report.json");
        write_json(&path, &serde_json::json!({"a": 1})).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn names_are_aligned_left_and_numbers_right() {
        let mut table = table(["name", "number"], 1);
        table.add_row(["a", "1"]);
        assert!(table.to_string().ends_with("| a    |      1 |"), "{table}");
    }
}
