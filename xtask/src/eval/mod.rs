//! `cargo xtask eval`: how much of what answers a question does a search bring back?
//!
//! Two kinds of text, each a folder: recorded conversations, whose questions name the turns that answer them, and doc
//! comments, whose summary line is taken for a question that the paragraph after it answers. Both go through the public
//! HTTP API. Nothing is tuned to the data: the same server and the same data give the same figures, latency aside.
//! Answers are not judged; no language model takes part.

mod conversations;
mod doc_comments;
mod figures;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{process, report, subject};

/// Contexts stored with one call.
const BATCH: usize = 200;
/// Questions under way at once.
const IN_FLIGHT: usize = 4;

/// What to measure with; `eval --dataset FILE` is short for `eval conversations --dataset FILE`.
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

/// Where to measure and where to write, whatever the text.
#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    server: subject::Choice,
    /// Where the JSON report goes; default: eval/report.json in cargo's target folder
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
/// When the texts cannot be read, the server does not come up, or any of its answers is not what the API promises.
pub(crate) fn run(args: &Args) -> Result<()> {
    let target = process::metadata()?.target_directory.into_std_path_buf();
    match (&args.text, &args.conversations) {
        (Some(Text::DocComments(args)), _) => doc_comments::run(args, &target),
        (Some(Text::Conversations(args)), _) | (None, Some(args)) => conversations::run(args, &target),
        (None, None) => anyhow::bail!("nothing to measure with: give --dataset FILE, or see --help"),
    }
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
    fn dataset_alone_means_conversations() {
        let args = parse("eval --dataset a.json --limit-conversations 2").unwrap();
        assert!(args.text.is_none());
        assert!(args.conversations.is_some());
        let named = parse("eval conversations --dataset a.json --mode dense").unwrap();
        assert!(matches!(named.text, Some(Text::Conversations(_))));
    }

    #[test]
    fn doc_comments_need_no_dataset() {
        let args = parse("eval doc-comments --sample 10 --mode dense,lexical").unwrap();
        assert!(matches!(args.text, Some(Text::DocComments(_))));
    }

    #[test]
    fn conversations_without_a_dataset_are_refused() {
        for line in [
            "eval --mode dense",
            "eval conversations",
            "eval doc-comments --dataset a.json",
        ] {
            let refused = parse(line).is_err();
            assert!(refused, "{line}");
        }
    }

    #[test]
    fn running_server_and_binary_exclude_each_other() {
        assert!(parse("eval --dataset a --server http://x --binary y").is_err());
    }
}
