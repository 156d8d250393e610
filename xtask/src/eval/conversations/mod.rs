//! Evaluation on conversations: each turn becomes a context, each question a search among the contexts of its conversation.

mod dataset;
mod report;
mod store;
mod tasks;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::SearchMode;

use super::ask::ask_all;
use super::place::Place;
use super::report::Report;
use super::store::settle;
use crate::subject::word;
use dataset::Conversation;

/// Conversations, and the modes of searches.
#[derive(Debug, clap::Args)]
// Named, as other types have this name; with a member, by which clap tells whether flattened arguments were given.
#[group(id = "conversations", arg = "dataset")]
pub(super) struct Args {
    /// Conversations with their questions (JSON)
    #[arg(long, value_name = "FILE")]
    dataset: PathBuf,
    /// Takes only the first N conversations
    #[arg(long, value_name = "N")]
    limit_conversations: Option<usize>,
    /// Search modes, each measured in turn: `hybrid`, `dense`, `lexical`
    #[arg(long, value_delimiter = ',', default_value = "hybrid", value_parser = word::<SearchMode>)]
    mode: Vec<SearchMode>,
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
    args.place
        .evaluate(target, async |client| measure(&args.mode, &conversations, client).await)
}

async fn measure(modes: &[SearchMode], conversations: &[Conversation], client: &Client) -> Result<Report> {
    let turns: usize = conversations.iter().map(Conversation::turn_count).sum();
    println!("storing {turns} turns of {} conversations", conversations.len());
    let stored = store::store_all(client, conversations).await?;
    let settled = settle(client).await?;
    let asked = ask_all(client, modes, &tasks::of(conversations, &stored), &tasks::PLAN).await?;
    let notes = vec![
        format!(
            "stored in {} ms, {} turns repeat others",
            stored.took.as_millis(),
            stored.deduplicated
        ),
        settled,
    ];
    Ok(Report::new(
        report::results(conversations, &asked.outcomes),
        notes,
        asked,
    ))
}
