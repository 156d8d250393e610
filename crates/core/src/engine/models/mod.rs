//! Embedding models: vectors now or later, and the change to another model.

mod pending;
mod reembed;
mod unchanged;

pub(super) use pending::{Backoff, PendingVectors};
pub(super) use reembed::reembed;
pub(super) use unchanged::while_unchanged;

pub use pending::{Pending, PendingRound};
pub use reembed::{ReembedPhase, ReembedProgress, ReembedSettings};
