//! Calls that all evaluations make.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use context_manager_client::Client;
use context_manager_client::wire::{NewContext, SearchMode, SearchRequest, SearchResponse, Written};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep};

use super::report::Searched;

/// Number of contexts in a call.
const BATCH: usize = 200;
/// Number of questions asked at once.
pub(super) const IN_FLIGHT: usize = 4;
/// Interval of asking for the number of pending vectors.
const POLL: Duration = Duration::from_millis(50);
/// Longest time in which not one pending vector arrives.
const STALLED: Duration = Duration::from_mins(1);

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

/// Waits until every context of the tenant has its vector, and returns the time that took.
///
/// # Errors
/// When vectors stop arriving: figures without them would be worse than none.
pub(super) async fn settle(client: &Client) -> Result<Duration> {
    let start = Instant::now();
    let (mut least, mut arrived) = (u64::MAX, start);
    loop {
        let pending = client.get_stats().await?.pending_embeddings;
        if pending == 0 {
            return Ok(start.elapsed());
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

/// Returns a note on the time that [`settle`] took.
pub(super) fn arrived(waited: Duration) -> String {
    format!("vectors were there {} ms after the last context", waited.as_millis())
}

/// Searches in one mode, and counts them.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    client: &'a Client,
    mode: SearchMode,
    latencies: RefCell<Vec<Duration>>,
    degraded: Cell<usize>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(client: &'a Client, mode: SearchMode) -> Self {
        Self {
            client,
            mode,
            latencies: RefCell::default(),
            degraded: Cell::default(),
        }
    }

    /// Returns the mode's name.
    pub(super) fn mode(&self) -> String {
        format!("{:?}", self.mode).to_lowercase()
    }

    /// Asks every question, several at once, and returns the answers in the order of the questions.
    ///
    /// # Errors
    /// At the first question that fails.
    pub(super) async fn ask_all<Q, A>(
        &self,
        questions: &[Q],
        bar: &ProgressBar,
        ask: impl AsyncFn(&Q) -> Result<A>,
    ) -> Result<Vec<A>> {
        let ask = &ask;
        let answers = stream::iter(questions).map(|question| async move {
            let answer = ask(question).await;
            bar.inc(1);
            answer
        });
        answers.buffered(IN_FLIGHT).try_collect().await
    }

    /// Searches in this mode.
    ///
    /// # Errors
    /// When the response has more tokens than allowed: figures from it would be worse than none.
    pub(super) async fn search(&self, search: SearchRequest) -> Result<SearchResponse> {
        let search = SearchRequest {
            mode: self.mode,
            ..search
        };
        let start = Instant::now();
        let found = self.client.search_contexts(&search).await;
        let found = found.with_context(|| format!("the search for {:?} failed", search.query))?;
        self.latencies.borrow_mut().push(start.elapsed());
        self.degraded
            .set(self.degraded.get() + usize::from(!found.degraded.is_empty()));
        if let Some(most) = search.max_tokens {
            let tokens = found.total_tokens;
            ensure!(
                tokens <= most,
                "a search with max_tokens {most} returned {tokens} tokens"
            );
        }
        Ok(found)
    }

    /// Returns what was counted.
    pub(super) fn searched(self) -> Searched {
        Searched::of(self.mode(), &self.latencies.borrow(), self.degraded.get())
    }
}

/// Builds a bar for a number of items.
pub(super) fn bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} [{elapsed_precise}, {eta} left]");
    ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
