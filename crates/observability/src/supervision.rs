//! Supervision of background loops: a loop that panics or ends is logged, counted, shown in the health of the component
//! `background`, and restarted after a pause.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::health::{HealthCheck, HealthRegistry, Importance, Trouble};
use crate::metrics::LOOP_RESTARTS;

/// Name of the health component that stands for all loops.
const PART: &str = "background";
/// First and maximum pause before a restart.
const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];
/// Time that a restarted loop has to run until it counts as healthy and its pause is reset.
const SETTLED: Duration = Duration::from_mins(1);

/// Keeps loops running until a token is cancelled. Dropping it aborts them.
#[derive(Debug)]
pub struct Supervisor {
    health: HealthRegistry,
    stop: CancellationToken,
    failing: Failing,
    loops: Mutex<JoinSet<()>>,
}

impl Supervisor {
    /// Makes a supervisor without loops, which reports recent failures to `health`.
    pub fn new(health: HealthRegistry, stop: CancellationToken) -> Self {
        let failing = Failing::default();
        health.register(PART, Importance::Helpful, failing.clone());
        Self {
            health,
            stop,
            failing,
            loops: Mutex::default(),
        }
    }

    /// Runs the loop that `start` makes from `parts`, and drops it once the token is cancelled.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn supervise<T, F>(&self, name: &'static str, parts: T, start: impl Fn(T) -> F + Send + 'static)
    where
        T: Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.keep(name, SETTLED, move || {
            stop.clone().run_until_cancelled_owned(start(parts.clone())).map(drop)
        });
    }

    /// Runs `work` with `parts` after each `interval`. Work that is running when the token is cancelled is finished.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn every<T, F>(
        &self,
        name: &'static str,
        interval: Duration,
        parts: T,
        work: impl Fn(T) -> F + Send + Sync + 'static,
    ) where
        T: Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (work, stop) = (Arc::new(work), self.stop.clone());
        // Healthy again only after a round without a failure.
        self.keep(name, interval + SETTLED, move || {
            let (work, parts, stop) = (Arc::clone(&work), parts.clone(), stop.clone());
            async move {
                while stop.run_until_cancelled(sleep(interval)).await.is_some() {
                    work(parts.clone()).await;
                }
            }
        });
    }

    /// Waits for all loops to end after the token is cancelled, and aborts the rest after `grace`.
    pub async fn ended(&self, grace: Duration) {
        let mut loops = std::mem::take(&mut *lock(&self.loops));
        let all = async { while loops.join_next().await.is_some() {} };
        if timeout(grace, all).await.is_err() {
            tracing::warn!(loops = loops.len(), "background loops aborted");
            loops.shutdown().await;
        }
    }

    fn keep<F>(&self, name: &'static str, settled: Duration, start: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // From the start, so that the first restart is an increase.
        metrics::counter!(LOOP_RESTARTS, "loop" => name).increment(0);
        let keeper = Keeper {
            name,
            settled,
            health: self.health.clone(),
            stop: self.stop.clone(),
            failing: self.failing.clone(),
        };
        lock(&self.loops).spawn(keeper.run(start));
    }
}

/// Runs one loop and restarts it.
struct Keeper {
    name: &'static str,
    settled: Duration,
    health: HealthRegistry,
    stop: CancellationToken,
    failing: Failing,
}

impl Keeper {
    async fn run<F: Future<Output = ()> + Send>(self, mut start: impl FnMut() -> F + Send) {
        let [first, longest] = BACKOFF;
        let mut pause = first;
        loop {
            // Only state with locks of its own is shared with a run that panicked.
            let mut run = std::pin::pin!(AssertUnwindSafe(async { start().await }).catch_unwind());
            let ended = if let Ok(ended) = timeout(self.settled, &mut run).await {
                ended
            } else {
                pause = first;
                self.note(false);
                run.await
            };
            if self.stop.is_cancelled() {
                return;
            }
            // Without the panic's message, which may quote user text.
            tracing::error!(
                name = self.name,
                panicked = ended.is_err(),
                restart_in_secs = pause.as_secs(),
                "background loop ended unexpectedly; restarting"
            );
            metrics::counter!(LOOP_RESTARTS, "loop" => self.name).increment(1);
            self.note(true);
            if self.stop.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
            pause = (pause * 2).min(longest);
        }
    }

