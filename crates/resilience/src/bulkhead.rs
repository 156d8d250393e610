//! Bounded concurrency with a bounded waiting line.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::Deadline;

/// How much a [`Bulkhead`] lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many may run at once; at least 1.
    pub max_concurrent: usize,
    /// How many may wait for their turn; 0 turns away everyone who cannot run at once.
    pub max_waiting: usize,
    /// What those turned away are told to wait before they come back.
    pub retry_after: Duration,
}

impl Default for Limits {
    /// 16 at once, 256 waiting, come back after 100 ms.
    fn default() -> Self {
        Self {
            max_concurrent: 16,
            max_waiting: 256,
            retry_after: Duration::from_millis(100),
        }
    }
}

/// Lets a bounded number of operations run at once and a bounded number wait, first come, first served.
#[derive(Debug)]
pub struct Bulkhead {
    name: &'static str,
    limits: Limits,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// The right to run, until it is dropped. It may move to another thread.
#[derive(Debug)]
#[must_use = "dropping the permit ends the turn"]
pub struct Permit {
    _turn: OwnedSemaphorePermit,
}

/// There is no turn to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} is overloaded: {cause}")]
pub struct Overloaded {
    /// Which bulkhead.
    pub name: &'static str,
    /// Why there is no turn.
    pub cause: Cause,
    /// When to come back.
    pub retry_after: Duration,
}

/// Why there is no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// As many wait already as may.
    #[error("too many are waiting")]
    LineFull,
    /// The caller's deadline passed while waiting.
    #[error("the turn did not come in time")]
    DeadlinePassed,
    /// It was closed for good.
    #[error("it is closed")]
    Closed,
}

impl Bulkhead {
    /// A bulkhead; `name` appears in [`Overloaded`].
    pub fn new(name: &'static str, limits: Limits) -> Self {
        let turns = limits.max_concurrent.clamp(1, Semaphore::MAX_PERMITS);
        let limits = Limits {
            max_concurrent: turns,
            ..limits
        };
        Self {
            name,
            limits,
            turns: Arc::new(Semaphore::new(turns)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits for a turn. Dropping the future leaves the line.
    ///
    /// # Errors
    /// [`Overloaded`], at once, when the line is full or the bulkhead closed.
    pub async fn acquire(&self) -> Result<Permit, Overloaded> {
        self.enter(None).await
    }

    /// Waits for a turn until `deadline`. Dropping the future leaves the line.
    ///
    /// # Errors
    /// [`Overloaded`], at once when the line is full or the bulkhead closed, or at the deadline.
    pub async fn acquire_by(&self, deadline: Deadline) -> Result<Permit, Overloaded> {
        self.enter(Some(deadline)).await
    }

    /// Whether a turn can be had or waited for now; for turning someone away before any work is done for them.
    ///
    /// # Errors
    /// [`Overloaded`], when [`acquire`](Self::acquire) would be refused at once.
    pub fn check(&self) -> Result<(), Overloaded> {
        if self.turns.is_closed() {
            return Err(self.overloaded(Cause::Closed));
        }
        if self.turns.available_permits() == 0 && self.waiting() >= self.limits.max_waiting {
            return Err(self.overloaded(Cause::LineFull));
        }
        Ok(())
    }

    /// Turns away everyone from now on, those in the line included. Permits that were given stay good.
    pub fn close(&self) {
        self.turns.close();
    }

    /// How many run.
    pub fn in_flight(&self) -> usize {
        self.limits.max_concurrent - self.turns.available_permits()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn enter(&self, deadline: Option<Deadline>) -> Result<Permit, Overloaded> {
        match Arc::clone(&self.turns).try_acquire_owned() {
            Ok(turn) => return Ok(Permit { _turn: turn }),
            Err(TryAcquireError::Closed) => return Err(self.overloaded(Cause::Closed)),
            Err(TryAcquireError::NoPermits) => {}
        }
        let _place = self.queue().ok_or_else(|| self.overloaded(Cause::LineFull))?;
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = match deadline {
            Some(deadline) => deadline
                .run(turn)
                .await
                .map_err(|_passed| self.overloaded(Cause::DeadlinePassed))?,
            None => turn.await,
        };
        turn.map(|turn| Permit { _turn: turn })
            .map_err(|_closed| self.overloaded(Cause::Closed))
    }

    /// A place in the line, if there is one left.
    fn queue(&self) -> Option<Place<'_>> {
        let one_more = |waiting| (waiting < self.limits.max_waiting).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_before| Place(self))
    }

    fn overloaded(&self, cause: Cause) -> Overloaded {
        Overloaded {
            name: self.name,
            cause,
            retry_after: self.limits.retry_after,
        }
    }
}

/// A place in the line; dropping it, also because the caller gave up, leaves the line.
struct Place<'a>(&'a Bulkhead);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use tokio::time::{Instant, sleep};

