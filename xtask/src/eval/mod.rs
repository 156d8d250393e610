//! `cargo xtask eval`: quality of retrieval.
//!
//! On two kinds of text: recorded conversations, whose questions name the turns that answer them, and doc comments, whose
//! summary line serves as a question about the paragraph after it. Both go through the public HTTP API. The same server
//! and data give the same figures, latency aside. No language model takes part.

mod conversations;
mod doc_comments;
mod figures;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use context_manager_client::Client;
use context_manager_client::wire::{NewContext, SearchRequest, SearchResponse, Written};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{process, report, subject};

/// Number of contexts in a call.
const BATCH: usize = 200;
/// Number of questions asked at once.
const IN_FLIGHT: usize = 4;

/// Texts to measure with; `eval --dataset FILE` is short for `eval conversations --dataset FILE`.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    text: Option<Text>,
    #[command(flatten)]
    conversations: Option<conversations::Args>,
}

#[derive(Debug, Subcommand)]
enum Text {
    /// Recorded conversations and the questions about them
    Conversations(conversations::Args),
    /// Doc comments of the crates in cargo's registry: does the summary line find the paragraph after it?
    DocComments(doc_comments::Args),
}

/// Server and report of an evaluation.
#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    server: subject::Choice,
    /// JSON report to write; default: eval/report.json in cargo's target folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Place {
    fn write(&self, target: &Path, report: &impl Serialize) -> Result<()> {
        let out = self.out.clone().unwrap_or_else(|| target.join("eval/report.json"));
        report::write_json(&out, report)?;
        println!("report: {}", out.display());
        Ok(())
    }
}

/// Runs an evaluation, prints its table and writes its report.
///
/// # Errors
/// When the texts cannot be read, the server does not start, or a call fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let target = process::metadata()?.target_directory.into_std_path_buf();
    match (&args.text, &args.conversations) {
        (Some(Text::DocComments(args)), _) => doc_comments::run(args, &target),
        (Some(Text::Conversations(args)), _) | (None, Some(args)) => conversations::run(args, &target),
        (None, None) => bail!("nothing to measure with: give --dataset FILE, or see --help"),
    }
}

/// Stores contexts and returns what was stored, in the same order.
///
/// # Errors
/// When a context is refused.
async fn store(client: &Client, contexts: &[NewContext], bar: &ProgressBar) -> Result<Vec<Written>> {
    let mut all = Vec::with_capacity(contexts.len());
    for batch in contexts.chunks(BATCH) {
        let results = client.store_contexts(batch).await?.results;
        ensure!(
            results.len() == batch.len(),
            "{} contexts were sent in a batch and {} results came back",
            batch.len(),
            results.len()
        );
        for (item, sent) in results.into_iter().zip(batch) {
            let Some(written) = item.context else {
                let detail = item.error.map(|problem| problem.detail).unwrap_or_default();
                bail!("{:?} was refused with {}: {detail}", sent.text, item.status);
            };
            all.push(written);
            bar.inc(1);
        }
    }
    Ok(all)
}

/// Searches and measures the duration.
///
/// # Errors
/// When the response has more tokens than allowed: figures from it would be worse than none.
async fn search(client: &Client, search: &SearchRequest) -> Result<(SearchResponse, Duration)> {
    let start = Instant::now();
    let found = client.search_contexts(search).await.context("a search failed")?;
    let took = start.elapsed();
    if let Some(most) = search.max_tokens {
        let tokens = found.total_tokens;
        ensure!(
            tokens <= most,
            "a search with max_tokens {most} returned {tokens} tokens"
        );
    }
    Ok((found, took))
}

/// Returns the rank of a context among the results, from 1.
fn rank_of(found: &SearchResponse, id: Uuid) -> Option<usize> {
    let index = found.contexts.iter().position(|found| found.context.id == id)?;
    Some(index + 1)
}

fn bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} [{elapsed_precise}, {eta} left]");
    ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn a_dataset_alone_means_conversations() {
        let args = parse("eval --dataset a.json --limit-conversations 2").unwrap();
        assert!(args.text.is_none() && args.conversations.is_some());
        let named = parse("eval conversations --dataset a.json --mode dense").unwrap();
        assert!(matches!(named.text, Some(Text::Conversations(_))));
        let other = parse("eval doc-comments --sample 10 --mode dense,lexical").unwrap();
        assert!(matches!(other.text, Some(Text::DocComments(_))));
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused() {
        for line in [
            "eval --mode dense",
            "eval conversations",
            "eval doc-comments --dataset a.json",
            "eval --dataset a --server http://x --binary y",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
