//! What was forgotten of a person.

use context_manager_core::Forgotten;
use serde::Serialize;
use utoipa::ToSchema;

use super::{LevelCounts, Time};

/// What was forgotten of a person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForgottenUser)]
pub(in crate::api) struct ForgottenBody {
    /// How many contexts were deleted.
    pub(in crate::api) deleted: u64,
    /// Of these: the person's own, by level.
    levels: LevelCounts<u64>,
    /// Of these: contexts of others, or of nobody, that were made from the person's.
    derived: u64,
    /// How many of them were in working memory.
    working_memory: u64,
    /// How many of them waited for their vector.
    pending: u64,
    /// How often everything was looked through; the last time nothing was found.
    rounds: u32,
    receipt: ReceiptBody,
}

/// Proof of what was forgotten, which the audit log holds too.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForgottenReceipt)]
struct ReceiptBody {
    /// SHA-256, in hexadecimal, of these lines, each ended by a line feed: tenant, user, time, `immediate=n`,
    /// `short_term=n`, `long_term=n`, `derived=n`.
    hash: String,
    time: Time,
}

impl From<Forgotten> for ForgottenBody {
    fn from(forgotten: Forgotten) -> Self {
        Self {
            deleted: forgotten.deleted(),
            levels: forgotten.contexts.into(),
            derived: forgotten.derived,
            working_memory: forgotten.working_memory,
            pending: forgotten.pending,
            rounds: forgotten.rounds,
            receipt: ReceiptBody {
                hash: forgotten.receipt.hash,
                time: Time(forgotten.receipt.time),
            },
        }
    }
}
