//! Edits of a file's text.

use super::path::FilePath;
use super::view::numbered;

/// Maximum number of lines that a message names.
const MAX_NAMED_LINES: usize = 100;

/// Changed text, and the message about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) text: String,
    pub(super) message: String,
}

/// Replaces a text that stands in a file once.
///
/// # Errors
/// Message if it does not.
pub(super) fn replace(path: &FilePath, text: &str, old: &str, new: &str) -> Result<Edit, String> {
    let Some(at) = text.find(old).filter(|_| !old.is_empty()) else {
        return Err(format!(
            "No replacement was performed, old_str `{old}` did not appear verbatim in {path}."
        ));
    };
    let line = |at: usize| text[..at].matches('\n').count();
    if text[at + old.len()..].contains(old) {
        let lines = occurrences(text, old);
        return Err(format!(
            "No replacement was performed. Multiple occurrences of old_str `{old}` in lines: {lines}. Please ensure it is unique"
        ));
    }
    let changed = text.replacen(old, new, 1);
    let first = line(at).saturating_sub(2);
    let lines: Vec<_> = changed.split('\n').skip(first).take(line(at) + 3 - first).collect();
    let snippet = numbered(&lines, first + 1);
    Ok(Edit {
        message: format!(
            "The memory file has been edited. Here is the snippet showing the change (with line numbers):\n{snippet}"
        ),
        text: changed,
    })
}

/// Returns the numbers of the lines in which a text begins.
fn occurrences(text: &str, old: &str) -> String {
    let (mut lines, mut line, mut at) = (Vec::new(), 1, 0);
    while let Some(found) = text[at..].find(old) {
        line += text[at..at + found].matches('\n').count();
        if lines.len() == MAX_NAMED_LINES {
            lines.push("…".to_owned());
            break;
        }
        lines.push(line.to_string());
        // Occurrences may overlap.
        let first = old.chars().next().map_or(1, char::len_utf8);
        line += usize::from(old.starts_with('\n'));
        at += found + first;
    }
    lines.join(", ")
}

/// Inserts lines after line `after`.
///
/// # Errors
/// Message if there is no such line.
pub(super) fn insert(path: &FilePath, text: &str, after: i64, inserted: &str) -> Result<Edit, String> {
    let mut lines: Vec<&str> = text.split('\n').collect();
    // A line break at the end ends the last line and begins none.
    lines.pop_if(|last| last.is_empty());
    let Some(index) = usize::try_from(after).ok().filter(|&index| index <= lines.len()) else {
        let count = lines.len();
        return Err(format!(
            "Error: Invalid `insert_line` parameter: {after}. It should be within the range of lines of the file: [0, {count}]"
        ));
    };
    lines.insert(index, inserted.strip_suffix('\n').unwrap_or(inserted));
    Ok(Edit {
        text: lines.join("\n") + "\n",
        message: format!("The file {path} has been edited."),
    })
}
