//! Relative links of Markdown files: the file exists, and so does the heading after `#`.
//!
//! Links to other sites are not followed: no check needs the network.

use std::fs;
use std::path::Path;

use super::problem::Problem;

/// Finds the broken links in the Markdown `text` of the file at `path`, to be reported as `place`.
pub(super) fn check(place: &str, path: &Path, text: &str) -> Vec<Problem> {
    let broken = targets(text)
        .into_iter()
        .filter(|target| !leads_somewhere(path, text, target));
    let problem = |target| {
        Problem::new(
            place,
            format!("the link to `{target}` leads nowhere"),
            "correct the path or the heading after `#`",
        )
    };
    broken.map(problem).collect()
}

/// The targets of the links in a text, without those to other sites.
fn targets(text: &str) -> Vec<&str> {
    let prose = outside_code(text);
    let inline = prose.clone().flat_map(|line| {
        line.split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', ' ']).next())
    });
    let reference = prose.filter_map(|line| {
        line.strip_prefix('[')?
            .split_once("]: ")
            .map(|(_, target)| target.trim())
    });
    inline
        .chain(reference)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

fn leads_somewhere(from: &Path, text: &str, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    if file.is_empty() {
        return has_heading(text, anchor);
    }
    let path = from.with_file_name("").join(file);
    path.exists() && (anchor.is_empty() || fs::read_to_string(&path).is_ok_and(|text| has_heading(&text, anchor)))
}

fn has_heading(text: &str, anchor: &str) -> bool {
    outside_code(text).any(|line| line.starts_with('#') && slug(line.trim_start_matches('#').trim()) == anchor)
}

/// The anchor that GitHub and mdBook give a heading.
fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The lines that are not in a fenced block of code.
fn outside_code(text: &str) -> impl Iterator<Item = &str> + Clone {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_missing_files_and_headings_are_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("other.md"),
            "# Other\n## Keys & `TLS`, step-by-step\n",
        )
        .unwrap();
        let text = "# Here\n[a](other.md) [b](other.md#keys--tls-step-by-step), [c](#here)\n\
                    [d](https://example.org/x) [e](gone.md) [f](other.md#gone \"title\") [g](#gone)\n\
                    [r]: other.md\n[s]: gone/\n```\n[x](code.md)\n```\n";
        let problems = check("a.md", &folder.path().join("a.md"), text);
        let found: Vec<_> = problems
            .iter()
            .map(|problem| problem.found.split('`').nth(1).unwrap())
            .collect();
        assert_eq!(found, ["gone.md", "other.md#gone", "#gone", "gone/"]);
    }
}
