//! Views of files and directories.

use std::collections::BTreeMap;

use super::path::FilePath;
use super::store::Entry;

/// Maximum number of lines of a file that is shown: the numbers have six digits.
const MAX_LINES: usize = 999_999;
/// Maximum number of entries of a listing.
const MAX_ENTRIES: usize = 1_000;

/// Returns a file with line numbers.
///
/// # Errors
/// Message if there are too many lines, or none in the range.
pub(super) fn file(path: &FilePath, text: &str, range: Option<(i64, i64)>) -> Result<String, String> {
    let lines: Vec<&str> = text.split('\n').collect();
    let count = lines.len();
    if count > MAX_LINES {
        return Err(format!("File {path} exceeds maximum line limit of 999,999 lines."));
    }
    let (first, last) = range.unwrap_or((1, -1));
    let start = usize::try_from(first).unwrap_or_default().max(1);
    let end = if last == -1 {
        count
    } else {
        usize::try_from(last).unwrap_or_default().min(count)
    };
    if start > end {
        return Err(format!(
            "Error: Invalid `view_range` parameter: [{first}, {last}]. It should be within the range of lines of the file: [1, {count}]"
        ));
    }
    let shown = numbered(&lines[start - 1..end], start);
    Ok(format!("Here's the content of {path} with line numbers:\n{shown}"))
}

/// Returns lines with their numbers, from `first` on.
pub(super) fn numbered(lines: &[&str], first: usize) -> String {
    let lines = (first..)
        .zip(lines)
        .map(|(number, line)| format!("{number:>6}\t{line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the files and directories up to two levels below a directory, with their sizes.
pub(super) fn directory(path: &FilePath, files: &[Entry]) -> String {
    let mut shown: BTreeMap<Vec<&str>, (u64, bool)> = BTreeMap::new();
    for file in files {
        let Some(below) = path.relative(&file.path) else {
            continue;
        };
        let segments: Vec<&str> = below.split('/').collect();
        for depth in 1..=segments.len().min(2) {
            let name = segments[depth - 1];
            if name.starts_with('.') || name == "node_modules" {
                break;
            }
            let (bytes, _) = shown
                .entry(segments[..depth].to_vec())
                .or_insert((0, depth < segments.len()));
            *bytes += file.bytes;
        }
    }
    let total = size(files.iter().map(|file| file.bytes).sum());
    let mut lines = vec![
        format!(
            "Here're the files and directories up to 2 levels deep in {path}, excluding hidden items and node_modules:"
        ),
        format!("{total}\t{path}"),
    ];
    for (segments, (bytes, is_directory)) in shown.iter().take(MAX_ENTRIES) {
        let slash = if *is_directory { "/" } else { "" };
        lines.push(format!("{}\t{path}/{}{slash}", size(*bytes), segments.join("/")));
    }
    if shown.len() > MAX_ENTRIES {
        lines.push(format!(
            "({} more are not shown; view a directory of them)",
            shown.len() - MAX_ENTRIES
        ));
    }
    lines.join("\n")
}

/// Returns a size as `ls -h` writes it.
fn size(bytes: u64) -> String {
    let (mut unit, mut suffix) = (1_u64, 'B');
    for larger in ['K', 'M', 'G'] {
        if bytes / unit < 1024 {
            break;
        }
        (unit, suffix) = (unit * 1024, larger);
    }
    if bytes.is_multiple_of(unit) {
        return format!("{}{suffix}", bytes / unit);
    }
    // Tenths, rounded: sizes of memories are far from where a float would differ.
    let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
    format!("{}.{}{suffix}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_short() {
        for (bytes, expected) in [
            (0, "0B"),
            (1, "1B"),
            (1023, "1023B"),
            (1024, "1K"),
            (1536, "1.5K"),
            (2048, "2K"),
            (5632, "5.5K"),
            (1024 * 1024, "1M"),
            (1_258_291, "1.2M"),
            (3 * 1024 * 1024 * 1024, "3G"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }
}
