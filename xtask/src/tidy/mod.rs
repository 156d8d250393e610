//! `cargo xtask tidy`: keeps the shape of the workspace that no compiler checks.
//!
//! Every check is a pure function from a text or a graph to a list of [`Problem`]s; reading files happens here. All
//! problems are reported at once. Not here: formatting, lints and licences, which have tools of their own.

mod circles;
mod clients;
mod graph;
mod layers;
mod length;
mod links;
mod manifest;
mod problem;
mod purity;
mod scopes;
mod voice;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use comfy_table::Table;

use crate::{process, report};
use graph::Graph;
use problem::Problem;
use voice::Figures;

/// Options of `cargo xtask tidy`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Prints per crate how many doc comments begin with a relative clause, instead of the problems
    #[arg(long)]
    figures: bool,
}

/// Checks the workspace and prints every problem, or the figures of the voice.
///
/// # Errors
/// When something is out of shape, or a file cannot be read.
pub(crate) fn run(args: &Args) -> Result<()> {
    let metadata = process::metadata()?;
    let graph = Graph::from(&metadata);
    let mut problems = layers::check(&graph);
    problems.extend(purity::check(&graph));
    let root = metadata.workspace_root.as_std_path();
    let (mut files, mut figures) = (0, Vec::new());
    for member in metadata.workspace_packages() {
        let path = member.manifest_path.as_std_path();
        problems.extend(manifest::check(&shown(path, root), &read(path)?)?);
        let src = path.with_file_name("src");
        let mut sources = read_all(&src, root, "rs")?;
        problems.extend(circles::check(&shown(&src, root), &sources)?);
        problems.extend(sources.iter().filter_map(|(place, text)| scopes::check(place, text)));
        for folder in ["tests", "benches", "examples"] {
            sources.extend(read_all(&path.with_file_name(folder), root, "rs")?);
        }
        files += sources.len();
        let mut voice = Figures::default();
        for (place, text) in &sources {
            problems.extend(length::check(place, text));
            let (found, counted) = voice::check(place, text);
            problems.extend(found);
            voice += counted;
        }
        figures.push((member.name.to_string(), voice));
    }
    if let Some(member) = metadata.workspace_packages().first() {
        let version = member.version.to_string();
        for (place, beginning) in clients::VERSIONS {
            problems.extend(clients::check(place, beginning, &read(&root.join(place))?, &version));
        }
    }
    for (place, text) in read_all(root, root, "md")? {
        problems.extend(links::check(&place, &root.join(&place), &text));
    }
    if args.figures {
        println!("{}", voice_table(figures));
        return Ok(());
    }
    report_problems(&problems)?;
    println!(
        "tidy: {} crates and {files} source files are in shape",
        graph.members.len()
    );
    Ok(())
}

fn report_problems(problems: &[Problem]) -> Result<()> {
    for problem in problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        1 => bail!("1 thing is out of shape"),
        many => bail!("{many} things are out of shape"),
    }
}

fn voice_table(mut figures: Vec<(String, Figures)>) -> Table {
    let mut total = Figures::default();
    for (_, figures) in &figures {
        total += *figures;
    }
    figures.push(("total".to_owned(), total));
    let mut table = report::table(["crate", "doc comments", "relative clauses", "percent", "phrases"], 1);
    for (name, figures) in figures {
        let per_mille = 1_000 * figures.openings / figures.doc_comments.max(1);
        table.add_row([
            name,
            figures.doc_comments.to_string(),
            figures.openings.to_string(),
            format!("{}.{}", per_mille / 10, per_mille % 10),
            figures.phrases.to_string(),
        ]);
    }
    table
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Reads all files below `folder` with this extension, sorted by path, so that the report is the same on every machine.
fn read_all(folder: &Path, root: &Path, extension: &str) -> Result<Vec<(String, String)>> {
    let mut paths = Vec::new();
    if folder.is_dir() {
        find(folder, extension, &mut paths)?;
    }
    paths.sort();
    paths.iter().map(|path| Ok((shown(path, root), read(path)?))).collect()
}

/// Finds files outside hidden folders and those of builds.
fn find(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        let is_built = name == "target" || name == "node_modules";
        if path.is_dir() && !is_built && !name.to_string_lossy().starts_with('.') {
            find(&path, extension, found)?;
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_in_all_folders_but_hidden_ones_and_sorted() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "z.rs",
            "b/inner.rs",
            "a.rs",
            "notes.md",
            "target/a.rs",
            "node_modules/a.rs",
            ".git/a.rs",
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let found = read_all(folder.path(), folder.path(), "rs").unwrap();
        let expected = ["a.rs", "b/inner.rs", "z.rs"].map(|name| (name.to_owned(), name.to_owned()));
        assert_eq!(found, expected);
    }
}
