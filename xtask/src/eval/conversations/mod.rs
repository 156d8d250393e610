//! Evaluation on conversations: each turn becomes a context, each question a search among the contexts of its conversation.

mod ask;
mod dataset;
mod report;
mod store;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use context_manager_client::Client;
use context_manager_client::wire::SearchMode;

use super::calls::{Asker, arrived, bar, settle};
use super::place::Place;
use super::report::Report;
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
    let stored = store::store_all(client, conversations, &bar(turns)).await?;
    let waited = settle(client).await?;

    let tasks = ask::tasks(conversations, &stored);
    let (mut searched, mut outcomes) = (Vec::new(), Vec::new());
    for &mode in modes {
        let asker = Asker::new(client, mode);
        println!(
            "asking {} questions, {} searches each, {}",
            tasks.len(),
            ask::SEARCHES,
            asker.mode()
        );
        outcomes.push(ask::ask_all(&asker, &tasks, &bar(tasks.len())).await?);
        searched.push(asker.searched());
    }
    let stored_in = format!(
        "stored in {} ms, {} turns repeat others",
        stored.took.as_millis(),
        stored.deduplicated
    );
    Ok(Report {
        notes: vec![stored_in, arrived(waited)],
        searched,
        ..report::of(conversations, outcomes)
    })
}
