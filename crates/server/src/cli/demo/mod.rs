//! `context-manager demo`: a small conversation, and the results of five searches.

mod conversation;

use std::path::Path;
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
    let memory = open(folder.path()).await?;
    let scope = Scope::maintenance(default_tenant()?);

    let start = Instant::now();
    let count = store(&memory, &scope).await?;
    println!(
        "{count} contexts stored in {}: engine and model run in this process.\n",
        millis(start.elapsed())
    );

    for (question, _) in QUESTIONS {
        let start = Instant::now();
        let response = ask(&memory, &scope, question).await?;
        println!("{question}  ({})", millis(start.elapsed()));
        println!("{}\n", table(&response));
    }
    memory.close().await
}

async fn open(folder: &Path) -> anyhow::Result<Memory> {
    let mut config = Config::default();
    config.vector_db.embedded.path = folder.join("data");
    Memory::open(&config).await
}

/// Stores the conversation with its vectors and returns the number of its contexts.
async fn store(memory: &Memory, scope: &Scope) -> anyhow::Result<usize> {
    let stored = memory.engine.store_many(scope, contexts(), |at| format!("/{at}")).await;
    let stored: Vec<_> = stored.into_iter().collect::<Result<_, _>>()?;
    // A server does this beside its calls.
    while memory.engine.embed_pending(stored.len()).await?.embedded > 0 {}
    Ok(stored.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_question_is_answered_by_the_first_context() {
        let folder = tempfile::tempdir().unwrap();
        let memory = open(folder.path()).await.unwrap();
        let scope = Scope::maintenance(default_tenant().unwrap());
        store(&memory, &scope).await.unwrap();
        let mut wrong = Vec::new();
        for (question, answer) in QUESTIONS {
            let response = ask(&memory, &scope, question).await.unwrap();
            let first = response.contexts.first().map(|found| found.context.text.as_str());
            if !first.is_some_and(|text| text.starts_with(answer)) {
                wrong.push(format!("{question}\n{}", table(&response)));
            }
        }
        memory.close().await.unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
