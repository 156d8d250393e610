//! When requests start.
//!
//! In a closed loop a worker starts its next request when its last one is answered: a slow server is asked less, and its
//! slowness is not seen in full. In an open loop requests are due at fixed times whether or not earlier ones are answered,
//! as those of many users are, and waiting counts from the time a request was due, even if it could not start then.

use std::cell::{Cell, RefCell};
use std::thread;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

/// Requests of an open loop under way at once, each with a connection of its own; those beyond wait, and their wait
/// counts. Below the 1,024 files that a process may usually open.
pub(super) const MOST_IN_FLIGHT: usize = 500;
/// Ticks that may wait to be taken; the times they carry do not change by it.
const TICKS: usize = 64;

/// The times of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// When it had to start; in a closed loop, when it did.
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
/// Stops at the first tick that can be taken only after `give_up`; returns how many requests were started.
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

/// Gives the time of each of `total` requests, at `rate` a second from `start` on, when it has come.
///
/// A thread of its own keeps the times: the runtime's timer counts in whole milliseconds, which is longer than many an
/// answer takes.
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

/// How many requests are due within a time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate and a time are positive, and their product is far below 2^53"
)]
pub(super) fn due_within(time: Duration, rate: f64) -> u64 {
    (time.as_secs_f64() * rate).ceil() as u64
}

/// When a request is due after the first. Not one interval added to another: the error would add up.
#[expect(clippy::cast_precision_loss, reason = "numbers of requests are far below 2^52")]
fn offset(number: u64, rate: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / rate)
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Ticks one second apart from now on, all there at once, as when nobody took them in time.
    async fn every_second(count: u32) -> mpsc::Receiver<Instant> {
        let (sender, receiver) = mpsc::channel(100);
        for number in 0..count {
            sender.send(Instant::now() + SECOND * number).await.unwrap();
        }
        receiver
    }

    #[test]
    fn requests_are_due_at_even_times_without_drift() {
        assert_eq!(offset(0, 2_000.0), Duration::ZERO);
        assert_eq!(offset(1, 2_000.0), Duration::from_micros(500));
        assert_eq!(offset(120_000, 2_000.0), Duration::from_mins(1));
        assert_eq!(offset(3_000_000, 3.0), Duration::from_secs(1_000_000));
        assert_eq!(due_within(Duration::from_secs(10), 2.5), 25);
        assert_eq!(due_within(Duration::from_millis(1), 1.0), 1);
    }

    #[tokio::test]
    async fn ticks_carry_the_schedule_and_never_come_early() {
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
    async fn closed_loop_waits_for_answers_and_numbers_requests_once() {
        let start = Instant::now();
        let mut seen = Vec::new();
        let send = async |_: &u64| sleep(SECOND).await;
        closed(
            2,
            |n| n < 6,
            |n| n,
            send,
            |n, (), times| seen.push((*n, times.started - start)),
        )
        .await;
        seen.sort_unstable();
        let expected: Vec<_> = [0, 0, 1, 1, 2, 2].into_iter().map(|seconds| SECOND * seconds).collect();
        assert_eq!(
            seen.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5]
        );
        assert_eq!(seen.iter().map(|(_, started)| *started).collect::<Vec<_>>(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn open_loop_counts_the_wait_for_a_server_that_is_behind() {
        let start = Instant::now();
        let mut waits = Vec::new();
        let send = async |_: &u64| sleep(SECOND * 10).await;
        let ticks = every_second(3).await;
        // One at a time, though the next is due long before the answer is there.
        let started = open(
            ticks,
            1,
            start + SECOND * 60,
            |n| n,
            send,
            |_, (), times| {
                waits.push((times.due - start, times.started - start, times.ended - times.due));
            },
        )
        .await;
        assert_eq!(started, 3);
        let expected = [(0, 0, 10), (1, 10, 19), (2, 20, 28)];
        assert_eq!(
            waits,
            expected.map(|(due, began, took)| (SECOND * due, SECOND * began, SECOND * took))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn open_loop_does_not_wait_for_answers_to_start_the_next() {
        let start = Instant::now();
        let send = async |_: &u64| sleep(SECOND * 10).await;
        let mut ended = Vec::new();
        let ticks = every_second(3).await;
        open(
            ticks,
            9,
            start + SECOND,
            |n| n,
            send,
            |_, (), times| ended.push(times.ended - start),
        )
        .await;
        assert_eq!(ended, [SECOND * 10; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn open_loop_gives_up_when_it_is_too_far_behind() {
        let start = Instant::now();
        let send = async |_: &u64| sleep(SECOND * 10).await;
        let ticks = every_second(50).await;
        let started = open(ticks, 1, start + SECOND * 25, |n| n, send, |_, (), _| {}).await;
        assert_eq!(started, 3);
    }
}
