//! Evaluation on doc comments: the summary of an item as a query for the paragraph that explains it.
//!
//! Explanations are stored without a session, so that their text alone tells them apart. Doc comments are at hand in
//! cargo's registry, and the server is not tuned to them.

mod blocks;
mod corpus;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{Level, Metadata, NewContext, SearchMode, SearchRequest, Written};
use serde_json::Map;
use uuid::Uuid;

use super::calls::{self, Asker, arrived, bar, settle};
use super::figures::Figures;
use super::outcome::Outcome;
use super::place::Place;
use super::report::{Report, Results, Row, Section};
use crate::subject::word;
use corpus::{Corpus, Entry};

/// Length of the ranked list.
const LIMIT: usize = 50;
/// Cutoffs of recall@k.
const CUTOFFS: [usize; 3] = [5, 10, LIMIT];

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
    let ids = store(client, &corpus.entries).await?;
    let waited = settle(client).await?;
    let (mut searched, mut outcomes) = (Vec::new(), Vec::new());
    for &mode in modes {
        let asker = Asker::new(client, mode);
        println!("asking {} questions, {}", ids.len(), asker.mode());
        outcomes.push(ask(&asker, &corpus.entries, &ids).await?);
        searched.push(asker.searched());
    }
    let row = |outcomes: &Vec<Outcome>| {
        let outcomes: Vec<_> = outcomes.iter().collect();
        let mode = &outcomes.first()?.mode;
        Some(Row::new("doc comments", mode, Figures::of(&outcomes, &CUTOFFS)))
    };
    let section = Section::new("doc comments", outcomes.iter().filter_map(row).collect());
    let regret = section.regret();
    Ok(Report {
        results: Results {
            texts: corpus.to_string(),
            sections: [section].into_iter().chain(regret).collect(),
        },
        notes: vec![arrived(waited)],
        searched,
        outcomes: outcomes.into_iter().flatten().collect(),
    })
}

/// Stores every explanation and returns the ids of their contexts, in order.
async fn store(client: &Client, entries: &[Entry]) -> Result<Vec<Uuid>> {
    let bar = bar(entries.len());
    let contexts: Vec<_> = entries.iter().map(context).collect();
    let written = calls::store(client, &contexts, &bar).await?;
    bar.finish_and_clear();
    Ok(written.iter().map(Written::id).collect())
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

/// Searches for every summary.
async fn ask(asker: &Asker<'_>, entries: &[Entry], ids: &[Uuid]) -> Result<Vec<Outcome>> {
    let bar = bar(ids.len());
    let questions: Vec<_> = entries.iter().zip(ids).collect();
    let outcomes = asker.ask_all(&questions, &bar, async |(entry, id)| {
        let request = SearchRequest {
            query: entry.pair.summary.clone(),
            limit: Some(LIMIT),
            ..SearchRequest::default()
        };
        Ok(Outcome {
            mode: asker.mode(),
            of: entry.package.clone(),
            question: entry.pair.summary.clone(),
            ..Outcome::of(&[**id], &asker.search(request).await?)
        })
    });
    let outcomes = outcomes.await?;
    bar.finish_and_clear();
    Ok(outcomes)
}