    fn note(&self, fails: bool) {
        if self.failing.note(self.name, fails) {
            self.health.report(PART, self.failing.verdict());
        }
    }
}

/// Names of the loops that failed recently.
#[derive(Debug, Clone, Default)]
struct Failing(Arc<Mutex<BTreeSet<&'static str>>>);

impl Failing {
    /// Returns `true` if that is a change.
    fn note(&self, name: &'static str, fails: bool) -> bool {
        let mut failing = lock(&self.0);
        if fails {
            failing.insert(name)
        } else {
            failing.remove(name)
        }
    }

    fn verdict(&self) -> Result<(), Trouble> {
        let failing = lock(&self.0);
        if failing.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = failing.iter().copied().collect();
        let reason = format!("ended before its time, and started again: {}", names.join(", "));
        Err(Trouble::degraded(reason))
    }
}

#[async_trait]
impl HealthCheck for Failing {
    async fn check(&self) -> Result<(), Trouble> {
        self.verdict()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half changed by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;
    use crate::health::{Phase, Status};

    fn supervisor() -> (Supervisor, HealthRegistry, CancellationToken) {
        let (health, stop) = (HealthRegistry::default(), CancellationToken::new());
        health.enter(Phase::Serving);
        (Supervisor::new(health.clone(), stop.clone()), health, stop)
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_loop_is_restarted_and_degrades_health_until_it_has_settled() {
        let (supervisor, health, stop) = supervisor();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&starts);
        let begin = Instant::now();
        supervisor.supervise("shaky", (), move |()| {
            let mut starts = lock(&seen);
            starts.push(begin.elapsed().as_secs());
            let panics = starts.len() <= 2;
            async move {
                assert!(!panics, "a text of a user");
                std::future::pending::<()>().await;
            }
        });
        sleep(Duration::from_secs(10)).await;
        assert_eq!(*lock(&starts), [0, 1, 3], "after one second, then after two");
        let sick = health.check_health();
        assert_eq!((sick.status(), sick.is_ready()), (Status::Degraded, true));
        let (reason, _) = sick.components[0].last_error.clone().unwrap();
        assert_eq!(reason, "ended before its time, and started again: shaky");
        assert_eq!(health.check_health_fresh().await.status(), Status::Degraded);

        sleep(SETTLED).await;
        assert_eq!(health.check_health().status(), Status::Healthy);
        stop.cancel();
        supervisor.ended(Duration::from_secs(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_is_bounded_and_reset_after_a_loop_has_settled() {
        let (supervisor, _health, _stop) = supervisor();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&starts);
        let begin = Instant::now();
        supervisor.supervise("ends", (), move |()| {
            let mut starts = lock(&seen);
            starts.push(begin.elapsed().as_secs());
            // The ninth run settles.
            let runs = if starts.len() == 9 { 2 * SETTLED } else { Duration::ZERO };
            sleep(runs)
        });
        sleep(Duration::from_mins(10)).await;
        let starts = lock(&starts).clone();
        let gaps: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps[..10], [1, 2, 4, 8, 16, 32, 60, 60, 121, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_waits_for_running_work_up_to_its_grace() {
        let (supervisor, health, stop) = supervisor();
        let done = Arc::new(AtomicUsize::new(0));
        for (name, takes) in [("quick", 2), ("slow", 3600)] {
            let work = move |done: Arc<AtomicUsize>| async move {
                sleep(Duration::from_secs(takes)).await;
                done.fetch_add(1, Ordering::Relaxed);
            };
            supervisor.every(name, Duration::from_secs(5), Arc::clone(&done), work);
        }
        sleep(Duration::from_secs(6)).await;
        stop.cancel();
        let begin = Instant::now();
        supervisor.ended(Duration::from_secs(10)).await;
        assert_eq!((done.load(Ordering::Relaxed), begin.elapsed().as_secs()), (1, 10));
        assert_eq!(health.check_health().status(), Status::Healthy, "nothing failed");
    }
}
