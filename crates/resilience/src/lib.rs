//! Resilience against slow or failing services and against overload, for tokio.
//!
//! - [`Deadline`] is the moment by which an answer is due. Calls pass it down, so that their waits do not add up.
//! - [`Bulkhead`] limits the number of concurrent operations and the length of their queue, and refuses the rest at once.
//! - [`RateLimiter`] limits the rate of each caller.
//! - [`CircuitBreaker`] refuses calls to a failing service at once, and probes when it has recovered.
//! - [`Retry`] retries transient failures within a deadline.
//! - [`Secret`] is a token or key that neither logs nor serialised settings show.
//!
//! Time is tokio's, so that tests can pause it, except in the rate limiter, which has `governor`'s clock. This crate knows
//! nothing about the services and callers it protects.
//!
//! ```
//! use std::time::Duration;
//!
//! use context_manager_resilience::{Bulkhead, CircuitBreaker, CircuitBreakerConfig, Deadline, Limits, Retry, Verdict};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = Bulkhead::new("database", Limits { max_concurrent: 8, max_waiting: 100, ..Limits::default() });
//! let circuit = CircuitBreaker::new("database", CircuitBreakerConfig::default());
//! let deadline = Deadline::after(Duration::from_secs(2));
//!
//! let permit = database.acquire_by(deadline).await?;
//! let ask = || circuit.call(async { Ok::<_, std::io::Error>(6 * 7) }, |_error| true);
//! let answer = deadline.run(Retry::default().run(deadline, |_error| Verdict::Retry(None), ask)).await??;
//! drop(permit);
//!
//! assert_eq!(answer, 42);
//! # Ok(())
//! # }
//! ```

mod bulkhead;
mod circuit_breaker;
mod deadline;
pub mod metrics;
mod rate_limiter;
mod retry;
mod secret;

pub use bulkhead::{Bulkhead, Cause, Limits, Overloaded, Permit};
pub use circuit_breaker::{CallError, CallPermit, CircuitBreaker, CircuitBreakerConfig, CircuitOpen, CircuitState};
pub use deadline::{Deadline, DeadlineExceeded};
pub use rate_limiter::{Allowance, Rate, RateLimited, RateLimiter};
pub use retry::{Retry, Verdict};
pub use secret::Secret;
