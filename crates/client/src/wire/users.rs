//! Users who were forgotten.

use context_manager_core::Forgotten;
use serde::{Deserialize, Serialize};

use super::{LevelCounts, Time};

/// Outcome of forgetting a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForgottenUser {
    /// Number of deleted contexts.
    pub deleted: u64,
    /// Number of the user's own contexts, by level.
    pub levels: LevelCounts<u64>,
    /// Number of contexts of others, or of nobody, that summarize the user's.
    pub derived: u64,
    /// Number of them that were in working memory.
    pub working_memory: u64,
    /// Number of them whose dense vector was still to come.
    pub pending: u64,
    /// Number of passes over the store; the last one found nothing.
    pub rounds: u32,
    /// The receipt.
    pub receipt: ForgottenReceipt,
}

/// Proof of the deletion, which the audit log holds as well.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForgottenReceipt {
    /// SHA-256, in hexadecimal, of these lines, each ended by a line feed: tenant, user, time, `immediate=n`,
    /// `short_term=n`, `long_term=n`, `derived=n`.
    pub hash: String,
    /// Time of the deletion.
    pub time: Time,
}

impl From<Forgotten> for ForgottenUser {
    fn from(forgotten: Forgotten) -> Self {
        Self {
            deleted: forgotten.deleted(),
            levels: forgotten.contexts.into(),
            derived: forgotten.derived,
            working_memory: forgotten.working_memory,
            pending: forgotten.pending,
            rounds: forgotten.rounds,
            receipt: ForgottenReceipt {
                hash: forgotten.receipt.hash,
                time: Time(forgotten.receipt.time),
            },
        }
    }
}
