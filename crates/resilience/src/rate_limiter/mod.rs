//! How often each caller may call.
//!
//! The generic cell rate algorithm (GCRA), from the `governor` crate: one number a caller, changed without a lock. A
//! caller may spend its burst at once and gets it back at a steady rate; being refused costs nothing. What is kept is
//! bounded: callers whose burst is whole again are forgotten, and when there are too many, newcomers share one allowance.

mod states;

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter as Governor};

use states::States;

/// How much a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What a caller gets back each second.
    pub per_sec: NonZeroU32,
    /// What a caller may spend at once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// How long it takes to get the whole burst back.
    pub fn window(self) -> Duration {
        self.quota().burst_size_replenished_in()
    }

    fn quota(self) -> Quota {
        Quota::per_second(self.per_sec).allow_burst(self.burst)
    }
}

/// What is left to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The rate that was checked.
    pub rate: Rate,
    /// What the caller may still spend at once.
    pub remaining: u32,
}

impl Allowance {
    /// How long until the whole burst can be spent again.
    pub fn whole_after(self) -> Duration {
        let missing = self.rate.burst.get().saturating_sub(self.remaining);
        self.rate.quota().replenish_interval() * missing
    }
}

/// The caller has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit is exceeded; try again in {retry_after:?}")]
pub struct RateLimited {
    /// The rate that was exceeded.
    pub rate: Rate,
    /// When the same call would be let through, if nothing else is called meanwhile.
    pub retry_after: Duration,
}

/// Lets each caller, told apart by `K`, do so much and no more.
pub struct RateLimiter<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    rate: Rate,
    callers: Governor<K, States<K>, C, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// A limiter that tells at most `max_callers` apart.
    pub fn new(rate: Rate, max_callers: usize) -> Self {
        Self::with_clock(rate, max_callers, DefaultClock::default())
    }
}

impl<K: Hash + Eq + Clone, C: Clock> RateLimiter<K, C> {
    /// The same, whose time is `clock`'s.
    pub fn with_clock(rate: Rate, max_callers: usize, clock: C) -> Self {
        let callers = Governor::new(rate.quota(), States::new(max_callers), clock);
        Self { rate, callers }
    }

    /// Spends `cost` of what `caller` may do. A cost above the burst counts as the burst, or it could never be paid.
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

    /// Forgets callers whose burst is whole again, which changes nothing for them. Call it every few seconds.
    pub fn forget_idle(&self) {
        self.callers.retain_recent();
        self.callers.shrink_to_fit();
    }

    /// How many callers are told apart now.
    pub fn callers(&self) -> usize {
        self.callers.len()
    }

    /// The rate of each caller.
    pub fn rate(&self) -> Rate {
        self.rate
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
