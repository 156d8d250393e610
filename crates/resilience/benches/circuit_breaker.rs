//! Cost of a closed circuit per successful call: `cargo bench -p context-manager-resilience --bench circuit_breaker`.
//!
//! The difference to the empty call of the same run counts.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark reports on the standard output"
)]

use std::hint::black_box;

use context_manager_resilience::{CircuitBreaker, CircuitBreakerConfig};
use tokio::time::Instant;

const CALLS: u32 = 200_000;
const ROUNDS: usize = 15;

fn main() {
    let circuit = CircuitBreaker::new("bench", CircuitBreakerConfig::default());
    println!("nanoseconds per call, median of {ROUNDS} rounds");
    for threads in [1, 2, 4] {
        let empty = median(threads, || {
            black_box(Instant::now());
        });
        let breaker = median(threads, || circuit.acquire().unwrap().success());
        println!("{threads} thread(s): empty call {empty:.0}, circuit breaker {breaker:.0}");
    }
}

fn median(threads: usize, call: impl Fn() + Sync) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round(threads, &call)).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn round(threads: usize, call: &(impl Fn() + Sync)) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..CALLS).for_each(|_| call()));
        }
    });
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}
