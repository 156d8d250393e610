//! Going back to a snapshot of the store while it serves.

use tokio::time::Instant;

use super::ContextEngine;
use crate::ports::{Snapshot, SnapshotError, Snapshots};

/// That the store was set back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// To what.
    pub snapshot: Snapshot,
    /// How many contexts of it were deleted again, as they were deleted since it was made.
    pub erased_again: u64,
    /// How many milliseconds calls waited.
    pub paused_ms: u64,
}

impl ContextEngine {
    /// Sets the whole store, of all tenants, back to a snapshot of `snapshots`, which must be those of this engine's store.
    /// Calls go on while it is prepared, and wait while it takes over.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub async fn restore(
        &self,
        snapshots: &dyn Snapshots,
        name: &str,
        accept_erased: bool,
    ) -> Result<Restored, SnapshotError> {
        let staged = snapshots.stage(name, accept_erased).await?;
        let start = Instant::now();
        // Nobody who has read something writes it to another state of the store.
        let model = self.model.write().await;
        let locks = self.locks.lock_all().await;
        let taken_over = staged.take_over().await;
        // Also when it failed: what is remembered is read again.
        self.l1.forget_all();
        self.tracks.invalidate_all();
        self.seeded.invalidate_all();
        self.vocabularies.forget_all();
        drop((locks, model));
        self.pending.arrived();
        let (snapshot, erased_again) = taken_over?;
        let paused_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            snapshot = snapshot.name,
            contexts = snapshot.total(),
            erased_again,
            paused_ms,
            "a snapshot was restored"
        );
        Ok(Restored {
            snapshot,
            erased_again,
            paused_ms,
        })
    }
}
