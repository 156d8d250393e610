//! The moment by which a search answers with what it has.
//!
//! Each step may take a share of the time that is left, so that a slow one costs itself and not those after it: without a
//! vector there are words, without the store there is working memory.

use std::future::Future;

use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::ports::StoreError;

/// Step that waits for another part.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    Question,
    Vocabulary,
    WorkingMemory,
    Store,
    Neighbours,
    Rerank,
}

impl Wait {
    /// Returns the share of the time left, in eighths. Never all of it: ranking and answering take time, too.
    fn eighths(self) -> u32 {
        match self {
            Self::Vocabulary => 2,
            Self::Question | Self::WorkingMemory | Self::Neighbours => 4,
            Self::Store => 6,
            Self::Rerank => 7,
        }
    }
}

/// The time of a step was over before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Late;

impl From<Late> for Error {
    fn from(_: Late) -> Self {
        Self::DeadlineExceeded
    }
}

/// The moment by which a search answers, if there is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(pub(super) Option<Instant>);

impl Deadline {
    /// Waits for `step` during its share of the time left, then drops it. What is ready at once is taken even after the
    /// deadline.
    pub(super) async fn wait<F: Future>(self, kind: Wait, step: F) -> Result<F::Output, Late> {
        let Some(end) = self.0 else {
            return Ok(step.await);
        };
        let now = Instant::now();
        let share = end.saturating_duration_since(now) * kind.eighths() / 8;
        timeout_at(now + share, step).await.map_err(|_elapsed| Late)
    }

    /// Reads from the store as [`Self::wait`] does.
    pub(super) async fn read<T>(
        self,
        kind: Wait,
        step: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Error> {
        Ok(self.wait(kind, step).await??)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::{Duration, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn steps_that_hang_leave_time_for_those_after_them() {
        let start = Instant::now();
        let deadline = Deadline(Some(start + Duration::from_millis(800)));
        let mut took = Vec::new();
        for kind in [
            Wait::Question,
            Wait::Vocabulary,
            Wait::WorkingMemory,
            Wait::Store,
            Wait::Neighbours,
            Wait::Rerank,
        ] {
            let before = Instant::now();
            assert_eq!(deadline.wait(kind, pending::<()>()).await, Err(Late));
            took.push(before.elapsed().as_millis());
        }
        // Timers round up to the next millisecond.
        assert_eq!(took, [400, 100, 150, 113, 19, 16]);
        assert!(start.elapsed() < Duration::from_millis(800));
        assert_eq!(deadline.wait(Wait::Question, sleep(Duration::ZERO)).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_cut_without_a_deadline_nor_if_it_is_ready() {
        let slow = sleep(Duration::from_hours(1));
        assert_eq!(Deadline(None).wait(Wait::Store, slow).await, Ok(()));
        let passed = Deadline(Some(Instant::now()));
        assert_eq!(passed.wait(Wait::Store, ready(7)).await, Ok(7));
    }
}
