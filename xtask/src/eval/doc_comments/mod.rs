//! Evaluation on doc comments: the summary of an item as a query for the paragraph that explains it.
//!
//! Explanations are stored without a session, so that their text alone tells them apart. Doc comments are at hand in
//! cargo's registry, and the server is not tuned to them.

mod blocks;
mod corpus;
mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{Level, Metadata, NewContext, SearchMode, SearchRequest, Written};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Map;
use uuid::Uuid;

use super::calls::{self, IN_FLIGHT, bar, rank_of, search};
use super::place::Place;
use crate::subject::{self, word};
use corpus::{Corpus, Entry};
use report::{Asked, Report};

/// Length of the ranked list; the largest k of recall@k.
const LIMIT: usize = 50;

/// Doc comments, and the modes of searches.
#[derive(Debug, clap::Args)]
// Named, as two types have this name.
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
    let report = subject::measure(&args.place.server, target, async |subject| {
        measure(&args.mode, &corpus, subject.client()).await
    })?;
    println!("\n{}", report.table());
    println!("{}", report.notes());
    args.place.write(target, &report)
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
    let mut asked = Vec::new();
    for &mode in modes {
        println!("asking {} questions, {mode:?}", ids.len());
        asked.push(ask(client, &corpus.entries, &ids, mode).await?);
    }
    Ok(Report::new(corpus, asked))
}

/// Stores every explanation and returns the ids of their contexts, in order.
async fn store(client: &Client, entries: &[Entry]) -> Result<Vec<Uuid>> {
    let bar = bar(entries.len());
    let contexts: Vec<_> = entries.iter().map(context).collect();
    let written = calls::store(client, &contexts, &bar).await?;
    bar.finish_and_clear();
    let pending = written.iter().filter(|written| written.is_pending()).count();
    ensure!(pending == 0, "{pending} paragraphs were stored without their vector");
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
async fn ask(client: &Client, entries: &[Entry], ids: &[Uuid], mode: SearchMode) -> Result<Asked> {
    let bar = bar(ids.len());
    let answered = stream::iter(entries.iter().zip(ids)).map(|(entry, id)| {
        let bar = &bar;
        async move {
            let request = SearchRequest {
                query: entry.pair.summary.clone(),
                mode,
                limit: Some(LIMIT),
                ..SearchRequest::default()
            };
            let (found, took) = search(client, &request).await?;
            bar.inc(1);
            anyhow::Ok((rank_of(&found, *id), took, !found.degraded.is_empty()))
        }
    });
    let answered: Vec<(Option<usize>, Duration, bool)> = answered.buffered(IN_FLIGHT).try_collect().await?;
    bar.finish_and_clear();
    Ok(Asked {
        mode,
        ranks: answered.iter().map(|(rank, ..)| vec![*rank]).collect(),
        latencies: answered.iter().map(|(_, took, _)| *took).collect(),
        degraded: answered.iter().filter(|(.., degraded)| *degraded).count(),
    })
}
