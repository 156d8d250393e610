//! Snapshots.

use std::collections::BTreeMap;

use context_manager_core as domain;
use context_manager_core::ports::{Snapshot as StoredSnapshot, Verified};
use serde::{Deserialize, Serialize};

use super::Time;

/// A copy of the whole store, with all tenants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(example = "2026-01-02T03-04-05.678Z"))]
    pub name: String,
    /// Time it was made.
    pub created_at: Time,
    /// Number of contexts, expired ones included.
    pub contexts: u64,
    /// The same by tenant.
    pub tenants: BTreeMap<String, u64>,
    /// Size of its files, those shared with the store included.
    pub bytes: u64,
    /// Milliseconds that writes waited for it.
    pub paused_ms: u64,
}

impl From<StoredSnapshot> for Snapshot {
    fn from(snapshot: StoredSnapshot) -> Self {
        Self {
            contexts: snapshot.total(),
            name: snapshot.name,
            created_at: Time(snapshot.created_at),
            tenants: snapshot
                .contexts
                .into_iter()
                .map(|(tenant, count)| (tenant.as_str().to_owned(), count))
                .collect(),
            bytes: snapshot.bytes,
            paused_ms: snapshot.paused_ms,
        }
    }
}

/// All snapshots.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SnapshotList {
    /// Snapshots, newest first.
    pub snapshots: Vec<Snapshot>,
}

/// Options of a restore.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// Restore although the log of deletions does not reach back to the snapshot, so that contexts deleted since may come
    /// back. Default false.
    #[serde(default)]
    pub accept_erased: bool,
}

/// Outcome of a restore.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Restored {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Number of contexts of the snapshot that were deleted again, as they were deleted after it was made.
    pub erased_again: u64,
    /// Milliseconds that calls waited.
    pub paused_ms: u64,
}

impl From<domain::Restored> for Restored {
    fn from(restored: domain::Restored) -> Self {
        Self {
            snapshot: restored.snapshot.into(),
            erased_again: restored.erased_again,
            paused_ms: restored.paused_ms,
        }
    }
}

/// Outcome of a verification that found no damage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifiedSnapshot {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Number of files compared.
    pub files: usize,
}

impl From<Verified> for VerifiedSnapshot {
    fn from(verified: Verified) -> Self {
        Self {
            snapshot: verified.snapshot.into(),
            files: verified.files,
        }
    }
}
