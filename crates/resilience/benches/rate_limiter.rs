//! Throughput of the rate limiter: `cargo bench -p context-manager-resilience --bench rate_limiter`.
//!
//! Two loads from 1 to 8 threads: each thread checks its own callers among a thousand, and all threads check one caller.
//! The limit is never reached, so each check writes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark reports on the standard output"
)]

use std::hint::black_box;
use std::num::NonZeroU32;

use context_manager_resilience::{Rate, RateLimiter};
use tokio::time::Instant;

const CALLS: u32 = 100_000;
const ROUNDS: usize = 9;
const CALLERS: u32 = 1000;

fn main() {
    let high = NonZeroU32::new(1_000_000_000).unwrap();
    let rate = Rate {
        per_sec: high,
        burst: high,
    };
    let callers: Vec<String> = (0..CALLERS)
        .map(|number| format!("tenant-{number}/key-{number}"))
        .collect();
    println!(
        "million checks per second, median of {ROUNDS} rounds; {} CPUs",
        std::thread::available_parallelism().unwrap()
    );
    for (load, spread) in [("callers of their own", true), ("one caller for all", false)] {
        for threads in [1, 2, 4, 8] {
            let limiter = RateLimiter::new(rate, 10_000);
            let check = |thread: u32, number: u32| {
                let at = if spread {
                    (thread * 125 + number % 125) % CALLERS
                } else {
                    0
                };
                limiter.check(&callers[at as usize], NonZeroU32::MIN).is_ok()
            };
            let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round(threads, &check)).collect();
            rounds.sort_by(f64::total_cmp);
            println!("{load}, {threads} thread(s): {:.1}", rounds[ROUNDS / 2]);
        }
    }
}

/// Millions of checks per second, by all threads together.
fn round(threads: u32, check: &(impl Fn(u32, u32) -> bool + Sync)) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                (0..CALLS).for_each(|number| {
                    black_box(check(thread, number));
                });
            });
        }
    });
    f64::from(CALLS * threads) / start.elapsed().as_secs_f64() / 1e6
}
