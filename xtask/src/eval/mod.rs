//! `cargo xtask eval`: how much of the evidence for a question does a search bring back?
//!
//! Replays conversations through the public HTTP API, as an agent would: every turn becomes a context, every question a
//! search among the contexts of its conversation. Nothing is tuned to the data and nothing random is in it: the same
//! server and the same file give the same figures, latency aside. Answers are not judged; no language model takes part.

mod ask;
mod client;
mod dataset;
mod metrics;
mod report;
mod server;
mod store;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::process;
use client::Client;
use dataset::Conversation;
use report::Report;
use server::Server;

/// What to measure, and where.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Conversations with their questions (JSON)
    #[arg(long, value_name = "FILE")]
    dataset: PathBuf,
    /// A server that runs already, such as `http://127.0.0.1:8080`; default: build one and start it in a temporary folder
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Where the JSON report goes; default: eval/report.json in cargo's target folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Takes only the first N conversations
    #[arg(long, value_name = "N")]
    limit_conversations: Option<usize>,
    /// What the server searches by
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
}

/// The search modes of the API.
#[derive(Clone, Copy, Debug, Default, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Meaning and words
    #[default]
    Hybrid,
    /// Meaning only
    Dense,
    /// Words only
    Lexical,
}

/// Runs the evaluation, prints its table and writes its report.
///
/// # Errors
/// When the dataset cannot be read, the server does not come up, or any of its answers is not what the API promises.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut conversations = dataset::load(&args.dataset)?;
    conversations.truncate(args.limit_conversations.unwrap_or(usize::MAX));
    ensure!(!conversations.is_empty(), "there is no conversation to measure with");
    let target = process::metadata()?.target_directory.into_std_path_buf();
    let binary = if args.server.is_none() {
        Some(server::build(&target)?)
    } else {
        None
    };

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = evaluate(args, &conversations, binary.as_deref()) => report,
            // Unwinding from here stops the server and removes its folder.
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })?;

    println!("\n{}", report.table());
    println!("{}", report.notes());
    let out = args.out.clone().unwrap_or_else(|| target.join("eval/report.json"));
    report.write(&out)?;
    println!("report: {}", out.display());
    Ok(())
}

async fn evaluate(args: &Args, conversations: &[Conversation], binary: Option<&Path>) -> Result<Report> {
    let Some(binary) = binary else {
        let url = args.server.as_deref().unwrap_or_default();
        return measure(args, conversations, url).await;
    };
    let mut server = Server::start(binary)?;
    server.wait_until_ready().await?;
    let report = measure(args, conversations, server.url()).await;
    report.with_context(|| {
        format!(
            "the evaluation stopped; the server's last log lines:\n{}",
            server.last_log_lines()
        )
    })
}

async fn measure(args: &Args, conversations: &[Conversation], url: &str) -> Result<Report> {
    let client = Client::new(url)?;
    let turns: usize = conversations.iter().map(Conversation::turn_count).sum();
    println!("storing {turns} turns of {} conversations", conversations.len());
    let stored = store::store_all(&client, conversations, &bar(turns)).await?;

    let tasks = ask::tasks(conversations, &stored);
    println!("asking {} questions, {} searches each", tasks.len(), ask::SEARCHES);
    let answers = ask::ask_all(&client, &tasks, args.mode, &bar(tasks.len())).await?;

    let questions: usize = conversations
        .iter()
        .map(|conversation| conversation.questions.len())
        .sum();
    Ok(Report::new(args.mode, conversations.len(), &stored, questions, answers))
}

fn bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} [{elapsed_precise}, {eta} left]");
    ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
