//! `context-manager demo`: a small conversation, and the results of five searches.

mod conversation;

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use context_manager_core::{Scope, SearchRequest, SearchResponse};
use tokio::time::Instant;

use crate::app::{Memory, default_tenant};
use crate::config::Config;
use conversation::{QUESTIONS, SESSION, contexts};

/// Number of contexts shown for a question.
const SHOWN: usize = 3;

pub(super) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(show())
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn show() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut config = Config::default();
    config.vector_db.embedded.path = folder.path().join("data");
    let memory = Memory::open(&config).await?;
    let scope = Scope::maintenance(default_tenant()?);

    let contexts = contexts();
    let (count, start) = (contexts.len(), Instant::now());
    for stored in memory.engine.store_many(&scope, contexts, |at| format!("/{at}")).await {
        stored?;
    }
    println!(
        "{count} contexts stored in {}: engine and model run in this process.\n",
        millis(start.elapsed())
    );

    for question in QUESTIONS {
        let start = Instant::now();
        let response = ask(&memory, &scope, question).await?;
        println!("{question}  ({})", millis(start.elapsed()));
        println!("{}\n", table(&response));
    }
    memory.close().await
}

async fn ask(memory: &Memory, scope: &Scope, question: &str) -> anyhow::Result<SearchResponse> {
    let request = SearchRequest {
        query: question.to_owned(),
        limit: Some(SHOWN),
        session_id: Some(SESSION.to_owned()),
        ..SearchRequest::default()
    };
    Ok(memory.engine.search(scope, request).await?)
}

fn table(response: &SearchResponse) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(100);
    table.set_header(["score", "level", "context"]);
    for found in &response.contexts {
        table.add_row([
            format!("{:.2}", found.score),
            found.context.level.to_string(),
            found.context.text.clone(),
        ]);
    }
    table
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
