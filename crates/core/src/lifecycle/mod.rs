//! The end of a context's life: expiry, promotion, policies, and groups for summaries.
//!
//! Pure: time comes in as `now`, nothing is deleted or written here; [`crate::ContextEngine::collect`] acts on it.
//!
//! Invariants: a pinned context never goes; who goes at one time goes at every later time, unless it changed; the lowest
//! value goes first.
//!
//! Deliberately absent: when a collection runs, and how contexts are found.

mod config;
mod group;
mod policy;
mod verdict;

pub use config::{Consolidation, Dedup, DedupPolicy, Gc, Lifecycle, Policy};
pub use group::{Item, group};
pub use policy::{Interner, Standing, judge};
pub use verdict::{Reason, Rules, Verdict, at_end_of_life};
