//! Worker that embeds contexts which were stored without a vector: because their model follows the writes, or was down.

use std::mem;
use std::sync::Arc;

use context_manager_core::ContextEngine;
use context_manager_observability::{HealthRegistry, Trouble};
use tokio::time::{Duration, Instant, sleep};

use crate::health::EMBEDDER;

/// Texts embedded at once: one request of most services.
const BATCH: usize = 32;
/// Pause while no context was stored without its vector here. Another replica may have stored some.
const IDLE: Duration = Duration::from_secs(30);
/// First and longest pause after a failure that names none.
const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// Shortest interval of counting pending contexts while there is work, and the share of the time that counting may take.
const COUNT_EVERY: Duration = Duration::from_secs(1);
const COUNT_REST: u32 = 20;

/// Number of times more contexts that arrive than are embedded, by which a burst such as an import is known. It needs the
/// processor, and is over sooner without the model.
const BURST: usize = 4;
/// Pause in a burst, as a multiple of the time spent on embedding, and its maximum.
const BURST_REST: u32 = 9;
const LONGEST_REST: Duration = Duration::from_secs(2);

/// Embeds until the future is dropped, a service's texts at most `texts_per_sec`, and reports the health of the embedder.
pub(crate) async fn embed_pending(engine: Arc<ContextEngine>, texts_per_sec: u32, health: HealthRegistry) {
    let [first_backoff, longest] = BACKOFF;
    let mut backoff = first_backoff;
    let mut batch = BATCH;
    let mut count_at = Instant::now();
    let mut is_burst = false;
    loop {
        let began = Instant::now();
        let round = engine.embed_pending(batch).await;
        let done = round.as_ref().is_ok_and(|round| round.tried == 0);
        if done || count_at <= Instant::now() {
            let start = Instant::now();
            if let Err(error) = engine.pending().await {
                tracing::debug!(%error, "pending contexts were not counted");
            }
            count_at = Instant::now() + COUNT_EVERY.max(start.elapsed() * COUNT_REST);
        }
        let wait = match round {
            Ok(round) if round.unavailable.is_none() => {
                if round.embedded > 0 {
                    health.report(EMBEDDER, Ok(()));
                }
                backoff = first_backoff;
                batch = (batch * 2).min(BATCH);
                if round.tried == 0 {
                    let _woken_or_not = tokio::time::timeout(IDLE, engine.pending_arrived()).await;
                    continue;
                }
                tracing::debug!(
                    embedded = round.embedded,
                    tried = round.tried,
                    "pending contexts were embedded"
                );
                if round.unpaced {
                    // Not after a single batch of a client.
                    let was_burst = mem::replace(&mut is_burst, round.arrived > BURST * round.tried);
                    let rest = if was_burst && is_burst { BURST_REST } else { 0 };
                    (began.elapsed() * rest).min(LONGEST_REST)
                } else {
                    let least = Duration::from_secs(round.tried as u64) / texts_per_sec.max(1);
                    least.saturating_sub(began.elapsed())
                }
            }
            Ok(round) => {
                health.report(
                    EMBEDDER,
                    Err(Trouble::degraded("it is not available: texts are embedded later")),
                );
                batch = (batch / 2).max(1);
                let wait = round.unavailable.flatten().unwrap_or(backoff);
                backoff = (backoff * 2).min(longest);
                wait
            }
            Err(error) => {
                tracing::warn!(%error, "pending contexts were not embedded: the store failed");
                let wait = backoff;
                backoff = (backoff * 2).min(longest);
                wait
            }
        };
        if !wait.is_zero() {
            sleep(wait.min(longest)).await;
        }
    }
}