    use super::*;

    fn bulkhead(max_concurrent: usize, max_waiting: usize) -> Arc<Bulkhead> {
        let retry_after = Duration::from_millis(30);
        Arc::new(Bulkhead::new(
            "test",
            Limits {
                max_concurrent,
                max_waiting,
                retry_after,
            },
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_run_than_may_and_all_get_their_turn() {
        let bulkhead = bulkhead(3, 100);
        let highest = Arc::new(AtomicUsize::new(0));
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..30 {
            let (bulkhead, highest) = (Arc::clone(&bulkhead), Arc::clone(&highest));
            tasks.spawn(async move {
                let _permit = bulkhead.acquire().await.unwrap();
                highest.fetch_max(bulkhead.in_flight(), Ordering::Relaxed);
                sleep(Duration::from_secs(1)).await;
            });
        }
        tasks.join_all().await;
        assert_eq!(highest.load(Ordering::Relaxed), 3);
        assert_eq!(started.elapsed(), Duration::from_secs(10));
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_line_turns_away_at_once() {
        let bulkhead = bulkhead(1, 1);
        let _running = bulkhead.acquire().await.unwrap();
        let waiting = tokio::spawn({
            let bulkhead = Arc::clone(&bulkhead);
            async move { bulkhead.acquire().await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!(bulkhead.waiting(), 1);
        assert_eq!(bulkhead.check().unwrap_err().cause, Cause::LineFull);

        let started = Instant::now();
        let refused = bulkhead.acquire().await.unwrap_err();
        assert_eq!(refused, bulkhead.overloaded(Cause::LineFull));
        assert_eq!(refused.retry_after, Duration::from_millis(30));
        assert_eq!(refused.to_string(), "test is overloaded: too many are waiting");
        assert_eq!(started.elapsed(), Duration::ZERO);
        waiting.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_line_only_free_turns_count() {
        let bulkhead = bulkhead(1, 0);
        let running = bulkhead.acquire().await.unwrap();
        assert_eq!(bulkhead.acquire().await.unwrap_err().cause, Cause::LineFull);
        drop(running);
        assert!(bulkhead.check().is_ok());
        assert!(bulkhead.acquire().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_at_the_deadline_and_frees_the_place() {
        let bulkhead = bulkhead(1, 1);
        let _running = bulkhead.acquire().await.unwrap();
        let started = Instant::now();
        let refused = bulkhead
            .acquire_by(Deadline::after(Duration::from_secs(2)))
            .await
            .unwrap_err();
        assert_eq!(refused.cause, Cause::DeadlinePassed);
        assert_eq!(started.elapsed(), Duration::from_secs(2));
        assert_eq!(bulkhead.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_line_and_takes_no_turn() {
        let bulkhead = bulkhead(1, 5);
        let running = bulkhead.acquire().await.unwrap();
        let gave_up = tokio::time::timeout(Duration::from_secs(1), bulkhead.acquire()).await;
        assert!(gave_up.is_err());
        assert_eq!(bulkhead.waiting(), 0);
        drop(running);
        assert_eq!(bulkhead.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_turns_away_those_in_the_line_and_those_to_come() {
        let bulkhead = bulkhead(1, 5);
        let running = bulkhead.acquire().await.unwrap();
        let waiting = tokio::spawn({
            let bulkhead = Arc::clone(&bulkhead);
            async move { bulkhead.acquire().await.map(drop) }
        });
        tokio::task::yield_now().await;
        bulkhead.close();
        assert_eq!(bulkhead.check().unwrap_err().cause, Cause::Closed);
        assert_eq!(waiting.await.unwrap().unwrap_err().cause, Cause::Closed);
        assert_eq!(bulkhead.acquire().await.unwrap_err().cause, Cause::Closed);
        assert_eq!(bulkhead.in_flight(), 1);
        drop(running);
        assert_eq!(bulkhead.in_flight(), 0);
    }

    #[tokio::test]
    async fn a_permit_may_end_on_another_thread() {
        let bulkhead = bulkhead(1, 1);
        let permit = bulkhead.acquire().await.unwrap();
        let (next, ()) = tokio::join!(bulkhead.acquire(), async {
            tokio::task::spawn_blocking(move || drop(permit)).await.unwrap();
        });
        assert!(next.is_ok());
    }
}
