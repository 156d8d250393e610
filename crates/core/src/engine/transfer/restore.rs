//! Swapping the store for a snapshot while it serves.

use tokio::time::Instant;

use crate::engine::locks::KeyedLocks;
use crate::engine::models::Models;
use crate::engine::sequences::Sequences;
use crate::engine::vocabulary::Vocabularies;
use crate::engine::working_memory::WorkingMemory;
use crate::ports::{Snapshot, SnapshotError, Snapshots};

/// Result of restoring a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Number of its contexts that were purged again, as they were purged since it was made.
    pub erased_again: u64,
    /// Milliseconds that calls waited.
    pub paused_ms: u64,
}

/// State that a restored snapshot makes obsolete.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restoring<'a> {
    pub(crate) locks: &'a KeyedLocks,
    pub(crate) memory: &'a WorkingMemory,
    pub(crate) models: &'a Models,
    pub(crate) sequences: &'a Sequences,
    pub(crate) vocabularies: &'a Vocabularies,
}

impl Restoring<'_> {
    pub(crate) async fn run(
        &self,
        snapshots: &dyn Snapshots,
        name: &str,
        accept_erased: bool,
    ) -> Result<Restored, SnapshotError> {
        let staged = snapshots.stage(name, accept_erased).await?;
        let start = Instant::now();
        // Excludes all read-modify-write operations during the swap.
        let model = self.models.exclusively().await;
        let locks = self.locks.lock_all().await;
        let swapped = staged.take_over().await;
        // Also after a failure, which leaves the outcome unknown.
        self.memory.reload_all();
        self.memory.offsets.forget_all();
        self.sequences.forget_all();
        self.vocabularies.forget_all();
        drop((locks, model));
        self.models.announce_pending();
        let (snapshot, erased_again) = swapped?;
        let paused_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            snapshot = snapshot.name,
            contexts = snapshot.total(),
            erased_again,
            paused_ms,
            "snapshot restored"
        );
        Ok(Restored {
            snapshot,
            erased_again,
            paused_ms,
        })
    }
}
