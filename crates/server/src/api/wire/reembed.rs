//! How a change of the embedding model stands.

use context_manager_core::{ReembedPhase, ReembedProgress};
use serde::Serialize;
use utoipa::ToSchema;

use crate::reembedding::ReembedState;

/// How a change of the embedding model stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reembedding)]
pub(in crate::api) struct ReembedAnswer {
    /// `idle`, `running`, `done` or `stopped`.
    #[schema(example = "running")]
    state: &'static str,
    /// How far it has come; null when there was none since the start.
    progress: Option<ReembedProgressBody>,
}

/// How far a change of the embedding model has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReembedProgress)]
struct ReembedProgressBody {
    /// `filling`, `waiting` while the embedder is down, `switching` or `done`.
    phase: &'static str,
    /// The model that served at the beginning.
    from: String,
    /// The model that takes over.
    to: String,
    /// Contexts stored at the beginning, of all tenants.
    total: u64,
    /// Contexts that got a vector of the new model.
    embedded: u64,
    /// Contexts that the new model refused.
    refused: u64,
}

impl From<(ReembedState, Option<ReembedProgress>)> for ReembedAnswer {
    fn from((state, progress): (ReembedState, Option<ReembedProgress>)) -> Self {
        Self {
            state: match state {
                ReembedState::Idle => "idle",
                ReembedState::Running => "running",
                ReembedState::Done => "done",
                ReembedState::Stopped => "stopped",
            },
            progress: progress.map(Into::into),
        }
    }
}

impl From<ReembedProgress> for ReembedProgressBody {
    fn from(progress: ReembedProgress) -> Self {
        Self {
            phase: match progress.phase {
                ReembedPhase::Filling => "filling",
                ReembedPhase::Waiting => "waiting",
                ReembedPhase::Switching => "switching",
                ReembedPhase::Done => "done",
            },
            from: progress.from.to_string(),
            to: progress.to.to_string(),
            total: progress.total,
            embedded: progress.embedded,
            refused: progress.refused,
        }
    }
}
