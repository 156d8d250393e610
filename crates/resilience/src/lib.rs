//! Staying responsive when something behind is slow or down, or someone in front asks too much: deadlines, bounded
//! waiting lines, rate limits, circuits and retries.
//!
//! - [`Deadline`] is a moment by which an answer is due. It is handed down through calls, so that every wait on the way
//!   ends at the same moment instead of adding up.
//! - [`Bulkhead`] lets a bounded number of operations run at once and a bounded number wait; everyone else is told at
//!   once, and when to come back.
//! - [`RateLimiter`] lets each caller do so much a second and no more.
//! - [`CircuitBreaker`] refuses calls to a service that fails, at once, and finds out when it is back.
//! - [`Retry`] makes a call again that may succeed the next time, within a deadline.
//! - [`Secret`] is a token or key for such a service, shown nowhere.
//!
//! Time is tokio's, so that tests can pause it; the rate limiter's is of its own, as `governor` has it. Deliberately absent: anything about what is being protected.
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
