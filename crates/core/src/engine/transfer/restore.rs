//! Swapping the store for a snapshot while it serves.

use tokio::time::Instant;

use crate::engine::contexts::Contexts;
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

/// Swaps the store for a snapshot, and forgets what this process knows of it.
pub(crate) async fn restore(
    at: Contexts<'_>,
    snapshots: &dyn Snapshots,
    name: &str,
    accept_erased: bool,
) -> Result<Restored, SnapshotError> {
    let staged = snapshots.stage(name, accept_erased).await?;
    let start = Instant::now();
    // Excludes all read-modify-write operations during the swap.
    let model = at.models.exclusively().await;
    let locks = at.locks.lock_all().await;
    let swapped = staged.take_over().await;
    // Also after a failure, which leaves the outcome unknown.
    at.memory.reload_all().await;
    at.memory.offsets.forget_all();
    at.sequences.forget_all();
    at.vocabularies.forget_all();
    at.backlog.forget_all();
    drop((locks, model));
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
