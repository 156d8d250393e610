//! Copies of everything that is stored, and going back to one.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{BoxError, StoreError};
use crate::TenantId;

/// Makes consistent copies of a whole store, of all tenants, while it serves, and sets it back to one.
///
/// What was deleted by [`VectorStore::delete`](super::VectorStore::delete) since a snapshot was made stays deleted when the
/// store is set back to it.
#[async_trait]
pub trait Snapshots: fmt::Debug + Send + Sync + 'static {
    /// Makes a snapshot with everything that was acknowledged before the call, and removes the oldest ones beyond the
    /// number that is kept.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing is left behind.
    async fn create(&self) -> Result<Snapshot, SnapshotError>;

    /// The snapshots there are, newest first.
    ///
    /// # Errors
    /// [`SnapshotError`] when they cannot be read.
    async fn list(&self) -> Result<Vec<Snapshot>, SnapshotError>;

    /// Opens a copy of a snapshot and compares its files and what is in it with what was written down when it was made.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] when they differ.
    async fn verify(&self, name: &str) -> Result<Verified, SnapshotError>;

    /// Prepares to go back to a snapshot, while the store serves: copies it, checks it, and deletes in it what was
    /// deleted since. `accept_erased` goes on also where not everything that was deleted since is known any more. It waits
    /// for work in the background that could not go on meanwhile, such as rebuilding an index.
    ///
    /// # Errors
    /// [`SnapshotError`]; the store is as it was.
    async fn stage(&self, name: &str, accept_erased: bool) -> Result<Box<dyn Staged>, SnapshotError>;
}

/// A snapshot that is ready to take the place of what is stored. Dropped, it is given up.
#[async_trait]
pub trait Staged: fmt::Debug + Send + Sync {
    /// Takes that place, in one step for those who read and for those who start after a crash. Calls to the store wait
    /// meanwhile. Returns the snapshot, and how many contexts of it were deleted again.
    ///
    /// # Errors
    /// [`SnapshotError`]; the store is as it was, or, where it cannot be opened any more, every later call to it fails.
    async fn take_over(self: Box<Self>) -> Result<(Snapshot, u64), SnapshotError>;
}

/// A copy of the whole store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many contexts it has of each tenant, those that had expired among them.
    pub contexts: BTreeMap<TenantId, u64>,
    /// How many bytes its files have; those it shares with the store count too.
    pub bytes: u64,
    /// How many milliseconds writes waited while it was made.
    pub paused_ms: u64,
}

impl Snapshot {
    /// How many contexts it has.
    pub fn total(&self) -> u64 {
        self.contexts.values().sum()
    }
}

/// What was compared and found to be as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// How many files.
    pub files: usize,
}

/// Why something about snapshots failed.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is none of this name.
    #[error("there is no snapshot of this name")]
    NotFound,
    /// The snapshot is not as it was when it was made.
    #[error("the snapshot is damaged: {0}")]
    Damaged(String),
    /// It cannot be used here.
    #[error("{0}")]
    Unusable(String),
    /// Not all that was deleted since it was made is known any more, for this reason.
    #[error(
        "contexts that were deleted after this snapshot was made may come back: {0}. Accept that with `accept_erased`, or \
         use a newer snapshot"
    )]
    ErasedUnknown(&'static str),
    /// Another snapshot is being made or restored.
    #[error("another snapshot is being made, verified or restored")]
    Busy,
    /// The disk is too small.
    #[error("the disk has {free} bytes left, and {needed} are needed; nothing was changed")]
    NoSpace {
        /// Bytes that are left.
        free: u64,
        /// Bytes that are needed, with those that are kept free.
        needed: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files cannot be read or written.
    #[error("snapshots cannot be read or written")]
    Files(#[source] BoxError),
}
