//! Evaluation on notes: sets of short memories, each with questions in other words, and questions that none of them answers.
//!
//! Each set is a user's. Beside the shared figures, **AUC in-domain** and **AUC off-topic** tell how well the best score
//! separates a set's questions from its own unanswerable ones, and from the questions of other sets in its language; **none**
//! is the share of such questions, and of those with an answer, of which the server said that nothing is relevant.

mod abstention;
mod dataset;
mod report;
mod tasks;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{SearchMode, Written};

use super::ask::ask_all;
use super::place::Place;
use super::report::Report;
use super::store::{settle, store};
use crate::subject::word;
use dataset::Set;

/// Sets of notes, and the modes of searches.
#[derive(Debug, clap::Args)]
// Named, as other types have this name.
#[group(id = "notes")]
pub(super) struct Args {
    /// Sets of notes with their questions (JSON)
    #[arg(long, value_name = "FILE")]
    dataset: PathBuf,
    /// Measures with these sets only
    #[arg(long, value_name = "NAME", num_args = 1..)]
    set: Vec<String>,
    /// Search modes, each measured in turn
    #[arg(long, value_delimiter = ',', default_value = "hybrid,dense,lexical", value_parser = word::<SearchMode>)]
    mode: Vec<SearchMode>,
    #[command(flatten)]
    place: Place,
}

/// Runs the evaluation, prints its tables and writes its report.
///
/// # Errors
/// When the dataset cannot be read or lacks a chosen set, the server does not start, or a call fails.
pub(super) fn run(args: &Args, target: &Path) -> Result<()> {
    let sets = dataset::load(&args.dataset)?;
    let chosen = choose(&sets, &args.set)?;
    args.place
        .evaluate(target, async |client| measure(&args.mode, &sets, &chosen, client).await)
}

/// Returns the sets with these names, or all without names.
fn choose<'a>(sets: &'a [Set], names: &[String]) -> Result<Vec<&'a Set>> {
    for name in names {
        let known: Vec<_> = sets.iter().map(|set| set.name.as_str()).collect();
        ensure!(
            known.contains(&name.as_str()),
            "there is no set {name}, but {}",
            known.join(", ")
        );
    }
    let chosen: Vec<_> = sets
        .iter()
        .filter(|set| names.is_empty() || names.contains(&set.name))
        .collect();
    ensure!(!chosen.is_empty(), "there is no set to measure with");
    Ok(chosen)
}

async fn measure(modes: &[SearchMode], sets: &[Set], chosen: &[&Set], client: &Client) -> Result<Report> {
    println!("storing the notes of {} sets", chosen.len());
    let mut tasks = Vec::new();
    for &set in chosen {
        let written = store(client, &tasks::contexts(set)).await?;
        let ids: Vec<_> = written.iter().map(Written::id).collect();
        tasks.extend(tasks::of(set, &ids, sets));
    }
    let settled = settle(client).await?;
    let asked = ask_all(client, modes, &tasks, &tasks::PLAN).await?;
    Ok(Report::new(
        report::results(chosen, &asked.outcomes),
        vec![settled],
        asked,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_chosen_by_name_and_an_unknown_one_is_an_error() {
        let sets = dataset::parse(&dataset::example(&serde_json::json!([]))).unwrap();
        assert_eq!(choose(&sets, &[]).unwrap().len(), 1);
        assert_eq!(choose(&sets, &["diary".to_owned()]).unwrap().len(), 1);
        let error = choose(&sets, &["letters".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "there is no set letters, but diary");
    }
}
