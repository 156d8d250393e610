//! Snapshots, and going back to one.

use std::collections::BTreeMap;

use context_manager_core::Restored;
use context_manager_core::ports::{Snapshot, Verified};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Time;

/// A copy of the whole store, of all tenants.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Snapshot)]
pub(in crate::api) struct SnapshotBody {
    #[schema(example = "2026-01-02T03-04-05.678Z")]
    pub(in crate::api) name: String,
    created_at: Time,
    /// How many contexts it has, those that had expired among them.
    contexts: u64,
    /// The same for each tenant.
    tenants: BTreeMap<String, u64>,
    /// How many bytes its files have; those that it shares with the store count too.
    bytes: u64,
    /// How many milliseconds writes waited while it was made.
    paused_ms: u64,
}

impl From<Snapshot> for SnapshotBody {
    fn from(snapshot: Snapshot) -> Self {
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

/// The snapshots there are.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SnapshotList {
    /// Newest first.
    pub(in crate::api) snapshots: Vec<SnapshotBody>,
}

/// How to go back to a snapshot.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Restore)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RestoreBody {
    /// Whether to go on where contexts that were deleted after the snapshot was made may come back, as not all of them
    /// are known any more. Default false.
    #[serde(default)]
    pub(in crate::api) accept_erased: bool,
}

/// That the store was set back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Restored)]
pub(in crate::api) struct RestoredBody {
    snapshot: SnapshotBody,
    /// How many contexts of the snapshot were deleted again, as they were deleted after it was made.
    erased_again: u64,
    /// How many milliseconds calls waited.
    paused_ms: u64,
}

impl From<Restored> for RestoredBody {
    fn from(restored: Restored) -> Self {
        Self {
            snapshot: restored.snapshot.into(),
            erased_again: restored.erased_again,
            paused_ms: restored.paused_ms,
        }
    }
}

/// A snapshot that is what it was when it was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerifiedSnapshot)]
pub(in crate::api) struct VerifiedBody {
    snapshot: SnapshotBody,
    /// How many files were compared.
    files: usize,
}

impl From<Verified> for VerifiedBody {
    fn from(verified: Verified) -> Self {
        Self {
            snapshot: verified.snapshot.into(),
            files: verified.files,
        }
    }
}

/// A snapshot as the API shows it, for commands that show it too.
pub(crate) fn snapshot_json(snapshot: Snapshot) -> Value {
    serde_json::to_value(SnapshotBody::from(snapshot)).unwrap_or_default()
}

/// The same for going back to one.
pub(crate) fn restored_json(restored: Restored) -> Value {
    serde_json::to_value(RestoredBody::from(restored)).unwrap_or_default()
}
