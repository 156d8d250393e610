//! What it costs to ask the limiter, from 1 to 8 threads, beside the same algorithm in a map behind one lock.
//!
//! `cargo bench -p context-manager-resilience --bench rate_limiter`. Two loads: every thread asks for callers of its own
//! among a thousand, and all threads ask for the same caller. The limit is never reached, so each call writes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark, which reports to whoever started it"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::{Barrier, RwLock};
use std::time::Duration;

use context_manager_resilience::{Rate, RateLimiter};
use tokio::time::Instant;

const CALLS: u32 = 100_000;
const ROUNDS: usize = 9;
const CALLERS: u32 = 1000;

/// The generic cell rate algorithm as one writes it first: a map of arrival times behind a lock.
struct Locked {
    start: Instant,
    interval: Duration,
    tolerance: Duration,
    arrivals: RwLock<HashMap<String, Duration>>,
}

impl Locked {
    fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(1) / rate.per_sec.get();
        Self {
            start: Instant::now(),
            interval,
            tolerance: interval * (rate.burst.get() - 1),
            arrivals: RwLock::default(),
        }
    }

    fn check(&self, caller: &str) -> bool {
        let now = self.start.elapsed();
        let mut arrivals = self.arrivals.write().unwrap();
        let Some(arrival) = arrivals.get_mut(caller) else {
            arrivals.insert(caller.to_owned(), now + self.interval);
            return true;
        };
        let passes = *arrival <= now + self.tolerance;
        if passes {
            *arrival = now.max(*arrival) + self.interval;
        }
        passes
    }
}

fn main() {
    let high = NonZeroU32::new(1_000_000_000).unwrap();
    let rate = Rate {
        per_sec: high,
        burst: high,
    };
    let callers: Vec<String> = (0..CALLERS)
        .map(|number| format!("tenant-{number}/key-{number}"))
        .collect();
    let one = NonZeroU32::MIN;
    println!(
        "million checks a second, median of {ROUNDS} rounds; {} CPUs",
        std::thread::available_parallelism().unwrap()
    );
    for (load, spread) in [("callers of their own", true), ("one caller for all", false)] {
        for threads in 1..=8_u32 {
            let limiter = RateLimiter::new(rate, 10_000);
            let locked = Locked::new(rate);
            let caller = |thread: u32, number: u32| {
                let at = if spread {
                    (thread * 125 + number % 125) % CALLERS
                } else {
                    0
                };
                &callers[at as usize]
            };
            let ours = median(threads, &|thread, number| {
                limiter.check(caller(thread, number), one).is_ok()
            });
            let theirs = median(threads, &|thread, number| locked.check(caller(thread, number)));
            println!(
                "{load}, {threads} thread(s): limiter {ours:.1}, RwLock<HashMap> {theirs:.1}, {:.1} times",
                ours / theirs
            );
        }
    }
}

fn median(threads: u32, check: &(impl Fn(u32, u32) -> bool + Sync)) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round(threads, check)).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// Millions of checks a second, by all threads together.
fn round(threads: u32, check: &(impl Fn(u32, u32) -> bool + Sync)) -> f64 {
    let barrier = Barrier::new(threads as usize + 1);
    let mut start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                (0..CALLS).for_each(|number| {
                    black_box(check(thread, number));
                });
            });
        }
        barrier.wait();
        start = Instant::now();
    });
    f64::from(CALLS * threads) / start.elapsed().as_secs_f64() / 1e6
}
