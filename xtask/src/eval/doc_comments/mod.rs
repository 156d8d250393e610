//! Doc comments as a second kind of text: does the summary of an item find the paragraph that explains it?
//!
//! The explanations of a sample are stored as contexts without a session, so nothing but their words and their meaning
//! tells them apart, and every summary is searched for among all of them. Texts of this kind are always at hand, in
//! cargo's registry, and nobody tuned the server to them.

mod blocks;
mod corpus;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};

use super::{BATCH, IN_FLIGHT, Place, bar};
use crate::subject;
use crate::subject::client::{Client, Filter, Level, Mode, NewContext, Search};
use corpus::{Corpus, Entry};
use report::{Asked, Report};

/// Length of the ranked list that is asked for; the largest k of recall@k.
const LIMIT: u32 = 50;

/// Which doc comments, and how to ask.
#[derive(Debug, clap::Args)]
// Groups of arguments are named after their type, and two types here have one name.
#[group(id = "doc_comments")]
pub(super) struct Args {
    /// A folder of unpacked crates, such as one that `cargo vendor --versioned-dirs` made, which stays the same; default:
    /// registry/src/* in cargo's home, which grows with every build
    #[arg(long, value_name = "DIR")]
    registry: Option<PathBuf>,
    /// How many doc comments
    #[arg(long, value_name = "N", default_value_t = 2_500)]
    sample: usize,
    /// Chooses the sample
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What the server searches by; each is measured in turn
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Mode::Hybrid, Mode::Dense, Mode::Lexical])]
    mode: Vec<Mode>,
    #[command(flatten)]
    place: Place,
}

/// Runs the evaluation, prints its table and writes its report.
///
/// # Errors
/// When there are no doc comments, the server does not come up, or any of its answers is not what the API promises.
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

/// The one folder of unpacked crates that most machines have: cargo makes one for each registry it uses.
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

async fn measure(modes: &[Mode], corpus: &Corpus, client: &Client) -> Result<Report> {
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
async fn store(client: &Client, entries: &[Entry]) -> Result<Vec<String>> {
    let mut ids = Vec::with_capacity(entries.len());
    let bar = bar(entries.len());
    for entries in entries.chunks(BATCH) {
        let contexts: Vec<_> = entries.iter().map(context).collect();
        for (item, entry) in client.store_batch(&contexts).await?.into_iter().zip(entries) {
            let (context, _) = item
                .accepted()
                .with_context(|| format!("a paragraph of {}", entry.package))?;
            ensure!(
                context.embedding_status == "ready",
                "a paragraph of {} was stored without its vector",
                entry.package
            );
            ids.push(context.id);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(ids)
}

fn context(entry: &Entry) -> NewContext {
    NewContext {
        text: entry.pair.explanation.clone(),
        level: Level::LongTerm,
        metadata: BTreeMap::from([("crate", entry.package.clone())]),
        ..NewContext::default()
    }
}

/// Searches for every summary.
async fn ask(client: &Client, entries: &[Entry], ids: &[String], mode: Mode) -> Result<Asked> {
    let bar = bar(ids.len());
    let answered = stream::iter(entries.iter().zip(ids)).map(|(entry, id)| {
        let bar = &bar;
        async move {
            let search = Search {
                query: &entry.pair.summary,
                mode,
                filter: Filter::default(),
                limit: Some(LIMIT),
                max_tokens: None,
            };
            let (found, took) = client.search(&search).await?;
            bar.inc(1);
            anyhow::Ok((found.rank_of(id), took, !found.degraded.is_empty()))
        }
    });
    let answered: Vec<(Option<usize>, Duration, bool)> = answered.buffered(IN_FLIGHT).try_collect().await?;
    bar.finish_and_clear();
    Ok(Asked {
        mode,
        ranks: answered.iter().map(|(rank, ..)| *rank).collect(),
        latencies: answered.iter().map(|(_, took, _)| *took).collect(),
        degraded: answered.iter().filter(|(.., degraded)| *degraded).count(),
    })
}
