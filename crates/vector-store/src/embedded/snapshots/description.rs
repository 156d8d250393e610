//! The descriptions of snapshots, and the folder that holds them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use context_manager_core::TenantId;
use context_manager_core::ports::{Snapshot, SnapshotError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failure::{damaged, io_failed};
use super::files::FileEntry;
use crate::disk;
use crate::embedded::freeze::Frozen;
use crate::snapshot_name;

/// The description's name in the snapshot's folder.
pub(super) const FILE: &str = "snapshot.json";
/// The format that this version writes, and the newest it reads.
const FORMAT: u32 = 1;

/// The description of a snapshot. Written last: a folder without it is no snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Description {
    format: u32,
    created_at: Timestamp,
    paused_ms: u64,
    /// Number in the log of deletions: later ones are applied when the snapshot is restored.
    pub(super) erased_until: u64,
    /// Number of contexts of each tenant.
    pub(super) contexts: BTreeMap<String, u64>,
    pub(super) files: Vec<FileEntry>,
}

impl Description {
    pub(super) fn new(frozen: Frozen, created_at: Timestamp, files: Vec<FileEntry>) -> Self {
        Self {
            format: FORMAT,
            created_at,
            paused_ms: u64::try_from(frozen.paused.as_millis()).unwrap_or(u64::MAX),
            erased_until: frozen.deleted_until,
            contexts: frozen.contexts,
            files,
        }
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("a description has nothing that JSON cannot hold");
        disk::write_file(&folder.join(FILE), &text)
    }

    /// Reads the description of the snapshot in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, SnapshotError> {
        let text = match fs::read(folder.join(FILE)) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(SnapshotError::NotFound);
            }
            Err(error) => return Err(io_failed(error)),
        };
        let description: Self =
            serde_json::from_slice(&text).map_err(|error| damaged(format!("{FILE} cannot be read: {error}")))?;
        if description.format > FORMAT {
            return Err(SnapshotError::Unusable(format!(
                "the snapshot has format {}, and this version reads formats up to {FORMAT}",
                description.format
            )));
        }
        Ok(description)
    }

    pub(super) fn snapshot(&self, name: &str) -> Result<Snapshot, SnapshotError> {
        let mut contexts = BTreeMap::new();
        for (tenant, count) in &self.contexts {
            let tenant = TenantId::try_new(tenant).map_err(|error| damaged(error.to_string()))?;
            contexts.insert(tenant, *count);
        }
        Ok(Snapshot {
            name: name.to_owned(),
            created_at: self.created_at,
            contexts,
            bytes: self.bytes(),
            paused_ms: self.paused_ms,
        })
    }

    /// Returns the size of its files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Returns the snapshots in `folder`, newest first. Skips unreadable ones, which are incomplete or foreign.
pub(super) fn list(folder: &Path) -> Result<Vec<Snapshot>, SnapshotError> {
    let mut found = Vec::new();
    let entries = disk::unless_gone(fs::read_dir(folder)).map_err(io_failed)?;
    for entry in entries.into_iter().flatten() {
        let name = entry.map_err(io_failed)?.file_name();
        let Some(name) = name.to_str().filter(|name| snapshot_name::is_valid(name)) else {
            continue;
        };
        match Description::read(&folder.join(name)).and_then(|description| description.snapshot(name)) {
            Ok(snapshot) => found.push(snapshot),
            Err(error) => tracing::warn!(snapshot = name, %error, "snapshot cannot be read"),
        }
    }
    found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.name.cmp(&a.name)));
    Ok(found)
}

/// Makes the snapshots in `folder` private to their owner. Other files there may be foreign.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    for entry in disk::unless_gone(fs::read_dir(folder))?.into_iter().flatten() {
        let snapshot = entry?.path();
        if snapshot.join(FILE).is_file() {
            disk::make_private(&snapshot)?;
        }
    }
    Ok(())
}
