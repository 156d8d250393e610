//! Embedding models: vectors now or later, and the change to another model.

mod in_use;
mod pending;
mod reembed;
mod unchanged;

pub(super) use in_use::{ModelGuard, Models};
pub(super) use pending::{Backoff, PendingVectors};
pub(super) use reembed::Reembedding;

pub use in_use::OnEmbeddingFailure;
pub use pending::{Pending, PendingRound};
pub use reembed::{ReembedPhase, ReembedProgress, ReembedSettings};
