//! Calls that all evaluations make.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{NewContext, SearchRequest, SearchResponse, Written};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;
use uuid::Uuid;

/// Number of contexts in a call.
const BATCH: usize = 200;
/// Number of questions asked at once.
pub(super) const IN_FLIGHT: usize = 4;

/// Stores contexts and returns what was stored, in the same order.
///
/// # Errors
/// When a context is refused.
pub(super) async fn store(client: &Client, contexts: &[NewContext], bar: &ProgressBar) -> Result<Vec<Written>> {
    let mut all = Vec::with_capacity(contexts.len());
    for batch in contexts.chunks(BATCH) {
        let results = client.store_contexts(batch).await?.results;
        ensure!(
            results.len() == batch.len(),
            "{} contexts were sent in a batch and {} results came back",
            batch.len(),
            results.len()
        );
        for (item, sent) in results.into_iter().zip(batch) {
            let Some(written) = item.context else {
                let detail = item.error.map(|problem| problem.detail).unwrap_or_default();
                bail!("{:?} was refused with {}: {detail}", sent.text, item.status);
            };
            all.push(written);
            bar.inc(1);
        }
    }
    Ok(all)
}

/// Searches and measures the duration.
///
/// # Errors
/// When the response has more tokens than allowed: figures from it would be worse than none.
pub(super) async fn search(client: &Client, search: &SearchRequest) -> Result<(SearchResponse, Duration)> {
    let start = Instant::now();
    let found = client.search_contexts(search).await.context("a search failed")?;
    let took = start.elapsed();
    if let Some(most) = search.max_tokens {
        let tokens = found.total_tokens;
        ensure!(
            tokens <= most,
            "a search with max_tokens {most} returned {tokens} tokens"
        );
    }
    Ok((found, took))
}

/// Returns the rank of a context among the results, from 1.
pub(super) fn rank_of(found: &SearchResponse, id: Uuid) -> Option<usize> {
    let index = found.contexts.iter().position(|found| found.context.id == id)?;
    Some(index + 1)
}

/// Builds a bar for a number of items.
pub(super) fn bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} [{elapsed_precise}, {eta} left]");
    ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
