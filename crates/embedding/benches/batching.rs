//! Gain of batching single texts: `cargo bench -p context-manager-embedding --bench batching`.
//!
//! 1,280 concurrent callers request the vector of one text each. The service is scripted: every request takes 5 ms
//! regardless of its size, and it serves one request at a time or eight.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark reports on the standard output"
)]

#[allow(dead_code, reason = "tests need more of it")]
#[path = "../tests/it/peer.rs"]
mod peer;

use std::time::Duration;

use context_manager_core::ports::Embedder;
use context_manager_embedding::{ApiConfig, BatchConfig, Batching, OpenAiCompatible};
use futures::future::join_all;
use peer::Peer;
use tokio::time::Instant;

const TEXTS: usize = 1280;
const PER_REQUEST: Duration = Duration::from_millis(5);
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    for workers in [1, 8] {
        for batching in [false, true] {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                rounds.push(round(workers, batching).await);
            }
            rounds.sort();
            let (time, requests) = rounds[ROUNDS / 2];
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let rate = TEXTS as f64 / time.as_secs_f64();
            println!(
                "requests replied to at once: {workers}; batching: {batching:5}; {TEXTS} texts in {requests:4} requests, \
                 {:4} ms, {rate:.0} texts/s (median of {ROUNDS})",
                time.as_millis()
            );
        }
    }
}

/// Returns the time and the number of requests for all texts.
async fn round(workers: usize, batching: bool) -> (Duration, usize) {
    let peer = Peer::start_with(None, workers, |_, asked| asked.answer().late(PER_REQUEST)).await;
    let config = ApiConfig {
        api_url: Some(peer.url()),
        model: "bench".to_owned(),
        timeout_secs: 60,
        ..ApiConfig::default()
    };
    let api = OpenAiCompatible::builder(config).connect(None).await.unwrap();
    let time = if batching {
        let config = BatchConfig {
            queue_size: TEXTS,
            ..BatchConfig::default()
        };
        ask_all(&Batching::start(api, &config)).await
    } else {
        ask_all(&api).await
    };
    // Without the probe.
    (time, peer.asked().len() - 1)
}

async fn ask_all(embedder: &impl Embedder) -> Duration {
    let texts: Vec<_> = (0..TEXTS).map(|number| format!("text {number}")).collect();
    let start = Instant::now();
    let found = join_all(texts.iter().map(|text| embedder.embed_query(text))).await;
    assert!(found.iter().all(Result::is_ok));
    start.elapsed()
}
