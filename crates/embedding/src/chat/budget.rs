//! The budget of tokens.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// A token bucket that holds the tokens of one minute and is refilled evenly.
#[derive(Debug)]
pub(super) struct TokenBudget {
    per_minute: f64,
    /// Level, and the time of its last update.
    level: Mutex<(f64, Instant)>,
}

impl TokenBudget {
    /// Makes a full bucket.
    pub(super) fn new(per_minute: u32) -> Self {
        let per_minute = f64::from(per_minute);
        Self {
            per_minute,
            level: Mutex::new((per_minute, Instant::now())),
        }
    }

    /// Takes tokens if the bucket has enough.
    #[expect(clippy::cast_precision_loss, reason = "a text has some thousand tokens")]
    pub(super) fn take(&self, tokens: usize) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let filled = now.duration_since(level.1).as_secs_f64() / 60.0 * self.per_minute;
        *level = ((level.0 + filled).min(self.per_minute), now);
        let tokens = tokens as f64;
        if tokens > level.0 {
            return false;
        }
        level.0 -= tokens;
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_refills_it_and_no_more() {
        let budget = TokenBudget::new(100);
        assert!(budget.take(60) && !budget.take(60));
        advance(Duration::from_secs(30)).await;
        assert!(budget.take(60) && !budget.take(60));
        advance(Duration::from_hours(1)).await;
        assert!(budget.take(100) && !budget.take(1));
        assert!(!budget.take(101));
    }
}
