//! Retries with exponential backoff and jitter.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::Deadline;

/// Retry policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Maximum number of retries; 0 disables them.
    pub max_retries: usize,
    /// Milliseconds before the first retry, doubled for each further one, with up to as much jitter again, so that callers
    /// that failed together do not retry together.
    pub backoff_ms: u64,
    /// Maximum milliseconds before a retry, without jitter.
    pub max_backoff_ms: u64,
}

/// Decision about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Retry, after this time if the service asked for it.
    Retry(Option<Duration>),
    /// Do not retry: the call would fail again.
    GiveUp,
}

impl Default for Retry {
    /// Two retries, after 100 and 200 ms.
    fn default() -> Self {
        Self {
            max_retries: 2,
            backoff_ms: 100,
            max_backoff_ms: 5_000,
        }
    }
}

impl Retry {
    /// Makes attempts until one succeeds, `judge` gives up, the retries are used up, or the next one would start after
    /// `deadline`. Does not end an attempt that is running at the deadline.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn run<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        deadline: Deadline,
        judge: impl Fn(&E) -> Verdict,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, E> {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(self.backoff_ms))
            .with_max_delay(Duration::from_millis(self.max_backoff_ms))
            .with_max_times(self.max_retries)
            .with_jitter()
            .build();
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let (Verdict::Retry(after), Some(pause)) = (judge(&error), pauses.next()) else {
                return Err(error);
            };
            let pause = after.unwrap_or(pause);
            if pause >= deadline.remaining() {
                return Err(error);
            }
            sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;

    const FAR: Duration = Duration::from_mins(1);

    /// Returns the number of attempts, the result and the total time when every attempt before `succeed_at` fails.
    async fn run(
        retry: Retry,
        limit: Duration,
        verdict: Verdict,
        succeed_at: usize,
    ) -> (usize, Result<(), ()>, Duration) {
        let (attempts, start) = (Cell::new(0), Instant::now());
        let attempt = || {
            attempts.set(attempts.get() + 1);
            std::future::ready(if attempts.get() >= succeed_at { Ok(()) } else { Err(()) })
        };
        let result = retry.run(Deadline::after(limit), |()| verdict, attempt).await;
        (attempts.get(), result, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn it_retries_until_success_or_the_maximum() {
        let retry = Retry::default();
        let again = Verdict::Retry(None);
        let (attempts, result, took) = run(retry, FAR, again, 3).await;
        assert_eq!((attempts, result), (3, Ok(())));
        assert!((300..=620).contains(&took.as_millis()), "{took:?}");
        assert_eq!(run(retry, FAR, again, 4).await.0, 3);
        let never = Retry {
            max_retries: 0,
            ..retry
        };
        assert_eq!(run(never, FAR, again, 2).await.0, 1);
        assert_eq!(run(retry, FAR, Verdict::GiveUp, 2).await.0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_service_may_set_the_pause() {
        let (attempts, result, took) =
            run(Retry::default(), FAR, Verdict::Retry(Some(Duration::from_secs(7))), 2).await;
        assert_eq!((attempts, result, took), (2, Ok(()), Duration::from_secs(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_retry_starts_after_the_deadline() {
        let patient = Verdict::Retry(Some(Duration::from_secs(7)));
        let (attempts, result, took) = run(Retry::default(), Duration::from_secs(7), patient, 2).await;
        assert_eq!((attempts, result, took), (1, Err(()), Duration::ZERO));
    }
}
