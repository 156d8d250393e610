//! Snapshots of a store, and restores.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{BoxError, StoreError};
use crate::TenantId;

/// Store that makes consistent snapshots of all tenants while it serves, and restores them.
///
/// Contexts deleted by [`VectorStore::delete`](super::VectorStore::delete) after a snapshot stay deleted when it is restored.
#[async_trait]
pub trait Snapshots: fmt::Debug + Send + Sync + 'static {
    /// Makes a snapshot of everything acknowledged before the call, and removes the oldest ones beyond the number kept.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing is left behind.
    async fn create(&self) -> Result<Snapshot, SnapshotError>;

    /// Returns the snapshots, newest first.
    ///
    /// # Errors
    /// [`SnapshotError`] if they cannot be read.
    async fn list(&self) -> Result<Vec<Snapshot>, SnapshotError>;

    /// Opens a copy of a snapshot and compares its files and contents with its description.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] if they differ.
    async fn verify(&self, name: &str) -> Result<Verified, SnapshotError>;

    /// Prepares a restore while the store serves: copies the snapshot, checks it, and deletes in it the contexts that were
    /// deleted since. `accept_erased` continues even if some later deletions are no longer known. Waits for incompatible
    /// background work, such as rebuilding an index.
    ///
    /// # Errors
    /// [`SnapshotError`]; the store is unchanged.
    async fn stage(&self, name: &str, accept_erased: bool) -> Result<Box<dyn Staged>, SnapshotError>;
}

/// Snapshot that is ready to replace the store. Dropping it cancels the restore.
#[async_trait]
pub trait Staged: fmt::Debug + Send + Sync {
    /// Replaces the store, atomically for readers and across a crash. Calls to the store wait meanwhile. Returns the snapshot
    /// and the number of its contexts that were deleted again.
    ///
    /// # Errors
    /// [`SnapshotError`]; the store is unchanged, or, if it cannot be reopened, every later call to it fails.
    async fn take_over(self: Box<Self>) -> Result<(Snapshot, u64), SnapshotError>;
}

/// Snapshot of the whole store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Name.
    pub name: String,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Number of contexts of each tenant, including expired ones.
    pub contexts: BTreeMap<TenantId, u64>,
    /// Size of its files in bytes, including those shared with the store.
    pub bytes: u64,
    /// Milliseconds for which writes waited during its creation.
    pub paused_ms: u64,
}

impl Snapshot {
    /// Returns the number of contexts.
    pub fn total(&self) -> u64 {
        self.contexts.values().sum()
    }
}

/// Result of a successful verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Verified snapshot.
    pub snapshot: Snapshot,
    /// Number of its files.
    pub files: usize,
}

/// Error of a call about snapshots.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// No snapshot has this name.
    #[error("there is no snapshot of this name")]
    NotFound,
    /// The snapshot differs from its description.
    #[error("the snapshot is damaged: {0}")]
    Damaged(String),
    /// The store makes no snapshots, for this reason.
    #[error("{0}")]
    Unsupported(String),
    /// The snapshot cannot be used with this store.
    #[error("{0}")]
    Unusable(String),
    /// Some later deletions are no longer known, for this reason.
    #[error(
        "contexts that were deleted after this snapshot was made may come back: {0}. Accept that with `accept_erased`, or \
         use a newer snapshot"
    )]
    ErasedUnknown(&'static str),
    /// Another call about snapshots is running.
    #[error("another snapshot is being made, verified or restored")]
    Busy,
    /// The disk has too little space.
    #[error("the disk has {free} bytes left, and {needed} are needed; nothing was changed")]
    NoSpace {
        /// Bytes free.
        free: u64,
        /// Bytes needed, including the reserve.
        needed: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files cannot be read or written.
    #[error("snapshots cannot be read or written")]
    Files(#[source] BoxError),
}
