//! The end of a context's life: who goes, who stays, who is made into one with others.
//!
//! Pure: time comes in as `now`, nothing is deleted or written here; [`crate::ContextEngine::collect`] acts on it.
//!
//! Invariants: a pinned context never goes; who goes at one time goes at every later time, unless it changed; the lowest
//! value goes first.
//!
//! Deliberately absent: when a collection runs, and how contexts are found.

mod config;
mod echo;
mod extract;
mod group;
mod policy;
mod verdict;

pub use config::{Consolidation, Dedup, Gc, Lifecycle, NearDuplicates, Policy};
pub use echo::{ECHO_TAG, echoed, is_echo};
pub use extract::{Sentence, choose, sentences};
pub use group::{Item, group};
pub use policy::{Interner, Standing, judge};
pub use verdict::{Reason, Verdict, at_end_of_life};
