//! Staying responsive when something behind is slow: deadlines and bounded waiting lines.
//!
//! - [`Deadline`] is a moment by which an answer is due. It is handed down through calls, so that every wait on the way
//!   ends at the same moment instead of adding up.
//! - [`Bulkhead`] lets a bounded number of operations run at once and a bounded number wait; everyone else is told at
//!   once, and when to come back.
//!
//! Time is tokio's, so that tests can pause it. Deliberately absent: metrics and logs, which the caller adds with names
//! of its own, and anything about what is being protected.
//!
//! ```
//! use std::time::Duration;
//!
//! use context_manager_resilience::{Bulkhead, Deadline, Limits};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = Bulkhead::new("database", Limits { max_concurrent: 8, max_waiting: 100, ..Limits::default() });
//! let deadline = Deadline::after(Duration::from_secs(2));
//!
//! let permit = database.acquire_by(deadline).await?;
//! let answer = deadline.run(async { 6 * 7 }).await?;
//! drop(permit);
//!
//! assert_eq!(answer, 42);
//! # Ok(())
//! # }
//! ```

mod bulkhead;
mod deadline;

pub use bulkhead::{Bulkhead, Cause, Limits, Overloaded, Permit};
pub use deadline::{Deadline, DeadlineExceeded};
