//! Bounded concurrency with a bounded queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::Deadline;

/// Limits of a [`Bulkhead`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of concurrent operations, at least 1.
    pub max_concurrent: usize,
    /// Maximum length of the queue; with 0, an operation that cannot run at once is refused.
    pub max_waiting: usize,
    /// Time after which refused callers are told to try again.
    pub retry_after: Duration,
}

impl Default for Limits {
    /// 16 running, 256 queued, 100 ms until the next try.
    fn default() -> Self {
        Self {
            max_concurrent: 16,
            max_waiting: 256,
            retry_after: Duration::from_millis(100),
        }
    }
}

/// Limits the number of concurrent operations and of those in the queue, first come, first served.
#[derive(Debug)]
pub struct Bulkhead {
    name: &'static str,
    limits: Limits,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Permit to run, until it is dropped on any thread.
#[derive(Debug)]
#[must_use = "dropping the permit admits the next in the queue"]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
}

/// The bulkhead refused a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} is overloaded: {cause}")]
pub struct Overloaded {
    /// Name of the bulkhead.
    pub name: &'static str,
    /// Reason for the refusal.
    pub cause: Cause,
    /// Time after which to try again.
    pub retry_after: Duration,
}

/// Reason for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The queue is full.
    #[error("too many are waiting")]
    QueueFull,
    /// The caller's deadline passed in the queue.
    #[error("the turn did not come in time")]
    DeadlinePassed,
    /// The bulkhead is closed for good.
    #[error("it is closed")]
    Closed,
}

impl Bulkhead {
    /// Makes a bulkhead; `name` appears in [`Overloaded`].
    pub fn new(name: &'static str, limits: Limits) -> Self {
        let max_concurrent = limits.max_concurrent.clamp(1, Semaphore::MAX_PERMITS);
        let limits = Limits {
            max_concurrent,
            ..limits
        };
        Self {
            name,
            limits,
            permits: Arc::new(Semaphore::new(max_concurrent)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits for a permit. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`Overloaded`], at once, when the queue is full or the bulkhead closed.
    pub async fn acquire(&self) -> Result<Permit, Overloaded> {
        self.enter(None).await
    }

    /// Waits for a permit until `deadline`. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`Overloaded`], at once when the queue is full or the bulkhead closed, or at the deadline.
    pub async fn acquire_by(&self, deadline: Deadline) -> Result<Permit, Overloaded> {
        self.enter(Some(deadline)).await
    }

    /// Checks that a permit is free or the queue has room, to refuse a caller before any work is done.
    ///
    /// # Errors
    /// [`Overloaded`], when [`acquire`](Self::acquire) would be refused at once.
    pub fn check(&self) -> Result<(), Overloaded> {
        if self.permits.is_closed() {
            return Err(self.overloaded(Cause::Closed));
        }
        if self.permits.available_permits() == 0 && self.waiting() >= self.limits.max_waiting {
            return Err(self.overloaded(Cause::QueueFull));
        }
        Ok(())
    }

    /// Refuses all callers from now on, those in the queue included. Existing permits stay valid.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Returns the number of running operations.
    pub fn in_flight(&self) -> usize {
        self.limits.max_concurrent - self.permits.available_permits()
    }

    /// Returns the length of the queue.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn enter(&self, deadline: Option<Deadline>) -> Result<Permit, Overloaded> {
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => return Ok(Permit { _permit: permit }),
            Err(TryAcquireError::Closed) => return Err(self.overloaded(Cause::Closed)),
            Err(TryAcquireError::NoPermits) => {}
        }
        let _queued = self.enqueue().ok_or_else(|| self.overloaded(Cause::QueueFull))?;
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = match deadline {
            Some(deadline) => deadline
                .run(permit)
                .await
                .map_err(|_passed| self.overloaded(Cause::DeadlinePassed))?,
            None => permit.await,
        };
        permit
            .map(|permit| Permit { _permit: permit })
            .map_err(|_closed| self.overloaded(Cause::Closed))
    }

    /// Enters the queue, if it has room.
    fn enqueue(&self) -> Option<Queued<'_>> {
        let one_more = |waiting| (waiting < self.limits.max_waiting).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_before| Queued(self))
    }

    fn overloaded(&self, cause: Cause) -> Overloaded {
        Overloaded {
            name: self.name,
            cause,
            retry_after: self.limits.retry_after,
        }
    }
}

/// Membership of the queue, which ends when it is dropped, also because the caller gave up.
struct Queued<'a>(&'a Bulkhead);

impl Drop for Queued<'_> {
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
    async fn concurrency_is_bounded_and_all_run() {
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
    async fn a_full_queue_refuses_at_once() {
        let bulkhead = bulkhead(1, 1);
        let _running = bulkhead.acquire().await.unwrap();
        let waiting = tokio::spawn({
            let bulkhead = Arc::clone(&bulkhead);
            async move { bulkhead.acquire().await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!(bulkhead.waiting(), 1);
        assert_eq!(bulkhead.check().unwrap_err().cause, Cause::QueueFull);

        let started = Instant::now();
        let refused = bulkhead.acquire().await.unwrap_err();
        assert_eq!(refused, bulkhead.overloaded(Cause::QueueFull));
        assert_eq!(refused.retry_after, Duration::from_millis(30));
        assert_eq!(refused.to_string(), "test is overloaded: too many are waiting");
        assert_eq!(started.elapsed(), Duration::ZERO);
        waiting.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_queue_only_free_permits_count() {
        let bulkhead = bulkhead(1, 0);
        let running = bulkhead.acquire().await.unwrap();
        assert_eq!(bulkhead.acquire().await.unwrap_err().cause, Cause::QueueFull);
        drop(running);
        assert!(bulkhead.check().is_ok());
        assert!(bulkhead.acquire().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_at_the_deadline_and_leaves_the_queue() {
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
    async fn a_dropped_wait_leaves_the_queue_without_a_permit() {
        let bulkhead = bulkhead(1, 5);
        let running = bulkhead.acquire().await.unwrap();
        let gave_up = tokio::time::timeout(Duration::from_secs(1), bulkhead.acquire()).await;
        assert!(gave_up.is_err());
        assert_eq!(bulkhead.waiting(), 0);
        drop(running);
        assert_eq!(bulkhead.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_refuses_the_queue_and_new_callers() {
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
    async fn a_permit_may_be_dropped_on_another_thread() {
        let bulkhead = bulkhead(1, 1);
        let permit = bulkhead.acquire().await.unwrap();
        let (next, ()) = tokio::join!(bulkhead.acquire(), async {
            tokio::task::spawn_blocking(move || drop(permit)).await.unwrap();
        });
        assert!(next.is_ok());
    }
}
