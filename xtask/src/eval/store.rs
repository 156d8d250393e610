//! Storing of contexts, which all evaluations begin with.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{NewContext, Written};
use tokio::time::{Instant, sleep};

/// Number of contexts in a call.
const BATCH: usize = 200;
/// Interval of asking for the number of pending vectors.
const POLL: Duration = Duration::from_millis(50);
/// Longest time in which not one pending vector arrives.
const STALLED: Duration = Duration::from_mins(1);

/// Stores contexts and returns what was stored, in the same order.
///
/// # Errors
/// When a context is refused.
pub(super) async fn store(client: &Client, contexts: &[NewContext]) -> Result<Vec<Written>> {
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
        }
    }
    Ok(all)
}

/// Waits until every context of the tenant has its vector, and returns a note on the time that took.
///
/// # Errors
/// When vectors stop arriving: figures without them would be worse than none.
pub(super) async fn settle(client: &Client) -> Result<String> {
    let start = Instant::now();
    let (mut least, mut arrived) = (u64::MAX, start);
    loop {
        let pending = client.get_stats().await?.pending_embeddings;
        if pending == 0 {
            return Ok(format!(
                "vectors were there {} ms after the last context",
                start.elapsed().as_millis()
            ));
        }
        if pending < least {
            (least, arrived) = (pending, Instant::now());
        }
        ensure!(
            arrived.elapsed() < STALLED,
            "{pending} contexts are still without their vector, and none arrived for {STALLED:?}"
        );
        sleep(POLL).await;
    }
}
