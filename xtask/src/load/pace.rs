//! Start times of requests.
//!
//! In a closed loop a worker starts its next request when its last one is answered, so a slow server is asked less and
//! its slowness is not seen in full. In an open loop requests are due at fixed times whether or not earlier ones are
//! answered, as those of many users are; latency counts from the time a request was due.

use std::cell::{Cell, RefCell};
use std::thread;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

/// Maximum number of requests in flight in an open loop, each with its own connection; others wait, and their wait
/// counts. Below the usual limit of 1,024 open files.
pub(super) const MAX_IN_FLIGHT: usize = 500;
/// Ticks that may wait to be taken.
const TICKS: usize = 64;

/// Times of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Time it had to start; in a closed loop, the time it did.
    pub(super) due: Instant,
    pub(super) started: Instant,
    pub(super) ended: Instant,
}

/// Makes and sends requests one after another with each of `workers`, as long as the next request's number `goes_on`.
pub(super) async fn closed<R, A>(
    workers: usize,
    goes_on: impl Fn(u64) -> bool,
    make: impl Fn(u64) -> R,
    send: impl AsyncFn(&R) -> A,
    record: impl FnMut(&R, A, Times),
) {
    let (next, record) = (Cell::new(0), RefCell::new(record));
    let worker = async || {
        while goes_on(next.get()) {
            let request = make(next.replace(next.get() + 1));
            let started = Instant::now();
            let answer = send(&request).await;
            let times = Times {
                due: started,
                started,
                ended: Instant::now(),
            };
            (*record.borrow_mut())(&request, answer, times);
        }
    };
    join_all((0..workers).map(|_| worker())).await;
}

/// Makes and sends a request at each of `ticks`, at most `most` at once, and waits for all answers.
///
/// Stops at the first tick taken after `give_up`, and returns the number of requests started.
pub(super) async fn open<R, A>(
    mut ticks: mpsc::Receiver<Instant>,
    most: usize,
    give_up: Instant,
    make: impl Fn(u64) -> R,
    send: impl AsyncFn(&R) -> A,
    mut record: impl FnMut(&R, A, Times),
) -> u64 {
    let send = &send;
    let mut in_flight = FuturesUnordered::new();
    let mut count = 0;
    // Made ahead, so that making it is not part of its latency.
    let mut ready = make(0);
    loop {
        tokio::select! {
            biased;
            Some((request, answer, times)) = in_flight.next() => record(&request, answer, times),
            tick = ticks.recv(), if in_flight.len() < most => {
                let Some(due) = tick.filter(|_| Instant::now() <= give_up) else { break };
                count += 1;
                let request = std::mem::replace(&mut ready, make(count));
                in_flight.push(async move {
                    let started = Instant::now();
                    let answer = send(&request).await;
                    (request, answer, Times { due, started, ended: Instant::now() })
                });
            }
        }
    }
    while let Some((request, answer, times)) = in_flight.next().await {
        record(&request, answer, times);
    }
    count
}

/// Sends the time of each of `total` requests, at `rate` per second from `start` on, when it has come.
///
/// From a thread: the runtime's timer counts whole milliseconds, longer than many an answer takes.
pub(super) fn ticks(start: Instant, rate: f64, total: u64) -> mpsc::Receiver<Instant> {
    let (sender, receiver) = mpsc::channel(TICKS);
    thread::spawn(move || {
        for number in 0..total {
            let due = start + offset(number, rate);
            #[expect(clippy::disallowed_methods, reason = "a thread of its own, and no test waits for it")]
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if sender.blocking_send(due).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Returns the number of requests that are due within a time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate and a time are positive, and their product is far below 2^53"
)]
pub(super) fn due_within(time: Duration, rate: f64) -> u64 {
    (time.as_secs_f64() * rate).ceil() as u64
}

/// Returns the time from the first request to this one. Adding up intervals would add up their errors.
#[expect(clippy::cast_precision_loss, reason = "numbers of requests are far below 2^52")]
fn offset(number: u64, rate: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / rate)
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Ticks a second apart from now on, all there at once.
    async fn every_second(count: u32) -> mpsc::Receiver<Instant> {
        let (sender, receiver) = mpsc::channel(100);
        for number in 0..count {
            sender.send(Instant::now() + SECOND * number).await.unwrap();
        }
        receiver
    }

    #[tokio::test]
    async fn ticks_keep_the_schedule_and_never_come_early() {
        assert_eq!(offset(3_000_000, 3.0), Duration::from_secs(1_000_000));
        assert_eq!(due_within(Duration::from_secs(10), 2.5), 25);
        let start = Instant::now();
        let mut ticks = ticks(start, 1_000.0, 5);
        for number in 0..5 {
            let due = ticks.recv().await.unwrap();
            assert_eq!(due, start + Duration::from_millis(number));
            assert!(Instant::now() >= due);
        }
        assert!(ticks.recv().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_loop_waits_for_answers_and_uses_each_number_once() {
        let start = Instant::now();
        let mut seen = Vec::new();
        let send = async |_: &u64| sleep(SECOND).await;
        let record = |n: &u64, (), times: Times| seen.push((*n, (times.started - start).as_secs()));
        closed(2, |n| n < 6, |n| n, send, record).await;
        seen.sort_unstable();
        assert_eq!(seen, [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)]);
    }

    /// Seconds at which requests to a server that takes 10 s were due, started and ended.
    async fn answered_by_a_slow_server(requests: u32, most: usize, give_up: Duration) -> Vec<(u64, u64, u64)> {
        let start = Instant::now();
        let mut seen = Vec::new();
        let send = async |_: &u64| sleep(SECOND * 10).await;
        let record = |_: &u64, (), times: Times| {
            seen.push(
                [times.due, times.started, times.ended]
                    .map(|time| (time - start).as_secs())
                    .into(),
            );
        };
        let ticks = every_second(requests).await;
        let started = open(ticks, most, start + give_up, |n| n, send, record).await;
        assert_eq!(started, seen.len() as u64);
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_loop_does_not_wait_for_answers_but_counts_their_wait() {
        let seen = answered_by_a_slow_server(3, 9, SECOND).await;
        assert_eq!(seen.iter().map(|(.., ended)| *ended).collect::<Vec<_>>(), [10, 10, 10]);
        let seen = answered_by_a_slow_server(3, 1, SECOND * 60).await;
        assert_eq!(seen, [(0, 0, 10), (1, 10, 20), (2, 20, 30)]);
        // Too far behind after 25 s.
        assert_eq!(answered_by_a_slow_server(50, 1, SECOND * 25).await.len(), 3);
    }
}
