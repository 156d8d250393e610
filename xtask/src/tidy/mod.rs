//! `cargo xtask tidy`: keeps the shape of the workspace that no compiler checks.
//!
//! Every check is a pure function from what was read to a list of [`Problem`]s; reading happens here. All problems are
//! reported at once. Not here: formatting, lints, licences, which have tools of their own.

mod graph;
mod layers;
mod length;
mod manifest;
mod purity;
mod scopes;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process;
use graph::Graph;

/// Something out of shape: where, what, and how to put it right.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    /// A file, or an edge such as `a -> b`.
    place: String,
    found: String,
    remedy: String,
}

impl Problem {
    fn new(place: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            found: found.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.found, self.remedy)
    }
}

/// Checks the workspace and prints every problem.
///
/// # Errors
/// When something is out of shape, or a file cannot be read.
pub(crate) fn run() -> Result<()> {
    let metadata = process::metadata()?;
    let graph = Graph::from(&metadata);
    let mut problems = layers::check(&graph);
    problems.extend(purity::check(&graph));
    let root = metadata.workspace_root.as_std_path();
    let mut files = 0;
    for member in metadata.workspace_packages() {
        let path = member.manifest_path.as_std_path();
        problems.extend(manifest::check(&shown(path, root), &read(path)?)?);
        for source in rust_files(&path.with_file_name("src"))? {
            files += 1;
            let (place, text) = (shown(&source, root), read(&source)?);
            problems.extend(length::check(&place, &text));
            problems.extend(scopes::check(&place, &text));
        }
    }
    if problems.is_empty() {
        println!(
            "tidy: {} crates and {files} source files are in shape",
            graph.members.len()
        );
        return Ok(());
    }
    for problem in &problems {
        println!("{problem}");
    }
    bail!(
        "{} out of shape",
        if problems.len() == 1 {
            "1 thing is".to_owned()
        } else {
            format!("{} things are", problems.len())
        }
    )
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// All `.rs` files below `folder`, sorted, so that the report is the same on every machine.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_files_are_found_in_all_folders_and_sorted() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for file in ["z.rs", "b/inner.rs", "a.rs", "notes.md"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let found = rust_files(folder.path()).unwrap();
        let names: Vec<_> = found.iter().map(|path| shown(path, folder.path())).collect();
        assert_eq!(names, ["a.rs", "b/inner.rs", "z.rs"]);
    }

    #[test]
    fn problem_names_the_place_and_the_remedy() {
        let problem = Problem::new("a -> b", "not allowed", "remove it");
        assert_eq!(problem.to_string(), "a -> b: not allowed\n    remove it");
    }
}
