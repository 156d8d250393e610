//! `context-manager demo`: a small conversation, five questions about it, and the part that each level had.

mod conversation;
mod serving;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use context_manager_client::Client;
use context_manager_client::wire::{DeleteBody, Filter, Level, SearchRequest, SearchResponse};
use context_manager_observability::{LogControl, install_metrics};
use tokio::time::{Instant, sleep};

use super::connection::{KeyArgs, init_quiet_logs};
use super::options::Options;
use super::output::{BOLD, Output, OutputArgs, counted, level_name};
use crate::attach::Means;
use crate::config::Config;
use conversation::{NAME, QUESTIONS, contexts};

/// Number of contexts shown for a question.
const SHOWN: usize = 3;
/// Maximum width of a table.
const WIDTH: usize = 100;
/// Number of looks at whether all contexts have their vectors.
const LOOKS: u32 = 150;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Status of a context whose id holds something else: an earlier run's, which has changed since.
const CONFLICT: u16 = 409;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Store the conversation in the tenant of this server, in the session and the scope `demo`. Again, it changes nothing.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Remove the conversation from the server again.
    #[arg(long, requires = "server")]
    remove: bool,
    /// Go on serving the temporary folder, with the console, until Ctrl-C.
    #[arg(long, conflicts_with = "server")]
    serve: bool,
    #[command(flatten)]
    key: KeyArgs,
}

pub(super) fn run(options: Options, args: &DemoArgs) -> anyhow::Result<()> {
    let output = OutputArgs::default().open();
    let logs = init_quiet_logs(&Config::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match &args.server {
            Some(url) if args.remove => remove(&output, &args.key.client(url)?).await,
            Some(url) => {
                let client = args.key.client(url)?;
                show(&output, &client).await?;
                output.line(format!(
                    "\nThe console of the server shows it: {}/console. `context-manager demo --server {url} --remove` removes it.",
                    url.trim_end_matches('/')
                ))?;
                Ok(())
            }
            None => {
                let folder = tempfile::tempdir()?;
                if args.serve {
                    return serving::serve(&output, options, folder.path(), logs).await;
                }
                alone(&output, folder.path(), logs).await
            }
        }
    });
    runtime.shutdown_background();
    done
}

/// Returns the configuration of a server on a folder.
fn on(folder: &Path) -> Config {
    let mut config = Config::default();
    config.vector_db.embedded.path = folder.join("data");
    config
}

/// Shows everything on a folder that is removed in the end.
async fn alone(output: &Output, folder: &Path, logs: LogControl) -> anyhow::Result<()> {
    let means = Means {
        config: on(folder),
        metrics: install_metrics()?,
        logs,
        key: None,
        is_found: false,
    };
    let attached = Box::pin(means.attach()).await?;
    let shown = show(output, &attached.client).await;
    attached.close().await;
    shown?;
    output.line("\nNext: `context-manager demo --serve` shows the same in the console.")?;
    Ok(())
}

/// Stores the conversation, asks the questions, and tells of the levels.
async fn show(output: &Output, client: &Client) -> anyhow::Result<()> {
    let start = Instant::now();
    let stored = store(client).await?;
    output.line(format!("{}, in {}.\n", stored, millis(start.elapsed())))?;
    let mut levels = Vec::new();
    for (question, answer) in QUESTIONS {
        let start = Instant::now();
        let response = ask(client, question).await?;
        let first = response.contexts.first().map(|found| &found.context);
        let right = first.filter(|context| context.text.starts_with(answer));
        levels.extend(right.map(|context| context.level));
        let mark = if right.is_some() { "✓" } else { "✗" };
        let took = millis(start.elapsed());
        output.line(format!("{mark} {}  ({took})", output.paint(BOLD, question)))?;
        output.line(format!("{}\n", table(output, &response)))?;
    }
    output.line(format!("{} of {} answers are right.\n", levels.len(), QUESTIONS.len()))?;
    output.line(output.paint(BOLD, "What each level did"))?;
    let held = contexts();
    for (level, life) in [
        (Level::Immediate, "the turns of one session, in memory, newest first"),
        (
            Level::ShortTerm,
            "the week: after a day it is kept for good, or expires if its `ttl_secs` says so",
        ),
        (Level::LongTerm, "lasting knowledge, until somebody deletes it"),
    ] {
        let number = held.iter().filter(|context| context.level == Some(level)).count() as u64;
        let found = levels.iter().filter(|found| **found == level).count() as u64;
        output.line(format!(
            "{:11} held {}, gave {}: {life}",
            level_name(level),
            counted(number, "context"),
            counted(found, "answer"),
        ))?;
    }
    Ok(())
}

/// Stores the conversation, waits for its vectors, and tells what was done.
async fn store(client: &Client) -> anyhow::Result<String> {
    let (mut new, mut known) = (0, 0);
    for item in client.store_contexts(&contexts()).await?.results {
        match (item.context, item.error) {
            (Some(written), _) if !written.is_deduplicated() => new += 1,
            (Some(_), _) => known += 1,
            (None, Some(problem)) if problem.status == CONFLICT => known += 1,
            (None, problem) => bail!(
                "not stored: {}",
                problem.map(|problem| problem.detail).unwrap_or_default()
            ),
        }
    }
    for _ in 0..LOOKS {
        if client.get_stats().await?.pending_embeddings == 0 {
            break;
        }
        sleep(LOOK_EVERY).await;
    }
    let known = if known > 0 {
        format!(", {known} were there already")
    } else {
        String::new()
    };
    Ok(format!("{} stored and embedded{known}", counted(new, "context")))
}

async fn ask(client: &Client, question: &str) -> anyhow::Result<SearchResponse> {
    let request = SearchRequest {
        query: question.into(),
        limit: Some(SHOWN),
        session_id: Some(NAME.to_owned()),
        filter: Some(Filter {
            scope: Some(NAME.to_owned()),
            ..Filter::default()
        }),
        ..SearchRequest::default()
    };
    Ok(client.search_contexts(&request).await?)
}

async fn remove(output: &Output, client: &Client) -> anyhow::Result<()> {
    let ids = contexts().into_iter().filter_map(|context| context.id).collect();
    let body = DeleteBody {
        ids: Some(ids),
        filter: None,
    };
    let deleted = client
        .delete_contexts(&body)
        .await
        .context("the conversation is still there")?
        .deleted;
    output.line(format!("{} removed", counted(deleted, "context")))?;
    Ok(())
}

fn table(output: &Output, response: &SearchResponse) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(output.columns().min(WIDTH)).unwrap_or_default());
    table.set_header(["score", "level", "context"]);
    for found in &response.contexts {
        table.add_row([
            format!("{:.2}", found.score),
            level_name(found.context.level).to_owned(),
            output.text(&found.context.text),
        ]);
    }
    table
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
