//! Evaluation on conversations: each turn becomes a context, each question a search among the contexts of its conversation.

mod ask;
mod dataset;
mod report;
mod store;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::SearchMode;

use super::calls::bar;
use super::place::Place;
use crate::subject::{self, word};
use dataset::Conversation;
use report::Report;

/// Conversations, and the mode of searches.
#[derive(Debug, clap::Args)]
// Named, as two types have this name; with a member, by which clap tells whether flattened arguments were given.
#[group(id = "conversations", arg = "dataset")]
pub(super) struct Args {
    /// Conversations with their questions (JSON)
    #[arg(long, value_name = "FILE")]
    dataset: PathBuf,
    /// Takes only the first N conversations
    #[arg(long, value_name = "N")]
    limit_conversations: Option<usize>,
    /// Search mode: `hybrid`, `dense` or `lexical`
    #[arg(long, default_value = "hybrid", value_parser = word::<SearchMode>)]
    mode: SearchMode,
    #[command(flatten)]
    place: Place,
}

/// Runs the evaluation, prints its table and writes its report.
///
/// # Errors
/// When the dataset cannot be read, the server does not start, or a call fails.
pub(super) fn run(args: &Args, target: &Path) -> Result<()> {
    let mut conversations = dataset::load(&args.dataset)?;
    conversations.truncate(args.limit_conversations.unwrap_or(usize::MAX));
    ensure!(!conversations.is_empty(), "there is no conversation to measure with");
    let report = subject::measure(&args.place.server, target, async |subject| {
        measure(args, &conversations, subject.client()).await
    })?;
    println!("\n{}", report.table());
    println!("{}", report.notes());
    args.place.write(target, &report)
}

async fn measure(args: &Args, conversations: &[Conversation], client: &Client) -> Result<Report> {
    let turns: usize = conversations.iter().map(Conversation::turn_count).sum();
    println!("storing {turns} turns of {} conversations", conversations.len());
    let stored = store::store_all(client, conversations, &bar(turns)).await?;

    let tasks = ask::tasks(conversations, &stored);
    println!("asking {} questions, {} searches each", tasks.len(), ask::SEARCHES);
    let answers = ask::ask_all(client, &tasks, args.mode, &bar(tasks.len())).await?;

    let questions: usize = conversations
        .iter()
        .map(|conversation| conversation.questions.len())
        .sum();
    Ok(Report::new(args.mode, conversations.len(), &stored, questions, answers))
}
