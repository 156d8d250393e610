//! The conversation on a server: stored, asked about, and told of.

use std::time::Duration;

use anyhow::bail;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use context_manager_client::Client;
use context_manager_client::wire::{Filter, Level, SearchRequest, SearchResponse};
use tokio::time::{Instant, sleep};

use super::conversation::{NAME, QUESTIONS, contexts};
use crate::cli::output::{BOLD, Output, counted};

/// Number of contexts shown for a question.
const SHOWN: usize = 3;
/// Maximum width of a table.
const WIDTH: usize = 100;
/// Number of looks at whether all contexts have their vectors.
const LOOKS: u32 = 150;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Status of a context whose id holds something else: an earlier run's, which has changed since.
const CONFLICT: u16 = 409;

/// Stores the conversation, asks the questions, and tells of the levels.
pub(super) async fn show(output: &Output, client: &Client) -> anyhow::Result<()> {
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
            level.as_str(),
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
            found.context.level.as_str().to_owned(),
            output.text(&found.context.text),
        ]);
    }
    table
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
