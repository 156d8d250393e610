//! Evaluation on doc comments: the summary of an item as a query for the paragraph that explains it.
//!
//! Explanations are stored without a session, so that their text alone tells them apart. Doc comments are at hand in
//! cargo's registry, and the server is not tuned to them.

mod blocks;
mod corpus;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{Level, Metadata, NewContext, SearchMode};
use serde_json::Map;

use super::ask::{Plan, Task, ask_all};
use super::figures::Figures;
use super::outcome::Outcome;
use super::place::Place;
use super::report::{Report, Results, Row, Section};
use super::store::{settle, store};
use crate::subject::word;
use corpus::{Corpus, Entry};

/// Paragraphs have no user.
const PLAN: Plan = Plan {
    by_user: false,
    limit: 50,
    budgets: &[],
};
/// Cutoffs of recall@k.
const CUTOFFS: [usize; 3] = [5, 10, PLAN.limit];

/// Doc comments, and the modes of searches.
#[derive(Debug, clap::Args)]
// Named, as other types have this name.
#[group(id = "doc_comments")]
pub(super) struct Args {
    /// A folder of unpacked crates, such as one that `cargo vendor --versioned-dirs` made, which stays the same; default:
    /// registry/src/* in cargo's home, which grows with every build
    #[arg(long, value_name = "DIR")]
    registry: Option<PathBuf>,
    /// Number of doc comments
    #[arg(long, value_name = "N", default_value_t = 2_500)]
    sample: usize,
    /// Seed of the sample
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Search modes, each measured in turn
    #[arg(long, value_delimiter = ',', default_value = "hybrid,dense,lexical", value_parser = word::<SearchMode>)]
    mode: Vec<SearchMode>,
    #[command(flatten)]
    place: Place,
}

/// Runs the evaluation, prints its table and writes its report.
///
/// # Errors
/// When there are no doc comments, the server does not start, or a call fails.
pub(super) fn run(args: &Args, target: &Path) -> Result<()> {
    let registry = match &args.registry {
        Some(folder) => folder.clone(),
        None => default_registry()?,
    };
    let corpus = Corpus::read(&registry, args.sample, args.seed)?;
    ensure!(
        !corpus.entries.is_empty(),
        "there are no doc comments below {}",
        registry.display()
    );
    args.place
        .evaluate(target, async |client| measure(&args.mode, &corpus, client).await)
}

/// Returns the one folder of unpacked crates in cargo's home, which has one for each registry.
fn default_registry() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.context("cargo has no home")?.join("registry/src");
    let mut folders = corpus::sorted(&sources)?;
    ensure!(
        folders.len() == 1,
        "{} holds {} registries: choose one with --registry",
        sources.display(),
        folders.len()
    );
    Ok(folders.remove(0))
}

async fn measure(modes: &[SearchMode], corpus: &Corpus, client: &Client) -> Result<Report> {
    println!(
        "storing {} paragraphs of {} crates",
        corpus.entries.len(),
        corpus.packages()
    );
    let contexts: Vec<_> = corpus.entries.iter().map(context).collect();
    let written = store(client, &contexts).await?;
    let settled = settle(client).await?;

    let tasks = corpus.entries.iter().zip(&written).map(|(entry, written)| Task {
        of: &entry.package,
        kind: String::new(),
        question: &entry.pair.summary,
        answers: vec![written.id()],
    });
    let asked = ask_all(client, modes, &tasks.collect::<Vec<_>>(), &PLAN).await?;
    let row = |outcomes: &Vec<Outcome>| {
        let outcomes: Vec<_> = outcomes.iter().collect();
        let mode = &outcomes.first()?.mode;
        Some(Row::new("all", mode, Figures::of(&outcomes, &CUTOFFS)))
    };
    let results = Results {
        texts: corpus.to_string(),
        sections: Section::new("doc comments", asked.outcomes.iter().filter_map(row).collect()).with_regret(),
    };
    Ok(Report::new(results, vec![settled], asked))
}

fn context(entry: &Entry) -> NewContext {
    NewContext {
        text: entry.pair.explanation.clone(),
        level: Some(Level::LongTerm),
        metadata: Some(Metadata(Map::from_iter([(
            "crate".to_owned(),
            entry.package.clone().into(),
        )]))),
        ..NewContext::default()
    }
}
