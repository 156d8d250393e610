//! Replays conversations as an agent would live them: every turn becomes a context, every question a search among the
//! contexts of its conversation.

mod ask;
mod dataset;
mod metrics;
mod report;
mod store;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::{Place, bar};
use crate::subject;
use crate::subject::client::{Client, Mode};
use dataset::Conversation;
use report::Report;

/// Which conversations, and how to ask.
#[derive(Debug, clap::Args)]
// Named, as groups are called after their type and two types have this name; with a member, as clap adds none by itself
// where arguments are flattened, and tells by it whether these were given.
#[group(id = "conversations", arg = "dataset")]
pub(super) struct Args {
    /// Conversations with their questions (JSON)
    #[arg(long, value_name = "FILE")]
    dataset: PathBuf,
    /// Takes only the first N conversations
    #[arg(long, value_name = "N")]
    limit_conversations: Option<usize>,
    /// What the server searches by
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    #[command(flatten)]
    place: Place,
}

/// Runs the evaluation, prints its table and writes its report.
///
/// # Errors
/// When the dataset cannot be read, the server does not come up, or any of its answers is not what the API promises.
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
