//! `cargo xtask eval`: quality of retrieval.
//!
//! On three kinds of text: recorded conversations, whose questions name the turns that answer them; notes, in several
//! languages and with questions that none of them answers; and doc comments, whose summary line serves as a question about
//! the paragraph after it. All go through the public HTTP API. The same server and data give the same figures, latency
//! aside. No language model takes part.

mod ask;
mod conversations;
mod diff;
mod doc_comments;
mod figures;
mod notes;
mod outcome;
mod place;
mod report;
mod store;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::process;

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
    /// Sets of notes, and questions about them in other words and without an answer
    Notes(notes::Args),
    /// Doc comments of the crates in cargo's registry: does the summary line find the paragraph after it?
    DocComments(doc_comments::Args),
}

/// Runs an evaluation, prints its table and writes its report.
///
/// # Errors
/// When the texts cannot be read, the server does not start, or a call fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let target = process::metadata()?.target_directory.into_std_path_buf();
    match (&args.text, &args.conversations) {
        (Some(Text::DocComments(args)), _) => doc_comments::run(args, &target),
        (Some(Text::Notes(args)), _) => notes::run(args, &target),
        (Some(Text::Conversations(args)), _) | (None, Some(args)) => conversations::run(args, &target),
        (None, None) => bail!("nothing to measure with: give --dataset FILE, or see --help"),
    }
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
        let notes = parse("eval notes --dataset a.json --set a b --mode dense --diff b.json").unwrap();
        assert!(matches!(notes.text, Some(Text::Notes(_))));
        let other = parse("eval doc-comments --sample 10 --mode dense,lexical").unwrap();
        assert!(matches!(other.text, Some(Text::DocComments(_))));
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused() {
        for line in [
            "eval --mode dense",
            "eval conversations",
            "eval notes --set a",
            "eval doc-comments --dataset a.json",
            "eval --dataset a --server http://x --binary y",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
