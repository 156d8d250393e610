//! Rate limits per caller.
//!
//! The generic cell rate algorithm (GCRA) of the `governor` crate keeps one atomic number per caller. A caller may spend
//! its burst at once and regains it at a steady rate; a refusal costs nothing. Memory is bounded: callers with a full
//! burst are forgotten, and beyond the maximum number of callers, new ones share one allowance.

mod states;

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter as Governor};

use states::States;

/// Rate limit of one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Units regained per second.
    pub per_sec: NonZeroU32,
    /// Units that may be spent at once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// Returns the time to regain the whole burst.
    pub fn window(self) -> Duration {
        self.quota().burst_size_replenished_in()
    }

    fn quota(self) -> Quota {
        Quota::per_second(self.per_sec).allow_burst(self.burst)
    }
}

/// Remaining allowance of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allowance {
    /// The rate that was checked.
    pub rate: Rate,
    /// Units that may still be spent at once.
    pub remaining: u32,
}

impl Allowance {
    /// Creates the allowance that another limiter of this rate has counted.
    pub fn new(rate: Rate, remaining: u32) -> Self {
        Self { rate, remaining }
    }

    /// Returns the time until the whole burst can be spent again.
    pub fn whole_after(self) -> Duration {
        let missing = self.rate.burst.get().saturating_sub(self.remaining);
        self.rate.quota().replenish_interval() * missing
    }
}

/// The caller exceeded its rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit is exceeded; try again in {retry_after:?}")]
#[non_exhaustive]
pub struct RateLimited {
    /// The rate that was exceeded.
    pub rate: Rate,
    /// Time until the same call is admitted, without other calls in between.
    pub retry_after: Duration,
}

impl RateLimited {
    /// Creates the refusal of another limiter of this rate.
    pub fn new(rate: Rate, retry_after: Duration) -> Self {
        Self { rate, retry_after }
    }
}

/// Limits the rate of each caller, identified by `K`.
pub struct RateLimiter<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    rate: Rate,
    callers: Governor<K, States<K>, C, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// Makes a limiter that tracks at most `max_callers` callers.
    pub fn new(rate: Rate, max_callers: usize) -> Self {
        Self::with_clock(rate, max_callers, DefaultClock::default())
    }
}

impl<K: Hash + Eq + Clone, C: Clock> RateLimiter<K, C> {
    fn with_clock(rate: Rate, max_callers: usize, clock: C) -> Self {
        let callers = Governor::new(rate.quota(), States::new(max_callers), clock);
        Self { rate, callers }
    }

    /// Spends `cost` units of `caller`'s allowance. A cost above the burst counts as the burst, or it could never be paid.
    ///
    /// # Errors
    /// [`RateLimited`], and nothing is spent.
    pub fn check(&self, caller: &K, cost: NonZeroU32) -> Result<Allowance, RateLimited> {
        let cost = cost.min(self.rate.burst);
        match self.callers.check_key_n(caller, cost) {
            Ok(Ok(left)) => Ok(Allowance {
                rate: self.rate,
                remaining: left.remaining_burst_capacity(),
            }),
            Ok(Err(refused)) => Err(RateLimited {
                rate: self.rate,
                retry_after: refused.wait_time_from(self.callers.clock().now()),
            }),
            // Only a cost above the burst.
            Err(_) => Err(RateLimited {
                rate: self.rate,
                retry_after: self.rate.window(),
            }),
        }
    }

    /// Forgets callers with a full burst, which changes nothing for them. Call it every few seconds.
    pub fn forget_idle(&self) {
        self.callers.retain_recent();
        self.callers.shrink_to_fit();
    }

    /// Returns the rate of each caller.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Returns the number of tracked callers.
    pub fn callers(&self) -> usize {
        self.callers.len()
    }
}

impl<K: Hash + Eq + Clone, C: Clock> fmt::Debug for RateLimiter<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("rate", &self.rate)
            .field("callers", &self.callers())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
