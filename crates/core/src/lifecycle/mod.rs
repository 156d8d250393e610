//! Decisions about the end of a context's life: expiry, promotion, policies, and groups for summaries.
//!
//! Pure: the caller passes the time and acts on the decisions, as [`crate::ContextEngine::collect`] does.
//!
//! Invariants: pinned contexts are never deleted; a context that is due stays due unless it changes; the lowest value is
//! deleted first.

mod config;
mod group;
mod policy;
mod verdict;

pub use config::{Consolidation, Dedup, DedupPolicy, Gc, Lifecycle, Policy};
pub(crate) use group::{Item, group};
pub(crate) use policy::{Interner, PolicyInput, judge};
pub use verdict::Reason;
pub(crate) use verdict::{Rules, Verdict, at_end_of_life};
