//! Answers about another tenant's id take as long as those about an unknown one.

use std::time::Duration;

use tokio::time::Instant;

use super::{call, seed, start, subject};

/// Calls of each kind. They take turns, so that whatever else the machine does meets both alike.
const CALLS: usize = 600;
/// Maximum distance of the medians, as a share of them. Generous, as machines are noisy: what it must catch is a read from
/// the store more or less, which is several times that. docs/reference/benchmarks.md has what was measured.
const APART: f64 = 0.25;

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test]
async fn another_tenants_id_takes_as_long_as_an_unknown_one() {
    let app = start(&["asker", "owner"]).await;
    let (owner, nobody) = (subject("owner", 0x40), subject("nobody", 0x80));
    seed(&app, "owner", &owner).await;
    let paths = [&owner, &nobody].map(|subject| format!("/api/v1/contexts/{}", subject.ids[2]));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..CALLS {
        for (path, times) in paths.iter().zip(&mut times) {
            let start = Instant::now();
            let answer = call(&app, "asker", "GET", path, None).await;
            times.push(start.elapsed());
            assert_eq!(answer.status, 404);
        }
    }
    let [theirs, nobodys] = times.map(median);
    let apart = (theirs - nobodys).abs() / theirs.max(nobodys);
    println!(
        "another tenant's {:.1} µs, unknown {:.1} µs, {:.1} % apart",
        theirs * 1e6,
        nobodys * 1e6,
        apart * 100.0
    );
    assert!(apart < APART, "{theirs} s, {nobodys} s");
}
