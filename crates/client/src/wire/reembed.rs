//! Changes of the embedding model.

use context_manager_core::{ReembedPhase, ReembedProgress as Progress};
use serde::{Deserialize, Serialize};

/// State of a change of the embedding model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reembedding {
    /// `idle`, `running`, `done` or `stopped`.
    #[cfg_attr(feature = "openapi", schema(example = "running"))]
    pub state: String,
    /// Progress; left out if there was no change since the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<ReembedProgress>,
}

/// Progress of a change of the embedding model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReembedProgress {
    /// `filling`, `waiting` while the embedder is down, `switching` or `done`.
    pub phase: String,
    /// Model in use at the beginning.
    pub from: String,
    /// Model that replaces it.
    pub to: String,
    /// Number of contexts at the beginning, of all tenants.
    pub total: u64,
    /// Number of contexts embedded by the new model.
    pub embedded: u64,
    /// Number of contexts that the new model refused.
    pub refused: u64,
}

impl From<Progress> for ReembedProgress {
    fn from(progress: Progress) -> Self {
        Self {
            phase: match progress.phase {
                ReembedPhase::Filling => "filling",
                ReembedPhase::Waiting => "waiting",
                ReembedPhase::Switching => "switching",
                ReembedPhase::Done => "done",
            }
            .to_owned(),
            from: progress.from.to_string(),
            to: progress.to.to_string(),
            total: progress.total,
            embedded: progress.embedded,
            refused: progress.refused,
        }
    }
}
