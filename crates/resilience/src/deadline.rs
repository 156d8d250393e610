//! The moment by which an answer is due.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Maximum time to a deadline, which every timer can represent.
const FAR: Duration = Duration::from_hours(365 * 24);

/// The moment by which an answer is due. Passed down through calls, so that all of them share one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// The deadline passed before the answer was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub struct DeadlineExceeded;

impl Deadline {
    /// Returns the deadline `limit` from now; more than a year counts as a year.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit.min(FAR))
    }

    /// Returns the remaining time, zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Waits for `future` until the deadline, then drops it. A future that is ready at once wins even over a deadline
    /// that has passed.
    ///
    /// # Errors
    /// [`DeadlineExceeded`] when it was not done in time.
    pub async fn run<F: Future>(self, future: F) -> Result<F::Output, DeadlineExceeded> {
        timeout_at(self.0, future).await.map_err(|_elapsed| DeadlineExceeded)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_time_is_returned() {
        let deadline = Deadline::after(Duration::from_secs(1));
        let answer = deadline.run(async {
            sleep(Duration::from_millis(999)).await;
            7
        });
        assert_eq!(answer.await, Ok(7));
        assert_eq!(deadline.remaining(), Duration::from_millis(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_future_is_dropped() {
        let deadline = Deadline::after(Duration::from_secs(1));
        let started = Instant::now();
        assert_eq!(deadline.run(pending::<()>()).await, Err(DeadlineExceeded));
        assert_eq!(started.elapsed(), Duration::from_secs(1));
        assert_eq!(deadline.remaining(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn steps_share_one_limit() {
        let deadline = Deadline::after(Duration::from_secs(3));
        deadline.run(sleep(Duration::from_secs(2))).await.unwrap();
        assert_eq!(deadline.run(sleep(Duration::from_secs(2))).await, Err(DeadlineExceeded));
    }

    #[tokio::test(start_paused = true)]
    async fn a_passed_deadline_leaves_no_time_but_lets_a_ready_answer_through() {
        let deadline = Deadline::after(Duration::ZERO);
        advance(Duration::from_secs(5)).await;
        assert_eq!(deadline.remaining(), Duration::ZERO);
        assert_eq!(deadline.run(ready(1)).await, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_overflows() {
        assert_eq!(Deadline::after(Duration::MAX).remaining(), FAR);
    }
}
